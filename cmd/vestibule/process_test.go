package main

import (
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
)

// TestProcesses knows only what an operator and a client know: commands, environment names, pages. The
// servers are processes, two of them where the database allows it, and each is killed with SIGKILL before
// every step, in the middle of enrolments and sign-ins.
func TestProcesses(t *testing.T) {
	t.Parallel()
	for name, newDatabase := range map[string]func(testing.TB) string{"sqlite": servertest.SQLite, "postgres": servertest.PostgreSQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newShell(t, newDatabase(t))
			o.Command(servertest.Password, "migrate", "up")
			o.AddUser("ana")
			c, secret := o.CreateShop()
			o.Start(map[string]int{"sqlite": 1, "postgres": 2}[name])
			shop := o.Site.Discover(t, c, secret)
			walkKilled(t, o, shop)
			signOutKilled(t, o)
			if status := string(o.Command("", "user", "get", "ana")); !strings.Contains(status, "9 of 10") {
				t.Errorf("user get does not say that 9 recovery codes are left:\n%s", status)
			}
		})
	}
}

func walkKilled(t *testing.T, o *servertest.Shell, shop *servertest.Client) {
	t.Helper()
	s := o.Site
	b := s.NewBrowser(t)
	v := shop.Begin()
	p := o.Kill(v.SignIn(b, "ana").At("consent", "initial"))
	first := v.Finish(p.Allow())
	if first.ACR != "aal1" {
		t.Errorf("acr is %q, want aal1", first.ACR)
	}
	p = o.Kill(b.Open("/account/authenticators/new").At("setup", "initial"))
	a := p.Phone()
	p = o.Kill(p.Press("Continue", "code", a.RealCode(0)).At("codes", "initial"))
	codes := p.Reload().RecoveryCodes()

	other := s.NewBrowser(t) // the factor is not on yet, and the killed server made no half of one
	v = shop.Begin()
	v.Finish(o.Kill(v.SignIn(other, "ana")))

	o.Kill(p.Press("Turn on two-step verification", "saved", "on").At("security", "on"))
	other = s.NewBrowser(t)
	v = shop.Begin("scope", "openid profile email offline_access")
	p = o.Kill(other.Open(v.Address).At("login", "initial"))
	p = o.Kill(p.GiveName("ana", servertest.Password).At("totp", "initial"))
	p = o.Kill(p.GiveCode(a.RealCode(1)).At("consent", "initial"))
	second := v.Finish(o.Kill(p.Press("Allow")))
	if second.ACR != "aal2" || strings.Join(second.AMR, " ") != "pwd otp mfa" {
		t.Errorf("amr is %q, acr %q; want pwd otp mfa and aal2", second.AMR, second.ACR)
	}
	renewed, err := shop.Refresh(second.Token.RefreshToken)
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	shop.Read(renewed).Same(t, second)
	v = shop.Begin("prompt", "none")
	v.Finish(o.Kill(other.Open(v.Address))).Same(t, second)

	v = shop.Begin()
	p = v.SignIn(s.NewBrowser(t), "ana").At("totp", "initial").Click("Use a recovery code")
	p = o.Kill(p.Press("Continue", "recovery", codes[0]).At("recovery-used", "initial"))
	if third := v.Finish(p.Press("Continue")); strings.Join(third.AMR, " ") != "pwd mfa" {
		t.Errorf("amr is %q, want pwd mfa", third.AMR)
	}
}

// signOutKilled has a client hear of a sign-out, though every server is killed right after it was committed.
func signOutKilled(t *testing.T, o *servertest.Shell) {
	t.Helper()
	l := o.Site.NewLogoutListener(t)
	o.Command("", "client", "update", "shop", "--backchannel-logout-uri", l.Address, "--backchannel-logout-session-required")
	o.Command("", "user", "sign-out", "ana", "--reason", "a stolen laptop")
	o.KillAll()
	if token := l.AwaitLogout(t); token.Claim("sid") == "" || token.Header.ExtraHeaders["typ"] != "logout+jwt" {
		t.Errorf("the logout token is %v %v", token.Header, token.Claims)
	}
}

// newShell is a shell for the program that these tests are part of.
func newShell(t *testing.T, database string) *servertest.Shell {
	t.Helper()
	return servertest.NewShell(t, "vestibule", database)
}
