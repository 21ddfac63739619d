package account

import (
	"testing"

	"vestibule/cmd/vestibule/servertest"
)

// TestBrowserStaysKnown has the user end all other sessions, with the button or by removing an authenticator, and sign out.
// Then a stranger uses up the budget of the name: the user still signs in, in the own browser.
func TestBrowserStaysKnown(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := s.NewClient(t, "shop")
		for name, end := range map[string]func(u *servertest.User, b *servertest.Browser) *servertest.Page{
			"button": func(_ *servertest.User, b *servertest.Browser) *servertest.Page {
				return b.Open("/account/security").Press("Sign out everywhere else")
			},
			"removal": func(u *servertest.User, b *servertest.Browser) *servertest.Page {
				return b.Open(u.AuthenticatorPath("/remove")).Press("Remove", "password", servertest.Password, "code", u.Phone.Code(0))
			},
		} {
			u := s.NewUser(t, c)
			b := u.SignedIn()
			if got := end(u, b).Name; got != "security" {
				t.Fatalf("%s: ends at page %s", name, got)
			}
			b.Open("/logout").Press("Sign out")
			stranger := s.NewBrowser(t).Open("/login")
			for range 20 {
				if stranger = stranger.Press("Sign in", "username", u.Name, "password", "a wrong one"); stranger.State == "locked" {
					break
				}
			}
			if stranger.State != "locked" {
				t.Fatalf("%s: the stranger is in state %s, want locked", name, stranger.State)
			}
			if got := b.Open("/login").GiveName(u.Name, servertest.Password); got.Name != "totp" && got.Name != "security" {
				t.Errorf("%s: the user's own browser ends at %s", name, got.End())
			}
		}
	})
}
