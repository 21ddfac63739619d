package signin

import (
	"net/url"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/account"
	"vestibule/provider/client"
	"vestibule/provider/operator"
	"vestibule/storage"
)

// TestStricterClient obliges the users of a client to two steps while one signs in, and after: what was decided before is
// decided anew, though each server remembers clients for some seconds.
func TestStricterClient(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		b := s.NewBrowser(t)
		v := c.BeginOffline()
		family := v.Finish(v.SignIn(b, "ana").Allow()).Token
		unused := c.BeginOffline()
		code := unused.Code(b.Open(unused.Address))
		late := c.Begin("prompt", "consent")
		page := b.Open(late.Address).At("consent", "initial")

		s.ChangeClient(t, "shop", func(c *client.Client) { c.TwoSteps = client.TwoStepsRequired })
		page.Press("Allow").At("setup", "initial").Says("The shop requires two-step verification")
		if _, err := unused.Exchange(code); !isRefused(err, "More is required") {
			t.Errorf("exchange of a code from before: %v, want invalid_grant", err)
		}
		if _, err := c.Refresh(family.RefreshToken); !isRefused(err, "More is required") {
			t.Errorf("refresh: %v, want invalid_grant", err)
		}
		if status := s.UserInfo(family.AccessToken); status != 200 {
			t.Errorf("userinfo answers %d to an access token that has not expired, want 200", status)
		}
		silent := c.Begin("prompt", "none")
		silent.Refused(b.Open(silent.Address), "interaction_required")

		s.ChangeClient(t, "shop", func(c *client.Client) { c.TwoSteps = client.TwoStepsOptional })
		if _, err := c.Refresh(family.RefreshToken); err != nil {
			t.Errorf("refresh after the rule was taken back: %v", err)
		}
	})
}

func isRefused(err error, why string) bool {
	return err != nil && strings.Contains(err.Error(), "invalid_grant") && strings.Contains(err.Error(), why)
}

// TestStricterPolicy obliges a group while one of its members, who has no second factor, holds a refresh token.
func TestStricterPolicy(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana", func(a *account.Account) { a.Groups = []string{"finance"} })
		s.AddUser("ben")
		c := s.NewClient(t, "shop")
		refresh := map[string]string{}
		browsers := map[string]*servertest.Browser{}
		for _, name := range []string{"ana", "ben"} {
			v := c.BeginOffline()
			browsers[name] = s.NewBrowser(t)
			refresh[name] = v.Finish(v.SignIn(browsers[name], name).Allow()).Token.RefreshToken
		}
		s.Config.TwoStepsGroups = []string{"finance"}
		s.Start(1)
		if _, err := c.Refresh(refresh["ana"]); !isRefused(err, "More is required") {
			t.Errorf("refresh for a member without a second factor: %v, want invalid_grant", err)
		}
		if _, err := c.Refresh(refresh["ben"]); err != nil {
			t.Errorf("refresh for somebody else: %v", err)
		}
		browsers["ana"].Enrol("ana")
		if _, err := c.Refresh(refresh["ana"]); err != nil {
			t.Errorf("refresh once there is a second factor: %v", err)
		}
	})
}

// TestClientMayAskForLess takes a scope from a client while its user is asked for it, while the client has a code, and
// after.
func TestClientMayAskForLess(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		b := s.NewBrowser(t)
		unused := c.Begin("scope", "openid email offline_access")
		code := unused.Code(unused.SignIn(b, "ana").Allow())
		v := c.Begin("scope", "openid email", "prompt", "consent")
		page := b.Open(v.Address).Says("See your email address")
		s.ChangeClient(t, "shop", func(c *client.Client) { c.Scopes = []string{"openid", "offline_access"} })
		tokens, err := unused.Exchange(code)
		if err != nil {
			t.Fatalf("exchange of a code from before: %v", err)
		}
		if got := tokens.Extra("scope"); got != "openid offline_access" {
			t.Errorf("a code from before gives %q, want openid offline_access", got)
		}
		if _, err := c.Refresh(tokens.RefreshToken); err != nil {
			t.Errorf("refresh of what a code from before has given: %v", err)
		}
		if got := v.Finish(page.Press("Allow")).Token.Extra("scope"); got != "openid" { // who allows more allows that
			t.Errorf("the token is for %q, want openid", got)
		}
		v = c.Begin("scope", "openid email", "prompt", "consent")
		if page := b.Open(v.Address).At("consent", "initial"); strings.Contains(page.Text(), "email address") {
			t.Errorf("the user is asked for what the client may not ask for:\n%s", page.Text())
		}
	})
}

