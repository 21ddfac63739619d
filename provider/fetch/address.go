package fetch

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
)

// special are networks that are no place of the Internet (the registries of RFC 6890), or that a cloud has for itself.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
	"2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
)

// unicast6 is where the Internet of IPv6 is. All else is local, or has an IPv4 address inside.
var unicast6 = netip.MustParsePrefix("2000::/3")

// metadata are where clouds tell their machines secrets: nothing is ever fetched there, whatever is allowed.
var metadata = prefixes("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "100.100.100.200/32", "168.63.129.16/32")

func prefixes(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

func within(networks []netip.Prefix, address netip.Addr) bool {
	return slices.ContainsFunc(networks, func(network netip.Prefix) bool { return network.Contains(address) })
}

// reachable reports whether something may be fetched from the address.
func (c Config) reachable(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	switch {
	case within(metadata, address):
		return false
	case within(c.Internal, address), c.Loopback && address.IsLoopback():
		return true
	}
	return !within(special, address) && (address.Is4() || unicast6.Contains(address))
}

// control is asked before each connection, when names have become addresses: no answer of a name server leads elsewhere.
func (c Config) control(_, address string, _ syscall.RawConn) error {
	hop, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrAddress, address)
	}
	if !c.reachable(hop.Addr()) {
		return fmt.Errorf("%w: %s", ErrAddress, hop.Addr())
	}
	return nil
}

// check refuses addresses by what is written in them; control looks at what a name stands for.
func (c Config) check(u *url.URL) error {
	switch {
	case u.User != nil:
		return errors.New("a user name must not be in the address")
	case u.Scheme == "https" && u.Hostname() != "":
		return nil
	case u.Scheme == "http" && c.Loopback && isLoopback(u.Hostname()):
		return nil
	}
	return errors.New("the address must be https")
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}
