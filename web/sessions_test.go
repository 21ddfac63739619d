package web

import (
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
	p.press("Sign out A browser, signed in 3 March 2026").at("security", "off").says("That browser is signed out", "One other browser is signed in:")
	left := 0
	for _, b := range []*visitor{there, third} {
		if b.open("/account/security").name == "security" {
			left++
		}
	}
	if left != 1 {
		t.Errorf("%d of two other browsers are signed in, want 1", left)
	}
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
}
