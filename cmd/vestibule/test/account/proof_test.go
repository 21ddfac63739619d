package account

import (
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/client"
)

// TestProofEndsWithARemoval: a code that was given before an authenticator was removed sets up no other one, and makes no
// recovery codes, however young it is.
func TestProofEndsWithARemoval(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		b := s.NewBrowser(t)
		one, _ := b.Enrol("ana")
		p := b.Open("/account/authenticators/new").At("setup", "initial")
		p.Press("Continue", "name", "Tablet", "code", p.Phone().Code(0)).At("security", "on")
		remove := func() {
			s.Clock.Advance(servertest.Step)
			p := b.Open("/account/security").Click("Remove Tablet").At("remove", "initial")
			p.Press("Remove Tablet", "password", servertest.Password, "code", one.Code(0)).At("security", "on")
			s.Clock.Advance(servertest.Step)
		}
		remove()
		p = b.Open("/account/authenticators/new").At("totp", "initial").GiveCode(one.Code(0)).At("setup", "initial")
		p.Press("Continue", "name", "Tablet", "code", p.Phone().Code(0)).At("security", "on")
		remove()
		p = b.Open("/account/security").Click("Make new codes").At("totp", "initial").GiveCode(one.Code(0))
		p.At("codes", "initial").Press("Use these new codes", "saved", "on").At("security", "on").Says("10 of 10 left")
		b.Open("/account/authenticators/new").At("setup", "initial") // what came changes nothing
	})
}

// TestSetupBeginsOverAYoungProof: whoever gave a recovery code and went away is asked again before a set-up begins, and one
// that has begun is finished without.
func TestSetupBeginsOverAYoungProof(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, func(c *config.Config) { c.RecoveryCounts = false }, func(t *testing.T, s *servertest.Site) {
		e := servertest.NewEnrolled(t, s, 1)
		bank := s.NewClient(t, "bank", func(c *client.Client) { c.TwoSteps = client.TwoStepsRequired })
		recovered := func(p *servertest.Page, code string) *servertest.Page {
			return p.Click("Use a recovery code").Press("Continue", "recovery", code).At("recovery-used", "initial")
		}
		p := recovered(bank.Begin().SignIn(s.NewBrowser(t), e.User), e.Codes[0])
		s.Clock.Advance(25*time.Minute + time.Second)
		p = p.Press("Set up a new authenticator").At("login", "timeout").Press("Sign in", "password", servertest.Password)
		p = recovered(p.At("totp", "initial"), e.Codes[1]).Press("Set up a new authenticator").At("setup", "instead")
		key := p.Phone()
		s.Clock.Advance(11 * time.Minute)
		if p = p.Reload(); p.Phone() != key {
			t.Error("a set-up that was begun in time has another key after eleven minutes")
		}
		p.Press("Continue", "name", "New", "code", key.Code(0)).At("consent", "initial")
	})
}
