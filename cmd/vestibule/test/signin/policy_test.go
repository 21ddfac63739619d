package signin

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
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
	t.Parallel()
	servertest.EachWith(t, func(c *config.Config) { c.TwoStepsGroups = []string{"finance"} }, func(t *testing.T, s *servertest.Site) {
		ana := s.AddUser("ana", member("finance"))
		s.AddUser("ben", member("sales"))
		c := s.NewClient(t, "shop")
		v := c.Begin()
		v.Finish(v.SignIn(s.NewBrowser(t), "ben").Allow())

		b := s.NewBrowser(t)
		v = c.Begin()
		p := v.SignIn(b, "ana").At("setup", "initial")
		b.Open("/account/security").At("setup", "initial")
		silent := c.Begin("prompt", "none")
		silent.Refused(b.Open(silent.Address), "interaction_required")
		s.Start(2) // other servers from here on
		p = p.Press("Continue", "code", p.Phone().Code(0)).At("codes", "initial")
		p.RecoveryCodes()
		p = p.Press("Turn on two-step verification", "saved", "on").Allow()
		v.Finish(p).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")
		if got, err := s.Store.Account(t.Context(), ana.Subject); err != nil || !got.SignedIn.Equal(s.Clock.Now()) {
			t.Errorf("ana last signed in at %v, %v, want %v", got.SignedIn, err, s.Clock.Now())
		}

		// a member of the group from now on: the live session does not do any more
		ben := s.Account(t, "ben")
		b = s.NewBrowser(t)
		v = c.Begin()
		v.Finish(v.SignIn(b, "ben")) // who has allowed the shop before
		ben.Groups = []string{"sales", "finance"}
		if err := s.Store.UpdateAccount(t.Context(), ben); err != nil {
			t.Fatal(err)
		}
		b.Open(c.Begin().Address).At("setup", "initial")
	})
}

func TestPolicyReported(t *testing.T) {
	t.Parallel()
	report := func(c *config.Config) { c.TwoSteps, c.TwoStepsReportOnly = []config.TwoSteps{{Must: "required"}}, true }
	servertest.EachWith(t, report, func(t *testing.T, s *servertest.Site) {
		ana := s.AddUser("ana")
		v := s.NewClient(t, "shop").Begin()
		v.Finish(v.SignIn(s.NewBrowser(t), "ana").Allow()).Authenticated(t, "aal1", s.Clock.Now(), "pwd")
		found := s.Events(t, ana.Subject, audit.EventPolicyReported)
		if len(found) != 1 || found[0].Client != "shop" || found[0].Detail["why"] != "everybody" {
			t.Errorf("recorded %+v, want one report of ana at the shop", found)
		}
	})
}

// TestLastAuthenticatorStays: of two that are removed at the same instant one stays, if its user must have one.
func TestLastAuthenticatorStays(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, func(c *config.Config) { c.TwoSteps = []config.TwoSteps{{Must: "required"}} }, func(t *testing.T, s *servertest.Site) {
		ana := s.AddUser("ana")
		b := s.NewBrowser(t)
		p := b.Open("/account/security").GiveName("ana", servertest.Password).At("setup", "initial")
		a := p.Phone()
		p = p.Press("Continue", "code", a.Code(0)).At("codes", "initial")
		codes := p.RecoveryCodes()
		p.Press("Turn on two-step verification", "saved", "on").At("security", "on")
		status := func() mfa.Status {
			status, err := s.MFA().Status(t.Context(), ana.Subject)
			if err != nil {
				t.Fatal(err)
			}
			return status
		}
		first := status().Authenticators[0].ID
		b.Open("/account/authenticators/"+first+"/remove").At("security", "on").Says("Add another authenticator before you remove this one")

		s.Clock.Advance(servertest.Step)
		p = b.Open("/account/authenticators/new").At("setup", "initial")
		p.Press("Continue", "code", p.Phone().Code(0)).At("security", "on")
		second := status().Authenticators[1].ID
		forms := []*servertest.Page{b.Open("/account/authenticators/" + first + "/remove?with=recovery"), b.Open("/account/authenticators/" + second + "/remove?with=recovery")}
		var wait sync.WaitGroup
		for i, form := range forms {
			wait.Go(func() { form.Press("Remove", "password", servertest.Password, "recovery", codes[i]) })
		}
		wait.Wait()
		if left := len(status().Authenticators); left != 1 {
			t.Errorf("%d authenticators are left, want 1", left)
		}
		if gone := len(s.Events(t, ana.Subject, audit.EventFactorRemoved)); gone != 1 {
			t.Errorf("%d removals are recorded, want 1", gone)
		}
	})
}

func TestRememberedBrowserWalk(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, servertest.RememberBrowsers, func(t *testing.T, s *servertest.Site) {
		s.Start(2)
		ana := s.AddUser("ana")
		a, _ := s.NewBrowser(t).Enrol("ana")
		c := s.NewClient(t, "shop")
		b := s.NewBrowser(t)
		remember := func() time.Time {
			t.Helper()
			s.Clock.Advance(servertest.Step)
			v := c.Begin("prompt", "login")
			p := b.Open(v.Address).GiveName("ana", servertest.Password).At("totp", "initial").Says("Do not ask for a code on this device for 30 days")
			if p = p.Press("Continue", "code", a.Code(0), "remember", "yes"); p.Left == nil {
				p = p.Press("Allow", "remember", "yes")
			}
			v.Finish(p).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")
			at := s.Clock.Now()
			s.Clock.Advance(13 * time.Hour) // the session is over
			return at
		}
		spared := func(want bool) {
			t.Helper()
			v := c.Begin()
			p := b.Open(v.Address)
			if p.Name == "login" {
				p = p.GiveName("ana", servertest.Password)
			}
			if !want {
				p.At("totp", "initial")
				return
			}
			v.Finish(p).Authenticated(t, "aal1", s.Clock.Now(), "pwd")
		}
		remember()
		spared(true)
		stepUp := c.Begin("acr_values", "aal2")
		b.Open(stepUp.Address).At("totp", "initial")
		b.Open("/account/authenticators/new").At("totp", "initial")
		b.Open("/account/security").At("security", "on").Says("This browser")
		b.Open("/logout").Says("stays one that is not asked for a second step").Press("Sign out")
		spared(true)

		for name, end := range map[string]func(ctx context.Context) error{
			"forgotten": func(ctx context.Context) error { return s.Store.ForgetBrowsers(ctx, ana.Subject) },
			"a new password": func(ctx context.Context) error {
				hash, err := servertest.PasswordHash()
				return errors.Join(err, s.Store.ChangePassword(ctx, ana.Subject, hash, s.Clock.Now()))
			},
		} {
			remember()
			if err := end(t.Context()); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			spared(false)
		}
		at := remember()
		s.Clock.Advance(at.Add(720*time.Hour - time.Minute).Sub(s.Clock.Now()))
		spared(true)
		b.Open("/logout").Press("Sign out")
		s.Clock.Advance(time.Minute)
		spared(false)
		if kept := s.Events(t, ana.Subject, audit.EventBrowserRemembered); len(kept) != 4 {
			t.Errorf("%d browsers are recorded as remembered, want 4", len(kept))
		}
		if log := s.Log.String(); strings.Contains(log, ana.Email) {
			t.Error("the log names the user")
		}
	})
}
