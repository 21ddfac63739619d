package web

import (
	"net/http"
	"testing"
	"time"
)

// TestProofsEndWithTheSession ends the session in every way while a sign-in that has opened it waits in a tab.
func TestProofsEndWithTheSession(t *testing.T) {
	for name, end := range map[string]func(s *site, b *visitor){
		"deleted": func(s *site, _ *visitor) { clear(s.sessions.rows) },
		"somebody else": func(_ *site, b *visitor) {
			b.open(b.authorize("prompt", "login")).press("Use a different account").password("ben").at("consent", "initial")
		},
		"reset": func(s *site, b *visitor) {
			if _, err := s.mfa.Store.Reset(b.t.Context(), "s-ana"); err != nil {
				b.t.Fatal(err)
			}
			clear(s.sessions.rows)
			b.open("/login").password("ana").at("security", "off") // a session again, but of the password alone
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			a := s.enrolled("s-ana")
			b := s.newBrowser()
			p := s.totpAt(b).press("Continue", "code", a.code(0)).at("consent", "initial")
			end(s, b)
			p.press("Allow").at("login", "again").says("Sign in again to continue")
			p.reload().at("login", "again") // for good
		})
	}
}

// TestFinishEndsWithTheSession has the session end between the code and the page that leads to the client.
func TestFinishEndsWithTheSession(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	s.totpAt(b).press("Continue", "code", a.code(0)).press("Allow").client() // remembered
	s.clock.forward(time.Minute)
	other := s.newBrowser()
	action, form := s.totpAt(other).form("Continue", "code", a.code(0))
	next := other.send(action, form).Header.Get("Location")
	clear(s.sessions.rows)
	other.open(next).at("login", "again").password("ana").at("totp", "initial")
}

// TestWishEndsWithTheSession keeps whoever was signed out from enrolling.
func TestWishEndsWithTheSession(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	p := s.totpAt(s.newBrowser()).click("Use a recovery code").press("Continue", "recovery", a.codes[0])
	p = p.press("Set up a new authenticator").at("setup", "initial")
	clear(s.sessions.rows)
	p.press("Continue", "code", p.phone().code(0)).at("login", "again").password("ana").at("totp", "initial")
}

// TestTabsShareASession signs in twice in one browser: no tab ends what the other has proved.
func TestTabsShareASession(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	one, two := s.totpAt(b), s.totpAt(b)
	one = one.press("Continue", "code", a.code(0)).at("consent", "initial")
	before := onlySession(t, s)
	s.clock.forward(time.Minute)
	two = two.press("Continue", "code", a.code(0)).at("consent", "initial")
	if after := onlySession(t, s); after.Login.Session != before.Login.Session {
		t.Error("the second tab has another sid")
	}
	two.press("Allow").client()
	one.press("Allow").client()
}

// TestConsentIsOneUsers has another user sign in with the form that is still open in another tab, after the first
// one's consent was found and before the client was told.
func TestConsentIsOneUsers(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	s.totpAt(s.newBrowser()).press("Continue", "code", a.code(0)).press("Allow").client() // remembered
	s.clock.forward(time.Minute)
	b := s.newBrowser()
	first := b.open(s.authorize()).at("login", "initial")
	action, form := first.password("ana").at("totp", "initial").form("Continue", "code", a.code(0))
	if response := b.send(action, form); response.StatusCode != http.StatusSeeOther {
		t.Fatalf("the code is answered with %s", response.Status)
	}
	first.password("ben").at("consent", "initial").says("ben@example.com")
}
