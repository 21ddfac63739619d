package main

import (
	"net/url"
	"strings"
	"testing"

	"vestibule/provider/account"
	rp "vestibule/provider/client"
	"vestibule/provider/operator"
	"vestibule/storage"
)

// change changes the client as client update does.
func (s *site) change(t *testing.T, c *client, change operator.ClientChange) {
	t.Helper()
	if _, err := operations(s.store).UpdateClient(t.Context(), c.oauth.ClientID, change); err != nil {
		t.Fatalf("update the client: %v", err)
	}
}

// TestStricterClient obliges the users of a client to two steps while one signs in, and after: what was decided before is
// decided anew, though each server remembers clients for some seconds.
func TestStricterClient(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		c := s.newClient(t, "shop")
		yes, no := rp.TwoStepsRequired, rp.TwoStepsOptional
		b := s.newBrowser(t)
		v := c.beginOffline()
		family := v.finish(v.signIn(b, "ana").allow()).tokens
		unused := c.beginOffline()
		code := unused.code(b.open(unused.address))
		late := c.begin("prompt", "consent")
		page := b.open(late.address).at("consent", "initial")

		s.change(t, c, operator.ClientChange{TwoSteps: &yes})
		page.press("Allow").at("setup", "initial").says("The shop requires two-step verification")
		if _, err := unused.exchange(code); !isRefused(err, "More is required") {
			t.Errorf("exchange of a code from before: %v, want invalid_grant", err)
		}
		if _, err := c.refresh(family.RefreshToken); !isRefused(err, "More is required") {
			t.Errorf("refresh: %v, want invalid_grant", err)
		}
		if status := s.userInfo(family.AccessToken); status != 200 {
			t.Errorf("userinfo answers %d to an access token that has not expired, want 200", status)
		}
		silent := c.begin("prompt", "none")
		silent.refused(b.open(silent.address), "interaction_required")

		s.change(t, c, operator.ClientChange{TwoSteps: &no})
		if _, err := c.refresh(family.RefreshToken); err != nil {
			t.Errorf("refresh after the rule was taken back: %v", err)
		}
	})
}

func isRefused(err error, why string) bool {
	return err != nil && strings.Contains(err.Error(), "invalid_grant") && strings.Contains(err.Error(), why)
}

// TestStricterPolicy obliges a group while one of its members, who has no second factor, holds a refresh token.
func TestStricterPolicy(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana", func(a *account.Account) { a.Groups = []string{"finance"} })
		s.addUser("ben")
		c := s.newClient(t, "shop")
		refresh := map[string]string{}
		browsers := map[string]*browser{}
		for _, name := range []string{"ana", "ben"} {
			v := c.beginOffline()
			browsers[name] = s.newBrowser(t)
			refresh[name] = v.finish(v.signIn(browsers[name], name).allow()).tokens.RefreshToken
		}
		s.config.TwoStepsGroups = []string{"finance"}
		s.start(1)
		if _, err := c.refresh(refresh["ana"]); !isRefused(err, "More is required") {
			t.Errorf("refresh for a member without a second factor: %v, want invalid_grant", err)
		}
		if _, err := c.refresh(refresh["ben"]); err != nil {
			t.Errorf("refresh for somebody else: %v", err)
		}
		browsers["ana"].enrol("ana")
		if _, err := c.refresh(refresh["ana"]); err != nil {
			t.Errorf("refresh once there is a second factor: %v", err)
		}
	})
}

