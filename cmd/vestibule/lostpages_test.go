package main

import (
	"testing"
	"time"
)

// TestEveryPageWhenAllIsLost looks at the pages around a reset as TestEveryPage does at all others.
func TestEveryPageWhenAllIsLost(t *testing.T) {
	s, sh, b := newStage(t)
	user := s.addUser("bob")
	s.newBrowser(t).enrol("ana")
	g := newGallery(t, b)

	s.must(t, "user", "totp", "reset", "ana", "--reason", "phoned from the number on file", "--delay", "24h")
	plan, err := s.store.ResetOf(t.Context(), mustSubject(t, s, "ana"))
	if err != nil {
		t.Fatal(err)
	}
	cancel := s.first().CancelLink(plan.ID)
	g.open(cancel).at("reset-cancel", "initial")
	g.show("reset-cancel")
	g.press("Cancel the reset").at("reset-cancel", "cancelled")
	g.show("reset-cancel-cancelled")
	g.open(cancel).at("reset-cancel", "gone")
	g.show("reset-cancel-gone")
	g.open("/reset/cancel").at("reset-cancel", "unknown")
	g.show("reset-cancel-unknown")
	g.open("/reset/cancelled").at("reset-cancel", "none")
	g.show("reset-cancel-none")

	s.must(t, "user", "totp", "reset", "bob", "--reason", "test")
	g.signInAs(sh.begin("acr_values", "aal2").address, "bob").at("held", "initial")
	g.show("held-in-sign-in")
	g.open("/account/security").at("security", "off")
	g.show("security-held")
	g.open("/account/authenticators/new").at("held", "initial")
	g.show("held")

	link := s.enrolLink(t, "ana")
	g.open(link).at("enrol-link", "other")
	g.show("enrol-link-other")
	g.press("Sign in as someone else").at("login", "link")
	g.show("login-link")
	s.expireLinks(t, mustSubject(t, s, "ana"))
	g.open(link).at("enrol-link", "expired")
	g.show("enrol-link-expired")
	g.open("/enrol").at("enrol-link", "unknown")
	g.show("enrol-link-unknown")
	used := s.enrolLink(t, "bob")
	p, _ := s.newBrowser(t).open(used).giveName("bob", password).setUp()
	p.at("security", "on")
	g.open(used).at("enrol-link", "used")
	g.show("enrol-link-used")

	s.clock.advance(time.Hour)
	s.must(t, "user", "totp", "reset", "bob", "--reason", "phoned from the number on file", "--delay", "24h")
	if _, err := s.store.ResetOf(t.Context(), user.Subject); err != nil {
		t.Fatal(err)
	}
}

func mustSubject(t *testing.T, s *site, name string) string {
	t.Helper()
	user, _, err := s.store.AccountByName(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return user.Subject
}
