package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
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
		a, _ := testApp(t, newLogger(&lines, "json", "info"), func(c *config.Config) { c.TrustedProxies = tt.proxies })
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/jwks", nil)
		r.Header.Set("X-Forwarded-For", "203.0.113.9")
		a.handler.ServeHTTP(httptest.NewRecorder(), r)
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
		h := clientAddress(tt.proxies, newLogger(&lines, "json", "info"), http.NotFoundHandler())
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

// Who guesses at a password through the proxy uses up the budget of the address that the proxy tells, and that of the
// account, but shuts nobody else out, nor the owner's browser.
func TestProxyBudgets(t *testing.T) {
	t.Parallel()
	s := newSite(t, sqliteDatabase(t), func(c *config.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		c.AddressGuesses = c.PasswordGuesses
	})
	s.addUser("ana")
	s.addUser("ben")
	c := s.newClient(t, "shop")
	from := func(address string) *browser {
		b := s.newBrowser(t)
		b.http.Transport = forwarded(address)
		return b
	}
	signIn := func(b *browser, name string) *page {
		return b.open(c.begin("prompt", "login").address).at("login", "initial").giveName(name, password)
	}
	owner := from("203.0.113.2")
	signIn(owner, "ana").at("consent", "initial")
	owner.open("/logout").press("Sign out")

	p := from("198.51.100.1, 2001:db8:1:2::3").open(c.begin().address).at("login", "initial")
	for n := range s.config.PasswordGuesses {
		p = p.giveName("ana", "wrong "+strconv.Itoa(n))
	}
	p.at("login", "locked").hasStatus(http.StatusTooManyRequests)
	for _, tt := range []struct{ address, name, page string }{
		{"2001:db8:1:2::3", "ben", "login"}, // the address is locked
		{"2001:db8:1:2:ffff::4", "ben", "login"},
		{"198.51.100.1, 2001:db8:1:2::3", "ben", "login"}, // whatever the visitor says to the proxy
		{"2001:db8:1:3::3", "ben", "consent"},
		{"198.51.100.1", "ben", "consent"},
		{"203.0.113.2", "ana", "login"}, // the account is locked for a browser that it does not know
	} {
		if p := signIn(from(tt.address), tt.name); p.name != tt.page || tt.page == "login" && p.state != "locked" {
			t.Errorf("from %s %s comes to page %s in state %s, want %s", tt.address, tt.name, p.name, p.state, tt.page)
		}
	}
	signIn(owner, "ana").at("consent", "initial")
}

// forwarded is a proxy that adds this X-Forwarded-For.
type forwarded string

func (f forwarded) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", string(f))
	return http.DefaultTransport.RoundTrip(r)
}
