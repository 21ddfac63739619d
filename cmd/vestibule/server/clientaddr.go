package server

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// clientAddress puts the address of the visitor in the place of the address of the proxy, for the log and for
// the budgets of guesses. It believes X-Forwarded-For only of a proxy in the list, and of what that says only
// what proxies in the list wrote: everything to the left may come from the visitor.
func clientAddress(proxies []netip.Prefix, log *slog.Logger, next http.Handler) http.Handler {
	var once sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, ok := parseHop(r.RemoteAddr)
		if ok && forgotten(peer.Addr(), proxies) && r.Header.Get("X-Forwarded-For") != "" {
			once.Do(func() {
				log.WarnContext(r.Context(), "a proxy is not in trusted_proxies: all its visitors count as one address", "proxy", peer.Addr().String())
			})
		}
		if ok && len(proxies) > 0 {
			visitor := farthest(peer, r.Header.Values("X-Forwarded-For"), proxies)
			r = r.WithContext(r.Context()) // a copy: the request belongs to the caller
			r.RemoteAddr = net.JoinHostPort(visitor.Addr().String(), strconv.Itoa(int(visitor.Port())))
		}
		next.ServeHTTP(w, r)
	})
}

// forgotten reports whether an address that says X-Forwarded-For is likely to be a proxy that should be in the list: one
// in our own network.
func forgotten(peer netip.Addr, proxies []netip.Prefix) bool {
	return (peer.IsLoopback() || peer.IsPrivate()) && !trusted(peer, proxies)
}

// farthest goes from proxy to proxy, from right to left, as far as each hop was told by one in the list. What
// cannot be read ends the way.
func farthest(hop netip.AddrPort, lines []string, proxies []netip.Prefix) netip.AddrPort {
	hops := strings.Split(strings.Join(lines, ","), ",")
	for _, text := range slices.Backward(hops) {
		before, ok := parseHop(strings.TrimSpace(text))
		if !ok || !trusted(hop.Addr(), proxies) {
			break
		}
		hop = before
	}
	return hop
}

func trusted(address netip.Addr, proxies []netip.Prefix) bool {
	return slices.ContainsFunc(proxies, func(network netip.Prefix) bool { return network.Contains(address) })
}

// parseHop reads an address, to which some proxies add the port; without one it is 0.
func parseHop(text string) (netip.AddrPort, bool) {
	hop, err := netip.ParseAddrPort(text)
	if err != nil {
		address, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
		if err != nil {
			return netip.AddrPort{}, false
		}
		hop = netip.AddrPortFrom(address, 0)
	}
	return netip.AddrPortFrom(hop.Addr().Unmap().WithZone(""), hop.Port()), true
}
