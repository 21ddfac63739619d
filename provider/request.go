package provider

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
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

// Asked is what a line in a log says of a request: its method and its path, as far as they may be written. Whoever sends
// a request chooses both, and neither may fill a disk.
func Asked(r *http.Request) []any {
	return []any{"method", upTo(32, r.Method), "path", upTo(2048, r.URL.Path)}
}

// upTo cuts a text off after n bytes.
func upTo(n int, text string) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "") + "..."
}