// TestRemovedAPILearnsNothing asks with a resource server that was removed, and made anew, a moment ago.
func TestRemovedAPILearnsNothing(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		c, api := s.NewClient(t, "shop"), s.NewInspector(t)
		c.For(api)
		v := c.Begin()
		token := v.Finish(v.SignIn(s.NewBrowser(t), "ana").Allow()).Token.AccessToken
		if !api.Ask(t, token).Active {
			t.Fatal("the token is not active")
		}
		was, err := s.Store.Client(t.Context(), "inspector")
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Operator().DeleteClient(t.Context(), "inspector"); err != nil {
			t.Fatal(err)
		}
		if api.Ask(t, token).Active {
			t.Error("an API that was removed learns of a token")
		}
		_, was.SecretHash = client.NewSecret()
		was.Registration = ""
		if _, _, err := s.Operator().RegisterClient(t.Context(), operator.NewClient{Client: was}); err != nil {
			t.Fatal(err)
		}
		if api.Ask(t, token).Active {
			t.Error("with the secret of an API that was removed somebody learns of a token")
		}
	})
}

// TestOldSecretIsWorthNothing gives the client another secret, which a server has not read yet.
func TestOldSecretIsWorthNothing(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		v := c.BeginOffline()
		tokens := v.Finish(v.SignIn(s.NewBrowser(t), "ana").Allow()).Token
		_, hash := client.NewSecret()
		servertest.ExecDatabase(t, s.Config.Database, `UPDATE client SET secret_hash = '`+hash+`', updated_at = updated_at + 1 WHERE id = 'shop'`)
		answer := s.Token(c, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.RefreshToken}})
		if answer.Error != "invalid_grant" && answer.Error != "invalid_client" {
			t.Errorf("a refresh with the old secret is answered with %+v", answer)
		}
	})
}

// TestRightPasswordMeetsAChange gives the right password while the client, or what it was allowed, changes under a server
// that still remembers the one of before: the sign-in is decided anew, without another password.
func TestRightPasswordMeetsAChange(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		user := s.AddUser("ana")
		c := s.NewClient(t, "shop")
		c.Begin().SignIn(s.NewBrowser(t), "ana").Allow()
		v := c.Begin()
		p := s.NewBrowser(t).Open(v.Address) // the server remembers the client from here on
		s.ChangeClient(t, "shop", func(c *client.Client) { c.Name = "Shop 2" })
		v.Finish(p.GiveName("ana", servertest.Password))

		v = c.Begin()
		p = s.NewBrowser(t).Open(v.Address)
		app := s.First()
		app.Observe(func(trip storage.Trip) {
			if strings.Contains(trip.Queries[0], "FROM consent") {
				app.Observe(nil)
				if err := s.Store.RevokeAccess(t.Context(), user.Subject, c.OAuth.ClientID, s.Clock.Now()); err != nil {
					t.Error(err)
				}
			}
		})
		v.Finish(p.GiveName("ana", servertest.Password).At("consent", "initial").Press("Allow"))
	})
}

// TestRecoveryCodeIsTooLittle: who has used one up is told at once that the client lets nobody in with it.
func TestRecoveryCodeIsTooLittle(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, func(c *config.Config) { c.RecoveryCounts = false }, func(t *testing.T, s *servertest.Site) {
		e := servertest.NewEnrolled(t, s, 1)
		bank := s.NewClient(t, "bank", func(c *client.Client) { c.TwoSteps = client.TwoStepsRequired })
		p := bank.Begin().SignIn(s.NewBrowser(t), e.User).Click("Use a recovery code").Press("Continue", "recovery", e.Codes[0])
		p.At("recovery-used", "initial").Says("The bank does not take a recovery code for a second step").Press("Set up a new authenticator").At("setup", "instead")
	})
}
