package spelling

import (
	"net"
	"net/netip"
)

// HostOf is the address in a RemoteAddr, without the port.
func HostOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return remote
	}
	return host
}

// NetworkOf is what the address in a RemoteAddr counts as where one visitor must not take what is for all: of IPv6 the
// network of 64 bits, which is one customer's. An IPv4 address is the same in either spelling. Behind a proxy that is not
// among the trusted ones everybody has the proxy's.
func NetworkOf(remote string) string {
	host := HostOf(remote)
	address, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if address = address.Unmap(); address.Is4() {
		return address.String()
	}
	return netip.PrefixFrom(address.WithZone(""), 64).Masked().String()
}
