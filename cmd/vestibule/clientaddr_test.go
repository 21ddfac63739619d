package main

import (
	"net/http"
	"net/netip"
	"strconv"
	"testing"

	"vestibule/config"
)

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
