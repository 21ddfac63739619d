package protocol

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/resource"
)

// TestGuardedAPI asks a real server: what an API learns of a token is what the user proved, as long as the token lives.
func TestGuardedAPI(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		user := s.AddUser("ana")
		g, c := s.NewAPI(t), s.NewClient(t, "shop")
		c.Resource = servertest.ResourceOf("api")
		b := s.NewBrowser(t)
		v := c.BeginOffline()
		one := v.Finish(v.SignIn(b, "ana").Allow()).Token
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
		if token.Subject != user.Subject || token.ClientID != "shop" || token.ACR != "aal1" || len(token.AMR) != 1 || !token.AuthTime.Equal(s.Clock.Now().Truncate(time.Second)) {
			t.Errorf("the API learns %+v", token)
		}
		check("password for a transfer", one.AccessToken, strict, resource.ErrLevel)
		check("other scope", one.AccessToken, resource.Rule{Scopes: []string{"transfer"}}, resource.ErrScope)
		check("refresh token", one.RefreshToken, resource.Rule{}, resource.ErrToken)
		check("somebody's guess", "vat_made-up", resource.Rule{}, resource.ErrToken)

		phone, _ := b.Enrol("ana")
		s.Clock.Advance(servertest.Step)
		v = c.Begin("claims", servertest.Essential("aal2"), "max_age", "300")
		p := b.Open(v.Address)
		if p.Name == "totp" { // the code that turned it on may count
			p = p.GiveCode(phone.Code(0))
		}
		two := v.Finish(p).Token
		check("two steps", two.AccessToken, strict, nil)
		s.Clock.Advance(6 * time.Minute)
		check("two steps a while ago", two.AccessToken, strict, resource.ErrAge)
		check("two steps for something else", two.AccessToken, resource.Rule{ACR: []string{"aal2"}}, nil)
		again, err := c.Refresh(one.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		s.KeepSecret(again.AccessToken)
		check("refreshed", again.AccessToken, strict, resource.ErrLevel) // nothing was proved meanwhile
		s.Clock.Advance(5 * time.Minute)
		check("expired", two.AccessToken, resource.Rule{}, resource.ErrToken)

		if err := s.Store.DisableAccount(t.Context(), user.Subject, s.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		check("account disabled", again.AccessToken, resource.Rule{}, resource.ErrToken)
	})
}

// Only an API that the token is for may ask about the tokens of others, and whoever has no secret may not ask.
func TestGuardWithoutPermission(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		c, other := s.NewClient(t, "shop"), s.NewClient(t, "other")
		g := s.NewAPI(t, func(c *resource.Config) { c.ClientID, c.ClientSecret = "other", other.OAuth.ClientSecret })
		ledger := s.NewInspectorAs(t, "ledger")
		v := c.Begin("resource", servertest.ResourceOf("api"))
		access := v.Finish(v.SignIn(s.NewBrowser(t), "ana").Allow()).Token.AccessToken
		if got := ledger.Ask(t, access); got.Active || got.Subject != "" {
			t.Errorf("an API that the token is not for learns %+v", got)
		}
		if !c.Inspector().Ask(t, access).Active {
			t.Error("the token is not active")
		}
		if _, err := g.Check(t.Context(), access, resource.Rule{}); !errors.Is(err, resource.ErrToken) {
			t.Errorf("another app's token: %v, want %v", err, resource.ErrToken)
		}
		g, err := resource.New(resource.Config{Endpoint: s.Config.Issuer + "/introspect", ClientID: "api", ClientSecret: "wrong", Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := g.Check(t.Context(), access, resource.Rule{}); !errors.Is(err, resource.ErrUnavailable) {
			t.Errorf("wrong secret: %v, want %v", err, resource.ErrUnavailable)
		}
	})
}