// TestClientMayAskForLess takes a scope from a client while its user is asked for it, while the client has a code, and
// after.
func TestClientMayAskForLess(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		c := s.newClient(t, "shop")
		b := s.newBrowser(t)
		unused := c.begin("scope", "openid email offline_access")
		code := unused.code(unused.signIn(b, "ana").allow())
		v := c.begin("scope", "openid email", "prompt", "consent")
		page := b.open(v.address).says("See your email address")
		s.change(t, c, operator.ClientChange{Scopes: []string{"openid", "offline_access"}})
		tokens, err := unused.exchange(code)
		if err != nil {
			t.Fatalf("exchange of a code from before: %v", err)
		}
		if got := tokens.Extra("scope"); got != "openid offline_access" {
			t.Errorf("a code from before gives %q, want openid offline_access", got)
		}
		if _, err := c.refresh(tokens.RefreshToken); err != nil {
			t.Errorf("refresh of what a code from before has given: %v", err)
		}
		if got := v.finish(page.press("Allow")).tokens.Extra("scope"); got != "openid" { // who allows more allows that
			t.Errorf("the token is for %q, want openid", got)
		}
		v = c.begin("scope", "openid email", "prompt", "consent")
		if page := b.open(v.address).at("consent", "initial"); strings.Contains(page.text(), "email address") {
			t.Errorf("the user is asked for what the client may not ask for:\n%s", page.text())
		}
	})
}

// TestRemovedAPILearnsNothing asks with a resource server that was removed, and made anew, a moment ago.
func TestRemovedAPILearnsNothing(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		c, api := s.newClient(t, "shop"), s.newInspector(t)
		v := c.begin()
		token := v.finish(v.signIn(s.newBrowser(t), "ana").allow()).tokens.AccessToken
		if !api.ask(t, token).Active {
			t.Fatal("the token is not active")
		}
		was, err := s.store.Client(t.Context(), "inspector")
		if err != nil {
			t.Fatal(err)
		}
		if err := operations(s.store).DeleteClient(t.Context(), "inspector"); err != nil {
			t.Fatal(err)
		}
		if api.ask(t, token).Active {
			t.Error("an API that was removed learns of a token")
		}
		_, was.SecretHash = rp.NewSecret()
		was.Registration = ""
		if _, _, err := operations(s.store).RegisterClient(t.Context(), operator.NewClient{Client: was}); err != nil {
			t.Fatal(err)
		}
		if api.ask(t, token).Active {
			t.Error("with the secret of an API that was removed somebody learns of a token")
		}
	})
}

// TestOldSecretIsWorthNothing gives the client another secret, which a server has not read yet.
func TestOldSecretIsWorthNothing(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		c := s.newClient(t, "shop")
		v := c.beginOffline()
		tokens := v.finish(v.signIn(s.newBrowser(t), "ana").allow()).tokens
		_, hash := rp.NewSecret()
		execDatabase(t, s.config.Database, `UPDATE client SET secret_hash = '`+hash+`', updated_at = updated_at + 1 WHERE id = 'shop'`)
		answer := s.token(c, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.RefreshToken}})
		if answer.Error != "invalid_grant" && answer.Error != "invalid_client" {
			t.Errorf("a refresh with the old secret is answered with %+v", answer)
		}
	})
}

// TestRightPasswordMeetsAChange gives the right password while the client, or what it was allowed, changes under a server
// that still remembers the one of before: the sign-in is decided anew, without another password.
func TestRightPasswordMeetsAChange(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		user := s.addUser("ana")
		c := s.newClient(t, "shop")
		c.begin().signIn(s.newBrowser(t), "ana").allow()
		v := c.begin()
		p := s.newBrowser(t).open(v.address) // the server remembers the client from here on
		name := "Shop 2"
		s.change(t, c, operator.ClientChange{Name: &name})
		v.finish(p.giveName("ana", password))

		v = c.begin()
		p = s.newBrowser(t).open(v.address)
		app := (*s.servers.Load())[0]
		app.store.Observe(func(trip storage.Trip) {
			if strings.Contains(trip.Queries[0], "FROM consent") {
				app.store.Observe(app.metrics.trip)
				if err := s.store.DeleteGrant(t.Context(), user.Subject, c.oauth.ClientID); err != nil {
					t.Error(err)
				}
			}
		})
		v.finish(p.giveName("ana", password).at("consent", "initial").press("Allow"))
	})
}
