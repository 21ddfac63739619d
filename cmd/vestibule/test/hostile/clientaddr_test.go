package hostile

import (
	"net/http"
	"net/netip"
	"strconv"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
)

// Who guesses at a password through the proxy uses up the budget of the address that the proxy tells, and that of the
// account, but shuts nobody else out, nor the owner's browser.
func TestProxyBudgets(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), func(c *config.Config) {
		c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
		c.AddressGuesses = c.PasswordGuesses
	})
	s.AddUser("ana")
	s.AddUser("ben")
	c := s.NewClient(t, "shop")
	from := func(address string) *servertest.Browser {
		b := s.NewBrowser(t)
		b.HTTP.Transport = servertest.Forwarded(address)
		return b
	}
	signIn := func(b *servertest.Browser, name string) *servertest.Page {
		return b.Open(c.Begin("prompt", "login").Address).At("login", "initial").GiveName(name, servertest.Password)
	}
	owner := from("203.0.113.2")
	signIn(owner, "ana").At("consent", "initial")
	owner.Open("/logout").Press("Sign out")

	p := from("198.51.100.1, 2001:db8:1:2::3").Open(c.Begin().Address).At("login", "initial")
	for n := range s.Config.PasswordGuesses {
		p = p.GiveName("ana", "wrong "+strconv.Itoa(n))
	}
	p.At("login", "locked").HasStatus(http.StatusTooManyRequests)
	for _, tt := range []struct{ address, name, page string }{
		{"2001:db8:1:2::3", "ben", "login"}, // the address is locked
		{"2001:db8:1:2:ffff::4", "ben", "login"},
		{"198.51.100.1, 2001:db8:1:2::3", "ben", "login"}, // whatever the visitor says to the proxy
		{"2001:db8:1:3::3", "ben", "consent"},
		{"198.51.100.1", "ben", "consent"},
		{"203.0.113.2", "ana", "login"}, // the account is locked for a browser that it does not know
	} {
		if p := signIn(from(tt.address), tt.name); p.Name != tt.page || tt.page == "login" && p.State != "locked" {
			t.Errorf("from %s %s comes to page %s in state %s, want %s", tt.address, tt.name, p.Name, p.State, tt.page)
		}
	}
	signIn(owner, "ana").At("consent", "initial")
}
