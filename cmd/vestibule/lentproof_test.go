package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"vestibule/config"
	"vestibule/provider/audit"
	"vestibule/provider/resource"
)

// TestLentCodeIsNoNewCode is somebody at a live session who knows the password and has no phone. Whatever the address says,
// no token lets a transfer through that wants two steps of the last seconds. The owner, who has the phone, gets one with
// what docs/apps.md tells apps to send.
func TestLentCodeIsNoNewCode(t *testing.T) {
	long := func(c *config.Config) { c.SessionIdle = c.SessionLifetime }
	eachSiteWith(t, long, func(t *testing.T, s *site) {
		c, g := enrolledClient(t, s, 1), s.newAPI(t)
		s.clock.advance(oneStep)
		b := s.newBrowser(t)
		v := c.begin()
		p := v.signIn(b, "ana").at("totp", "initial")
		s.clock.advance(20 * time.Second)
		first := v.finish(p.giveCode(c.phone.code(0)).allow())
		s.clock.advance(10 * time.Hour)

		rule := resource.Rule{ACR: []string{"aal2"}, MaxAge: 10 * time.Second}
		two := wish{ACR: []string{"aal2"}, Essential: true}
		for _, parameters := range [][]string{
			{}, {"acr_values", "aal2"}, {"claims", two.claims()}, {"prompt", "none", "claims", two.claims()},
			{"max_age", "36010"}, {"max_age", "36010", "claims", two.claims()}, {"max_age", "36010", "acr_values", "aal2"},
			{"max_age", "36010", "login_hint", "ana", "prompt", "consent"}, {"max_age", "40000"}, {"max_age", "10"}, {"prompt", "login"},
		} {
			s.clock.advance(time.Second)
			v := c.begin(parameters...)
			p := b.open(v.address)
			if p.left == nil && p.name == "login" {
				p = p.press("Sign in", "password", password)
			}
			if p.left == nil && p.name == "consent" {
				p = p.allow()
			}
			if p.left == nil { // stopped at the code
				p.at("totp", "initial")
				continue
			}
			got := v.finish(p)
			if got.AuthTime != first.AuthTime && got.AuthTime != first.AuthTime+20 { // once the password is new, the code is older
				t.Errorf("%q: auth_time %d, want that of the password or the code, %d", parameters, got.AuthTime, first.AuthTime)
			}
			if _, err := g.Check(t.Context(), got.tokens.AccessToken, rule); !errors.Is(err, resource.ErrAge) {
				t.Errorf("%q: the transfer: %v, want %v", parameters, err, resource.ErrAge)
			}
		}

		s.clock.advance(time.Minute)
		v = c.begin("claims", two.claims(), "max_age", fmt.Sprint(int(rule.MaxAge/time.Second)))
		p = b.open(v.address).at("login", "initial").press("Sign in", "password", password)
		got := v.finish(p.at("totp", "initial").giveCode(c.phone.code(0)))
		if _, err := g.Check(t.Context(), got.tokens.AccessToken, rule); err != nil {
			t.Errorf("the owner's transfer after a step-up: %v", err)
		}
	})
}

// TestStepUpOfAnAPIEnds: an app that sends what the challenge says, again and again, comes to a token that passes, however
// old the proofs of the session are and however long the user takes for each page.
func TestStepUpOfAnAPIEnds(t *testing.T) {
	long := func(c *config.Config) { c.SessionIdle = c.SessionLifetime }
	eachSiteWith(t, long, func(t *testing.T, s *site) {
		probe, c, g := s.newClient(t, "probe"), s.newClient(t, "shop"), s.newAPI(t)
		p := newProver(t, s, probe)
		rule := resource.Rule{ACR: []string{"aal2"}, MaxAge: time.Minute}
		asked := wish{ACR: rule.ACR, Essential: true, MaxAge: "60"}
		for _, password := range []time.Duration{10 * time.Second, 59 * time.Second, time.Hour} {
			for _, code := range []time.Duration{0, 10 * time.Second, 59 * time.Second, time.Hour} {
				for _, pause := range []time.Duration{0, 5 * time.Second, 25 * time.Second} {
					s.clock.advance(oneStep)
					p.age(map[string]time.Duration{"pwd": password, "otp": code})
					if n := stepUps(t, p, c, g, rule, asked, pause); n > 2 {
						t.Errorf("password of %v, code of %v, %v for each page: %d step-ups", password, code, pause, n)
					}
				}
			}
		}
	})
}

// stepUps counts how often the app has to send the user to the server.
func stepUps(t *testing.T, p *prover, c *client, g *resource.Guard, rule resource.Rule, asked wish, pause time.Duration) int {
	t.Helper()
	for n := 1; n < 5; n++ {
		v := c.begin("claims", asked.claims(), "max_age", asked.MaxAge)
		at := p.browser.open(v.address)
		for at.left == nil {
			p.site.clock.advance(pause)
			at = p.answer(at)
		}
		if _, err := g.Check(t.Context(), v.finish(at).tokens.AccessToken, rule); err == nil {
			return n
		}
		p.site.clock.advance(oneStep)
	}
	return 5
}

// TestLentCodeForgivesNothing: the password given again in a session whose code is lent says nothing about codes. Of 120
// wrong ones, given in another browser meanwhile, no more are compared than the limits allow.
func TestLentCodeForgivesNothing(t *testing.T) {
	long := func(c *config.Config) { c.SessionIdle = c.SessionLifetime }
	eachSiteWith(t, long, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 2)
		s.clock.advance(oneStep)
		b := s.newBrowser(t)
		v := c.begin()
		p := v.signIn(b, "ana").at("totp", "initial")
		s.clock.advance(20 * time.Second)
		v.finish(p.giveCode(c.phone.code(0)).allow())
		s.clock.advance(time.Hour)

		var tabs []*page // each asks for the password alone, which is older than the code
		for range 30 {
			tabs = append(tabs, b.open(c.begin("max_age", "3610").address).at("login", "initial"))
		}
		guesser := c.begin().signIn(s.newBrowser(t), "ana").at("totp", "initial")
		address, form := guesser.fill("Continue", "code", "")
		for _, tab := range tabs {
			for range 4 {
				form.Set("code", c.phone.wrong())
				guesser.post(address, form)
			}
			if p := tab.press("Sign in", "password", password); p.left == nil {
				t.Fatalf("the password alone leads to page %s in state %s", p.name, p.state)
			}
		}
		if n := s.compared(t, "ana"); n != s.config.TOTPGuesses {
			t.Errorf("%d wrong codes were compared, want %d", n, s.config.TOTPGuesses)
		}
	})
}

// compared is how many wrong codes of either kind were compared.
func (s *site) compared(t *testing.T, name string) int {
	t.Helper()
	user, _, err := s.store.AccountByName(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	db, _, _ := openDump(t, s.config.Database)
	defer db.Close()
	n := 0
	for _, kind := range column(context.WithoutCancel(t.Context()), t, db, `SELECT kind FROM audit WHERE subject = '`+user.Subject+`'`) {
		switch kind {
		case audit.EventTOTPFailed, audit.EventTOTPLocked, audit.EventRecoveryFailed, audit.EventRecoveryLocked:
			n++
		}
	}
	return n
}
