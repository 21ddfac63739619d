package server

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"vestibule/config"
)

func TestProxyAddress(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("127.0.0.1/32")}
	for _, tt := range []struct {
		name, peer string
		lines      []string
		want       string
	}{
		{"one proxy", "10.0.0.1:4000", []string{"203.0.113.9"}, "203.0.113.9:0"},
		{"two proxies", "10.0.0.1:4000", []string{"203.0.113.9, 10.0.0.2"}, "203.0.113.9:0"},
		{"the visitor wrote the left ones", "10.0.0.1:4000", []string{"192.0.2.1, 10.0.0.3, 203.0.113.9, 10.0.0.2"}, "203.0.113.9:0"},
		{"the visitor wrote a line", "10.0.0.1:4000", []string{"192.0.2.1", "203.0.113.9"}, "203.0.113.9:0"},
		{"a line for each proxy", "10.0.0.1:4000", []string{"192.0.2.1", "203.0.113.9,10.0.0.3", "10.0.0.2"}, "203.0.113.9:0"},
		{"a stranger", "203.0.113.7:4000", []string{"192.0.2.1"}, "203.0.113.7:4000"},
		{"a stranger who speaks of proxies", "203.0.113.7:4000", []string{"192.0.2.1, 10.0.0.1"}, "203.0.113.7:4000"},
		{"the proxy itself asks", "10.0.0.1:4000", nil, "10.0.0.1:4000"},
		{"proxies only", "10.0.0.1:4000", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3:0"},
		{"garbage alone", "10.0.0.1:4000", []string{"unknown"}, "10.0.0.1:4000"},
		{"garbage before a proxy", "10.0.0.1:4000", []string{"192.0.2.1, <script>, 10.0.0.2"}, "10.0.0.2:0"},
		{"garbage before the visitor", "10.0.0.1:4000", []string{"'; DROP TABLE, 203.0.113.9"}, "203.0.113.9:0"},
		{"nothing between commas", "10.0.0.1:4000", []string{"192.0.2.1,,10.0.0.2"}, "10.0.0.2:0"},
		{"IPv6", "[fd00::1]:4000", []string{"2001:db8::9, fd00::2"}, "[2001:db8::9]:0"},
		{"IPv4 in the form of IPv6", "[::ffff:10.0.0.1]:4000", []string{"::ffff:203.0.113.9, ::ffff:10.0.0.2"}, "203.0.113.9:0"},
		{"a zone", "10.0.0.1:4000", []string{"192.0.2.1, fe80::1%eth0"}, "[fe80::1]:0"},
		{"a port", "10.0.0.1:4000", []string{"203.0.113.9:5000"}, "203.0.113.9:5000"},
		{"IPv6 and a port", "10.0.0.1:4000", []string{"[2001:db8::9]:5000"}, "[2001:db8::9]:5000"},
		{"brackets without a port", "10.0.0.1:4000", []string{"[2001:db8::9]"}, "[2001:db8::9]:0"},
		{"a peer that is no address", "@", []string{"192.0.2.1"}, "@"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got string
			h := clientAddress(proxies, slog.New(slog.DiscardHandler), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }))
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
			r.RemoteAddr, r.Header["X-Forwarded-For"] = tt.peer, tt.lines
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got != tt.want {
				t.Errorf("%s said by %s is %s, want %s", tt.lines, tt.peer, got, tt.want)
			}
		})
	}
}

// Without the setting the header is nobody's word; with it the log, and all behind it, has the visitor.
func TestProxyInLog(t *testing.T) {
	for _, tt := range []struct {
		proxies []netip.Prefix
		want    string
	}{
		{nil, `"remote":"192.0.2.1"`}, // httptest's own address
		{[]netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}, `"remote":"203.0.113.9"`},
	} {
		var lines bytes.Buffer
		s, _ := testServer(t, NewLogger(&lines, "json", "info"), func(c *config.Config) { c.TrustedProxies = tt.proxies })
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/jwks", nil)
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
		s.handler.ServeHTTP(httptest.NewRecorder(), r)
		if !strings.Contains(lines.String(), tt.want) {
			t.Errorf("with %v the log has not %s: %s", tt.proxies, tt.want, &lines)
		}
	}
}

// A proxy in our own network that is not in the list is told of, once; strangers may say what they like.
func TestForgottenProxy(t *testing.T) {
	for _, tt := range []struct {
		peer, header string
		proxies      []netip.Prefix
		want         int
	}{
		{"10.0.0.1:4000", "203.0.113.9", nil, 1},
		{"[::1]:4000", "203.0.113.9", nil, 1},
		{"10.0.0.1:4000", "203.0.113.9", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, 0},
		{"192.168.0.1:4000", "203.0.113.9", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, 1},
		{"10.0.0.1:4000", "", nil, 0},
		{"198.51.100.1:4000", "203.0.113.9", nil, 0},
	} {
		var lines bytes.Buffer
		h := clientAddress(tt.proxies, NewLogger(&lines, "json", "info"), http.NotFoundHandler())
		for range 3 {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
			r.RemoteAddr = tt.peer
			if tt.header != "" {
				r.Header.Set("X-Forwarded-For", tt.header)
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
		}
		if got := strings.Count(lines.String(), "trusted_proxies"); got != tt.want || strings.Contains(lines.String(), "203.0.113.9") {
			t.Errorf("%s says %q: %d warnings, want %d: %s", tt.peer, tt.header, got, tt.want, &lines)
		}
	}
}
