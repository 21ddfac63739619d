package web

import (
	"net/http"
	"testing"
)

func TestLogout(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	waiting := b.open(s.authorize()).at("consent", "initial")
	p := b.open("/logout").at("logout", "initial").says("Sign out of Vestibule?", "You are signed in as ana@example.com.")
	p.click("Stay signed in").at("security", "off")
	action, form := p.form("Sign out")
	response := b.send(action, form)
	if response.StatusCode != http.StatusSeeOther || response.Header.Get("Clear-Site-Data") != `"cache"` {
		t.Errorf("signing out answers %s, %v", response.Status, response.Header)
	}
	b.open(response.Header.Get("Location")).at("logged-out", "initial").says("You are signed out", "of Vestibule on this device")
	if b.cookie("vestibule-s") != "" || b.cookie("vestibule-b") != "" || len(s.sessions.rows) != 0 {
		t.Error("something of the session is left")
	}
	b.open(s.authorize()).at("login", "initial")
	waiting.press("Allow").at("error", "unknown") // whoever sits there now
	b.open("/logout").at("logged-out", "initial").click("Sign in again").at("login", "initial")
}

func TestLinkDoesNotSignOut(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	b.open("/logout")
	b.open("/account").at("security", "off")
}
