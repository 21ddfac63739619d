package main

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"vestibule/provider"
	"vestibule/provider/resource"
)

// newAPI registers an API and returns its guard.
func (s *site) newAPI(t *testing.T, change ...func(*resource.Config)) *resource.Guard {
	t.Helper()
	secret, hash := provider.NewClientSecret()
	s.keepSecret(secret)
	now := s.clock.now()
	err := s.store.CreateClient(t.Context(), provider.Client{ID: "api", Name: "The API", SecretHash: hash, ResourceServer: true, Created: now, Updated: now})
	if err != nil {
		t.Fatal(err)
	}
	c := resource.Config{
		Endpoint: s.config.Issuer + "/introspect", ClientID: "api", ClientSecret: secret, Now: s.clock.now,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, f := range change {
		f(&c)
	}
	g, err := resource.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestGuardedAPI asks a real server: what an API learns of a token is what the user proved, as long as the token lives.
func TestGuardedAPI(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		user := s.addUser("ana")
		g, c := s.newAPI(t), s.newClient(t, "shop")
		b := s.newBrowser(t)
		v := c.beginOffline()
		one := v.finish(v.signIn(b, "ana").allow()).tokens
		strict := resource.Rule{Scopes: []string{"openid"}, ACR: []string{"aal2"}, MaxAge: 5 * time.Minute}
		check := func(what, access string, rule resource.Rule, want error) resource.Token {
			t.Helper()
			token, err := g.Check(t.Context(), access, rule)
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
			return token
		}
		token := check("password", one.AccessToken, resource.Rule{Scopes: []string{"openid", "email"}}, nil)
		if token.Subject != user.Subject || token.ClientID != "shop" || token.ACR != "aal1" || len(token.AMR) != 1 || !token.AuthTime.Equal(s.clock.now().Truncate(time.Second)) {
			t.Errorf("the API learns %+v", token)
		}
		check("password for a transfer", one.AccessToken, strict, resource.ErrLevel)
		check("other scope", one.AccessToken, resource.Rule{Scopes: []string{"transfer"}}, resource.ErrScope)
		check("refresh token", one.RefreshToken, resource.Rule{}, resource.ErrToken)
		check("somebody's guess", "vat_made-up", resource.Rule{}, resource.ErrToken)

		phone, _ := b.enrol("ana")
		s.clock.advance(oneStep)
		v = c.begin("claims", essential("aal2"), "max_age", "300")
		p := b.open(v.address)
		if p.name == "totp" { // the code that turned it on may count
			p = p.giveCode(phone.code(0))
		}
		two := v.finish(p).tokens
		check("two steps", two.AccessToken, strict, nil)
		s.clock.advance(6 * time.Minute)
		check("two steps a while ago", two.AccessToken, strict, resource.ErrAge)
		check("two steps for something else", two.AccessToken, resource.Rule{ACR: []string{"aal2"}}, nil)
		again, err := c.refresh(one.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		s.keepSecret(again.AccessToken)
		check("refreshed", again.AccessToken, strict, resource.ErrLevel) // nothing was proved meanwhile
		s.clock.advance(5 * time.Minute)
		check("expired", two.AccessToken, resource.Rule{}, resource.ErrToken)

		if err := s.store.DisableAccount(t.Context(), user.Subject, s.clock.now()); err != nil {
			t.Fatal(err)
		}
		check("account disabled", again.AccessToken, resource.Rule{}, resource.ErrToken)
	})
}

// Only a client that is registered as an API may ask about the tokens of others, and whoever has no secret may not ask.
func TestGuardWithoutPermission(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		c, other := s.newClient(t, "shop"), s.newClient(t, "other")
		v := c.begin()
		access := v.finish(v.signIn(s.newBrowser(t), "ana").allow()).tokens.AccessToken
		g := s.newAPI(t, func(c *resource.Config) { c.ClientID, c.ClientSecret = "other", other.oauth.ClientSecret })
		if _, err := g.Check(t.Context(), access, resource.Rule{}); !errors.Is(err, resource.ErrToken) {
			t.Errorf("another app's token: %v, want %v", err, resource.ErrToken)
		}
		g, err := resource.New(resource.Config{Endpoint: s.config.Issuer + "/introspect", ClientID: "api", ClientSecret: "wrong", Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Check(t.Context(), access, resource.Rule{}); !errors.Is(err, resource.ErrUnavailable) {
			t.Errorf("wrong secret: %v, want %v", err, resource.ErrUnavailable)
		}
	})
}
