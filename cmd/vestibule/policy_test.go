package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/config"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
)

func member(group string) func(*account.Account) {
	return func(a *account.Account) { a.Groups = []string{group} }
}

// TestPolicyInTheSignIn: whoever must have two steps enrols inside the sign-in and comes out at the client, over servers
// that share nothing but the database.
func TestPolicyInTheSignIn(t *testing.T) {
	eachSiteWith(t, func(c *config.Config) { c.TwoStepsGroups = []string{"finance"} }, func(t *testing.T, s *site) {
		ana := s.addUser("ana", member("finance"))
		s.addUser("ben", member("sales"))
		c := s.newClient(t, "shop")
		v := c.begin()
		v.finish(v.signIn(s.newBrowser(t), "ben").allow())

		b := s.newBrowser(t)
		v = c.begin()
		p := v.signIn(b, "ana").at("setup", "initial")
		b.open("/account/security").at("setup", "initial")
		silent := c.begin("prompt", "none")
		silent.refused(b.open(silent.address), "interaction_required")
		s.start(2) // other servers from here on
		p = p.press("Continue", "code", p.phone().code(0)).at("codes", "initial")
		p.recoveryCodes()
		p = p.press("Turn on two-step verification", "saved", "on").allow()
		v.finish(p).authenticated(t, "aal2", s.clock.now(), "pwd", "otp", "mfa")
		if got, err := s.store.Account(t.Context(), ana.Subject); err != nil || !got.SignedIn.Equal(s.clock.now()) {
			t.Errorf("ana last signed in at %v, %v, want %v", got.SignedIn, err, s.clock.now())
		}

		// a member of the group from now on: the live session does not do any more
		ben, err := findUser(t.Context(), operations(s.store), "ben")
		if err != nil {
			t.Fatal(err)
		}
		b = s.newBrowser(t)
		v = c.begin()
		v.finish(v.signIn(b, "ben")) // who has allowed the shop before
		ben.Groups = []string{"sales", "finance"}
		if err := s.store.UpdateAccount(t.Context(), ben); err != nil {
			t.Fatal(err)
		}
		b.open(c.begin().address).at("setup", "initial")
	})
}

func TestPolicyReported(t *testing.T) {
	report := func(c *config.Config) { c.TwoSteps, c.TwoStepsReportOnly = "required", true }
	eachSiteWith(t, report, func(t *testing.T, s *site) {
		ana := s.addUser("ana")
		v := s.newClient(t, "shop").begin()
		v.finish(v.signIn(s.newBrowser(t), "ana").allow()).authenticated(t, "aal1", s.clock.now(), "pwd")
		found := s.events(t, ana.Subject, audit.EventPolicyReported)
		if len(found) != 1 || found[0].Client != "shop" || found[0].Detail["why"] != "everybody" {
			t.Errorf("recorded %+v, want one report of ana at the shop", found)
		}
	})
}

// TestLastAuthenticatorStays: of two that are removed at the same instant one stays, if its user must have one.
func TestLastAuthenticatorStays(t *testing.T) {
	eachSiteWith(t, func(c *config.Config) { c.TwoSteps = "required" }, func(t *testing.T, s *site) {
		ana := s.addUser("ana")
		b := s.newBrowser(t)
		p := b.open("/account/security").giveName("ana", password).at("setup", "initial")
		a := p.phone()
		p = p.press("Continue", "code", a.code(0)).at("codes", "initial")
		codes := p.recoveryCodes()
		p.press("Turn on two-step verification", "saved", "on").at("security", "on")
		status := func() mfa.Status {
			status, err := (*s.servers.Load())[0].mfa.Status(t.Context(), ana.Subject)
			if err != nil {
				t.Fatal(err)
			}
			return status
		}
		first := status().Authenticators[0].ID
		b.open("/account/authenticators/"+first+"/remove").at("security", "on").says("Add another authenticator before you remove this one")

		s.clock.advance(oneStep)
		p = b.open("/account/authenticators/new").at("setup", "initial")
		p.press("Continue", "code", p.phone().code(0)).at("security", "on")
		second := status().Authenticators[1].ID
		forms := []*page{b.open("/account/authenticators/" + first + "/remove?with=recovery"), b.open("/account/authenticators/" + second + "/remove?with=recovery")}
		var wait sync.WaitGroup
		for i, form := range forms {
			wait.Go(func() { form.press("Remove", "password", password, "recovery", codes[i]) })
		}
		wait.Wait()
		if left := len(status().Authenticators); left != 1 {
			t.Errorf("%d authenticators are left, want 1", left)
		}
		if gone := len(s.events(t, ana.Subject, audit.EventFactorRemoved)); gone != 1 {
			t.Errorf("%d removals are recorded, want 1", gone)
		}
	})
}

func TestRememberedBrowserWalk(t *testing.T) {
	eachSiteWith(t, rememberBrowsers, func(t *testing.T, s *site) {
		s.start(2)
		ana := s.addUser("ana")
		a, _ := s.newBrowser(t).enrol("ana")
		c := s.newClient(t, "shop")
		b := s.newBrowser(t)
		remember := func() time.Time {
			t.Helper()
			s.clock.advance(oneStep)
			v := c.begin("prompt", "login")
			p := b.open(v.address).giveName("ana", password).at("totp", "initial").says("Do not ask for a code on this device for 30 days")
			if p = p.press("Continue", "code", a.code(0), "remember", "yes"); p.left == nil {
				p = p.press("Allow", "remember", "yes")
			}
			v.finish(p).authenticated(t, "aal2", s.clock.now(), "pwd", "otp", "mfa")
			at := s.clock.now()
			s.clock.advance(13 * time.Hour) // the session is over
			return at
		}
		spared := func(want bool) {
			t.Helper()
			v := c.begin()
			p := b.open(v.address)
			if p.name == "login" {
				p = p.giveName("ana", password)
			}
			if !want {
				p.at("totp", "initial")
				return
			}
			v.finish(p).authenticated(t, "aal1", s.clock.now(), "pwd")
		}
		remember()
		spared(true)
		stepUp := c.begin("acr_values", "aal2")
		b.open(stepUp.address).at("totp", "initial")
		b.open("/account/authenticators/new").at("totp", "initial")
		b.open("/account/security").at("security", "on").says("This browser")
		b.open("/logout").says("stays one that is not asked for a code").press("Sign out")
		spared(true)

		for name, end := range map[string]func(ctx context.Context) error{
			"forgotten": func(ctx context.Context) error { return s.store.ForgetBrowsers(ctx, ana.Subject) },
			"a new password": func(ctx context.Context) error {
				hash, err := passwordHash()
				return errors.Join(err, s.store.ChangePassword(ctx, ana.Subject, hash, s.clock.now()))
			},
		} {
			remember()
			if err := end(t.Context()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			spared(false)
		}
		at := remember()
		s.clock.advance(at.Add(720*time.Hour - time.Minute).Sub(s.clock.now()))
		spared(true)
		b.open("/logout").press("Sign out")
		s.clock.advance(time.Minute)
		spared(false)
		if kept := s.events(t, ana.Subject, audit.EventBrowserRemembered); len(kept) != 4 {
			t.Errorf("%d browsers are recorded as remembered, want 4", len(kept))
		}
		if log := s.log.String(); strings.Contains(log, ana.Email) {
			t.Error("the log names the user")
		}
	})
}
