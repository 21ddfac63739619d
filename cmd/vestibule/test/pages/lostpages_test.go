package pages

import (
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
)

// TestEveryPageWhenAllIsLost looks at the pages around a reset as TestEveryPage does at all others.
func TestEveryPageWhenAllIsLost(t *testing.T) {
	t.Parallel()
	s, sh, b := servertest.NewStage(t)
	ana, bob := s.Account(t, "ana"), s.AddUser("bob")
	s.NewBrowser(t).Enrol("ana")
	g := newGallery(t, b)

	cancel := s.First().CancelLink(s.PlanReset(t, ana, 24*time.Hour))
	g.Open(cancel).At("reset-cancel", "initial")
	g.show("reset-cancel")
	g.Press("Cancel the reset").At("reset-cancel", "cancelled")
	g.show("reset-cancel-cancelled")
	g.Open(cancel).At("reset-cancel", "gone")
	g.show("reset-cancel-gone")
	g.Open("/reset/cancel").At("reset-cancel", "unknown")
	g.show("reset-cancel-unknown")
	g.Open("/reset/cancelled").At("reset-cancel", "none")
	g.show("reset-cancel-none")

	if err := s.ResetFactors(t.Context(), bob); err != nil {
		t.Fatal(err)
	}
	g.SignInAs(sh.Begin("acr_values", "aal2").Address, "bob").At("held", "initial")
	g.show("held-in-sign-in")
	g.Open("/account/security").At("security", "off")
	g.show("security-held")
	g.Open("/account/authenticators/new").At("held", "initial")
	g.show("held")

	link := s.EnrolLink(t, "ana")
	g.Open(link).At("enrol-link", "other")
	g.show("enrol-link-other")
	g.Press("Sign in as someone else").At("login", "link")
	g.show("login-link")
	s.ExpireLinks(t, ana.Subject)
	g.Open(link).At("enrol-link", "expired")
	g.show("enrol-link-expired")
	g.Open("/enrol").At("enrol-link", "unknown")
	g.show("enrol-link-unknown")
	used := s.EnrolLink(t, "bob")
	p, _ := s.NewBrowser(t).Open(used).GiveName("bob", servertest.Password).SetUp()
	p.At("security", "on")
	g.Open(used).At("enrol-link", "used")
	g.show("enrol-link-used")

	s.Clock.Advance(time.Hour)
	s.PlanReset(t, s.Account(t, "bob"), 24*time.Hour)
	if _, err := s.Store.ResetOf(t.Context(), bob.Subject); err != nil {
		t.Fatal(err)
	}
}
