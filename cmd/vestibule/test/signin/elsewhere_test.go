package signin

import (
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/account"
)

// TestAccountsElsewhere: the users may be another program's. They get the second step, its pages and its mail all the same,
// and what that program ends is over here.
func TestAccountsElsewhere(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		mail := servertest.NewMailbox(t, "starttls")
		s := servertest.NewWithMail(t, database, mail)
		s.Config.TwoSteps = []config.TwoSteps{{Must: "required"}}
		others := new(servertest.Staff)
		others.Add(account.Account{Subject: "s-ana", Username: "ana", Name: "Ana", Email: "ana@example.com"})
		s.Accounts = others
		s.Start(2)
		c := s.NewClient(t, "shop")

		v := c.BeginOffline()
		p := v.SignIn(s.NewBrowser(t), "ana").At("setup", "initial")
		phone := p.Phone()
		p = p.Press("Continue", "code", phone.Code(0)).At("codes", "initial").Press("Turn on two-step verification", "saved", "yes")
		tokens := v.Finish(p.Allow())
		s.SendNotices()
		mail.Arrived("An authenticator was added")
		tokens.Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")
		if tokens.Subject != "s-ana" {
			t.Errorf("sub is %q, want that of the other program", tokens.Subject)
		}
		if got := s.UserInfo(tokens.Token.AccessToken); got != 200 {
			t.Errorf("userinfo answers %d", got)
		}

		s.Clock.Advance(servertest.Step)
		b := s.NewBrowser(t)
		v = c.Begin("prompt", "login")
		v.SignIn(b, "ben").At("login", "wrong")
		v = c.Begin("prompt", "login")
		v.Finish(v.SignIn(b, "ana").At("totp", "initial").GiveCode(phone.Code(0)))

		others.Change("ana", func(a *account.Account) { a.Epoch++ })
		v = c.Begin()
		b.Open(v.Address).At("login", "again").Says("Something has changed since you gave your password")
		others.Change("ana", func(a *account.Account) { a.Disabled = true })
		v.SignIn(s.NewBrowser(t), "ana").At("login", "wrong")
		if _, err := c.Refresh(tokens.Token.RefreshToken); err == nil {
			t.Error("a user whom the other program has disabled gets tokens")
		}
	})
}

// TestEndedElsewhere: what was opened before the other program, or a call of it, ended all is over at its next use, and what
// is opened afterwards is not.
func TestEndedElsewhere(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, servertest.RememberBrowsers, func(t *testing.T, s *servertest.Site) {
		others := new(servertest.Staff)
		s.Accounts = others
		s.Start(2)
		for name, end := range map[string]func(ana account.Account) error{
			"epoch": func(ana account.Account) error {
				others.Change(ana.Username, func(a *account.Account) { a.Epoch++ })
				return nil
			},
			"access": func(ana account.Account) error {
				return s.First().EndAccess(t.Context(), ana.Subject, "wiki:admin", "a stolen laptop")
			},
		} {
			ana := s.AddUser(name)
			c := s.NewClient(t, "shop-"+name)
			api := c.Inspector()
			phone, _ := s.NewBrowser(t).Enrol(name)
			s.Clock.Advance(servertest.Step)
			b := s.NewBrowser(t)
			signIn := func() *servertest.Page { return c.BeginOffline().SignIn(b, name) }
			signIn().At("totp", "initial").Press("Continue", "code", phone.Code(0), "remember", "yes")
			b.Open("/logout").Press("Sign out")
			v := c.BeginOffline()
			tokens := v.Finish(v.SignIn(b, name).At("consent", "initial").Allow()).Token
			b.Open("/account/security").At("security", "on")
			half := s.NewBrowser(t)
			waiting := c.Begin("prompt", "login")
			page := waiting.SignIn(half, name).At("totp", "initial")

			if err := end(ana); err != nil {
				t.Fatal(err)
			}
			if status := s.UserInfo(tokens.AccessToken); status != 401 {
				t.Errorf("%s: userinfo answers %d, want 401", name, status)
			}
			if api.Ask(t, tokens.AccessToken).Active || api.Ask(t, tokens.RefreshToken).Active {
				t.Errorf("%s: a token is active", name)
			}
			if _, err := c.Refresh(tokens.RefreshToken); err == nil {
				t.Errorf("%s: a refresh token lives", name)
			}
			if p := b.Open("/account/security"); p.Name == "security" {
				t.Errorf("%s: the session lives", name)
			}
			s.Clock.Advance(servertest.Step)
			if p := page.Press("Continue", "code", phone.Code(0)); p.Left != nil || p.Name != "login" {
				t.Errorf("%s: the sign-in under way is at %q", name, p.Name)
			}
			s.Clock.Advance(servertest.Step)
			v = c.BeginOffline()
			p := v.SignIn(b, name).At("totp", "initial") // the browser is not remembered any more
			tokens = v.Finish(p.Press("Continue", "code", phone.Code(0))).Token
			if _, err := c.Refresh(tokens.RefreshToken); err != nil {
				t.Errorf("%s: what was opened afterwards: %v", name, err)
			}
			b.Open("/account/security").At("security", "on")
		}
	})
}
