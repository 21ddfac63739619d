package web

import (
	"strings"
	"testing"
	"time"

	"vestibule/provider/audit"
)

// TestEndAnotherSession: a user sees where else the account is signed in, and signs one of these browsers out.
func TestEndAnotherSession(t *testing.T) {
	s := newSite(t)
	log := s.withLog()
	here, there, third := s.newBrowser(), s.newBrowser(), s.newBrowser()
	for _, b := range []*visitor{here, there, third} {
		b.open("/account/security").password("ana").at("security", "off")
		s.clock.forward(time.Minute) // they are listed in one order
	}
	tab := here.open("/account/security")
	p := here.open("/account/security").says("2 other browsers are signed in:", "A browser", "from 127.0.0.1", "last used")
	_, form := p.form("Sign out A browser, signed in 3 March 2026")
	for range 2 { // a double click is answered once
		p.press("Sign out A browser, signed in 3 March 2026").at("security", "off").says("That browser is signed out, and so are the apps", "One other browser is signed in:")
	}
	for _, row := range s.sessions.snapshot() {
		if row.Login.Session == form.Get("session") {
			t.Error("the first of the list is not the one that was signed out")
		}
	}
	third.open("/account/security").at("login", "initial") // it was used last, and so it is the first
	there.open("/account/security").at("security", "off")
	tab.press("Sign out A browser, signed in 3 March 2026").at("security", "off").says("That browser was signed out already.") // it is from before
	here.open("/account/activity").says("Signed out: A browser.")
	events, err := log.Activity(t.Context(), "s-ana", []string{audit.EventOtherEnded}, "", 10)
	if err != nil || len(events) != 1 || events[0].Detail["browser"] != "A browser" || events[0].Detail["ended"] == events[0].Session {
		t.Errorf("the log has %+v (%v)", events, err)
	}
}

// TestEndSessionOfAnother: nobody signs somebody else out, nor the own browser this way.
func TestEndSessionOfAnother(t *testing.T) {
	s := newSite(t)
	ana, ben, bens := s.newBrowser(), s.newBrowser(), s.newBrowser()
	ana.open("/account/security").password("ana").at("security", "off")
	for _, b := range []*visitor{ben, bens} {
		b.open("/account/security").password("ben").at("security", "off")
	}
	action, form := ben.open("/account/security").form("Sign out A browser")
	for _, row := range s.sessions.snapshot() {
		if row.Login.Subject == "s-ana" {
			form.Set("session", row.Login.Session)
		}
	}
	ben.post(action, form).at("security", "off").says("That browser was signed out already.")
	ana.open("/account/security").at("security", "off")
	bens.open("/account/security").at("security", "off")
	action, form = ben.open("/account/security").form("Sign out A browser")
	for _, row := range s.sessions.snapshot() {
		if sid := row.Login.Session; row.Login.Subject == "s-ben" && sid != form.Get("session") {
			form.Set("session", sid) // ben's own
			break
		}
	}
	ben.post(action, form).at("security", "off").says("That browser was signed out already.")
	s.clock.forward(59 * time.Minute)
	ben.open("/account/security").at("security", "off")
	s.clock.forward(2 * time.Minute)
	if p := ben.open("/account/security").at("security", "off"); strings.Contains(p.text(), "signed in:") {
		t.Error("a session that was not used for too long is listed")
	}
}

// TestManySessions are folded: what to do about them must be in sight.
func TestManySessions(t *testing.T) {
	s := newSite(t)
	for range 8 {
		s.newBrowser().open("/account/security").password("ana").at("security", "off")
	}
	p := s.newBrowser().open("/account/security").password("ana").at("security", "off").says("8 other browsers are signed in:")
	if p.find("details") == nil {
		t.Error("the list is not folded")
	}
	p.press("Sign out A browser").at("security", "off")
}
