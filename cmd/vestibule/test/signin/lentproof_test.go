package signin

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/resource"
)

// TestLentCodeIsNoNewCode is somebody at a live session who knows the password and has no phone. Whatever the address says,
// no token lets a transfer through that wants two steps of the last seconds. The owner, who has the phone, gets one with
// what docs/apps.md tells apps to send.
func TestLentCodeIsNoNewCode(t *testing.T) {
	t.Parallel()
	long := func(c *config.Config) { c.SessionIdle = c.SessionLifetime }
	servertest.EachWith(t, long, func(t *testing.T, s *servertest.Site) {
		c, g := servertest.NewEnrolled(t, s, 1), s.NewAPI(t)
		c.Resource = servertest.ResourceOf("api")
		s.Clock.Advance(servertest.Step)
		b := s.NewBrowser(t)
		v := c.Begin()
		p := v.SignIn(b, "ana").At("totp", "initial")
		s.Clock.Advance(20 * time.Second)
		first := v.Finish(p.GiveCode(c.Phone.Code(0)).Allow())
		s.Clock.Advance(10 * time.Hour)

		rule := resource.Rule{ACR: []string{"aal2"}, MaxAge: 10 * time.Second}
		two := servertest.Essential("aal2")
		for _, parameters := range [][]string{
			{}, {"acr_values", "aal2"}, {"claims", two}, {"prompt", "none", "claims", two},
			{"max_age", "36010"}, {"max_age", "36010", "claims", two}, {"max_age", "36010", "acr_values", "aal2"},
			{"max_age", "36010", "login_hint", "ana", "prompt", "consent"}, {"max_age", "40000"}, {"max_age", "10"}, {"prompt", "login"},
		} {
			s.Clock.Advance(time.Second)
			v := c.Begin(parameters...)
			p := b.Open(v.Address)
			if p.Left == nil && p.Name == "login" {
				p = p.Press("Sign in", "password", servertest.Password)
			}
			if p.Left == nil && p.Name == "consent" {
				p = p.Allow()
			}
			if p.Left == nil { // stopped at the code
				p.At("totp", "initial")
				continue
			}
			got := v.Finish(p)
			if got.AuthTime != first.AuthTime && got.AuthTime != first.AuthTime+20 { // once the password is new, the code is older
				t.Errorf("%q: auth_time %d, want that of the password or the code, %d", parameters, got.AuthTime, first.AuthTime)
			}
			if _, err := g.Check(t.Context(), got.Token.AccessToken, rule); !errors.Is(err, resource.ErrAge) {
				t.Errorf("%q: the transfer: %v, want %v", parameters, err, resource.ErrAge)
			}
		}

		s.Clock.Advance(time.Minute)
		v = c.Begin("claims", two, "max_age", fmt.Sprint(int(rule.MaxAge/time.Second)))
		p = b.Open(v.Address).At("login", "initial").Press("Sign in", "password", servertest.Password)
		got := v.Finish(p.At("totp", "initial").GiveCode(c.Phone.Code(0)))
		if _, err := g.Check(t.Context(), got.Token.AccessToken, rule); err != nil {
			t.Errorf("the owner's transfer after a step-up: %v", err)
		}
	})
}

// TestStepUpOfAnAPIEnds: an app that sends what the challenge says, again and again, comes to a token that passes, however
// old the proofs of the session are and however long the user takes for each page.
func TestStepUpOfAnAPIEnds(t *testing.T) {
	t.Parallel()
	long := func(c *config.Config) { c.SessionIdle = c.SessionLifetime }
	servertest.EachWith(t, long, func(t *testing.T, s *servertest.Site) {
		probe, c, g := s.NewClient(t, "probe"), s.NewClient(t, "shop"), s.NewAPI(t)
		c.Resource = servertest.ResourceOf("api")
		p := newProver(t, s, probe)
		rule := resource.Rule{ACR: []string{"aal2"}, MaxAge: time.Minute}
		for _, password := range []time.Duration{10 * time.Second, 59 * time.Second, time.Hour} {
			for _, code := range []time.Duration{0, 10 * time.Second, 59 * time.Second, time.Hour} {
				for _, pause := range []time.Duration{0, 5 * time.Second, 25 * time.Second} {
					s.Clock.Advance(servertest.Step)
					p.age(map[string]time.Duration{"pwd": password, "otp": code})
					if n := stepUps(t, p, c, g, rule, pause); n > 2 {
						t.Errorf("password of %v, code of %v, %v for each page: %d step-ups", password, code, pause, n)
					}
				}
			}
		}
	})
}

// stepUps counts how often the app has to send the user to the server.
func stepUps(t *testing.T, p *prover, c *servertest.Client, g *resource.Guard, rule resource.Rule, pause time.Duration) int {
	t.Helper()
	for n := 1; n < 5; n++ {
		v := c.Begin("claims", servertest.Essential(rule.ACR...), "max_age", fmt.Sprint(int(rule.MaxAge/time.Second)))
		at := p.browser.Open(v.Address)
		for at.Left == nil {
			p.site.Clock.Advance(pause)
			at = p.answer(at)
		}
		if _, err := g.Check(t.Context(), v.Finish(at).Token.AccessToken, rule); err == nil {
			return n
		}
		p.site.Clock.Advance(servertest.Step)
	}
	return 5
}

// TestLentCodeForgivesNothing: the password given again in a session whose code is lent says nothing about codes. Of 120
// wrong ones, given in another browser meanwhile, no more are compared than the limits allow.
func TestLentCodeForgivesNothing(t *testing.T) {
	t.Parallel()
	long := func(c *config.Config) { c.SessionIdle = c.SessionLifetime }
	servertest.EachWith(t, long, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 2)
		s.Clock.Advance(servertest.Step)
		b := s.NewBrowser(t)
		v := c.Begin()
		p := v.SignIn(b, "ana").At("totp", "initial")
		s.Clock.Advance(20 * time.Second)
		v.Finish(p.GiveCode(c.Phone.Code(0)).Allow())
		s.Clock.Advance(time.Hour)

		var tabs []*servertest.Page // each asks for the password alone, which is older than the code
		for range 30 {
			tabs = append(tabs, b.Open(c.Begin("max_age", "3610").Address).At("login", "initial"))
		}
		guesser := c.Begin().SignIn(s.NewBrowser(t), "ana").At("totp", "initial")
		address, form := guesser.Fill("Continue", "code", "")
		for _, tab := range tabs {
			for range 4 {
				form.Set("code", c.Phone.Wrong())
				guesser.Post(address, form)
			}
			if p := tab.Press("Sign in", "password", servertest.Password); p.Left == nil {
				t.Fatalf("the password alone leads to page %s in state %s", p.Name, p.State)
			}
		}
		if n := s.Compared(t, "ana"); n != s.Config.TOTPGuesses {
			t.Errorf("%d wrong codes were compared, want %d", n, s.Config.TOTPGuesses)
		}
	})
}
