package protocol

import (
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"golang.org/x/oauth2/clientcredentials"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/resource"
)

// TestJWTAccessTokens has an API read by itself what the server signs for it: the same as an introspection says, and nothing
// that was signed for another place. What has ended is ended wherever the server is asked.
func TestJWTAccessTokens(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		asks := s.NewAPI(t)
		reader := func(api string) *resource.Guard {
			g, err := resource.New(resource.Config{Keys: s.Config.Issuer + "/jwks", Issuer: s.Config.Issuer, Resource: servertest.ResourceOf(api), Now: s.Clock.Now})
			if err != nil {
				t.Fatal(err)
			}
			return g
		}
		reads, other := reader("api"), reader("other")
		setFormat(t, s, "api")
		signIn := func(parameters ...string) servertest.Tokens {
			s.Clock.Advance(servertest.Step)
			v := c.Begin(append([]string{"scope", "openid offline_access", "prompt", "consent"}, parameters...)...)
			return v.Finish(v.SignIn(s.NewBrowser(t), c.User).GiveCode(c.Phone.Code(0)).Allow())
		}
		r, plain := signIn("resource", servertest.ResourceOf("api")), signIn()
		rule := resource.Rule{Scopes: []string{"openid"}, ACR: []string{"aal2"}, MaxAge: 5 * time.Minute}
		check := func(what string, g *resource.Guard, access string, want error) resource.Token {
			t.Helper()
			token, err := g.Check(t.Context(), access, rule)
			if !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", what, err, want)
			}
			return token
		}
		access := r.Token.AccessToken
		asked, read := check("asked about", asks, access, nil), check("read", reads, access, nil)
		if asked.Subject != r.Subject || read.Subject != asked.Subject || read.ACR != asked.ACR || !read.AuthTime.Equal(asked.AuthTime) || !read.Expires.Equal(asked.Expires) {
			t.Errorf("the API reads %+v, and is told %+v", read, asked)
		}
		check("at another API", other, access, resource.ErrToken)
		check("an ID token", reads, r.IDToken(), resource.ErrToken)
		check("an ID token that is asked about", asks, r.IDToken(), resource.ErrToken)
		check("of the app itself", reads, plain.Token.AccessToken, resource.ErrToken)
		check("of the app itself, asked about", asks, plain.Token.AccessToken, resource.ErrToken)
		if status := s.UserInfo(access); status != http.StatusUnauthorized {
			t.Errorf("userinfo answers %d to a token for the API", status)
		}

		if err := c.Revoke(access); err != nil {
			t.Fatal(err)
		}
		check("revoked", asks, access, resource.ErrToken)
		renewed, err := c.Refresh(r.Token.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		s.KeepSecret(renewed.AccessToken)
		check("renewed", reads, renewed.AccessToken, nil)
		if err := s.Store.DisableAccount(t.Context(), r.Subject, s.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		check("of a user who is disabled", asks, renewed.AccessToken, resource.ErrToken)
		s.Clock.Advance(10 * time.Minute)
		check("expired", reads, renewed.AccessToken, resource.ErrToken)
	})
}

// setFormat has the access tokens of an app, or for an API, be JWTs.
func setFormat(t *testing.T, s *servertest.Site, id string) {
	t.Helper()
	if _, err := s.Operator().UpdateClient(t.Context(), id, func(c *client.Client) { c.AccessTokenFormat = client.FormatJWT }); err != nil {
		t.Fatal(err)
	}
}

// TestClientCredentials has an unmodified library get a token for a job, which ends with the client.
func TestClientCredentials(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		g := s.NewAPI(t)
		secret, hash := client.NewSecret()
		s.KeepSecret(secret)
		now := s.Clock.Now()
		job := client.Client{ID: "job", SecretHash: hash, GrantTypes: []string{client.GrantClient}, Scopes: []string{"report"},
			Audiences: []string{servertest.ResourceOf("api")}, Created: now, Updated: now}
		if err := s.Store.CreateClient(t.Context(), job); err != nil {
			t.Fatal(err)
		}
		library := clientcredentials.Config{ClientID: "job", ClientSecret: secret, TokenURL: s.Config.Issuer + "/token",
			EndpointParams: url.Values{"resource": {servertest.ResourceOf("api")}}}
		access := func() string {
			t.Helper()
			token, err := library.Token(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s.KeepSecret(token.AccessToken)
			if token.RefreshToken != "" || token.Extra("id_token") != nil {
				t.Errorf("the client gets %+v", token)
			}
			return token.AccessToken
		}
		check := func(what, access string, want error) {
			t.Helper()
			token, err := g.Check(t.Context(), access, resource.Rule{Scopes: []string{"report"}})
			if !errors.Is(err, want) || err == nil && (token.ClientID != "job" || token.Subject != "" || token.ACR != "" || !token.AuthTime.IsZero()) {
				t.Errorf("%s: %+v, %v, want %v", what, token, err, want)
			}
		}
		before := access()
		check("new", before, nil)
		setFormat(t, s, "job")
		check("of before the client was changed", before, resource.ErrToken)
		after := access()
		check("of the changed client", after, nil)
		if found := s.Events(t, "", audit.EventClientToken); len(found) != 2 || found[1].Client != "job" {
			t.Errorf("recorded are %+v, want two", found)
		}
		s.Clock.Advance(10*time.Minute + time.Second)
		check("expired", after, resource.ErrToken)
		if n, err := s.Store.Purge(t.Context(), s.Clock.Now().Add(3*time.Minute)); err != nil || n < 4 { // rows outlive their tokens by two
			t.Errorf("of two tokens %d rows are purged, %v, want those of the tokens and their families", n, err)
		}
		last := access()
		if err := s.Operator().DeleteClient(t.Context(), "job"); err != nil {
			t.Fatal(err)
		}
		check("of a client that was removed", last, resource.ErrToken)
		if _, err := library.Token(t.Context()); err == nil {
			t.Error("a client that was removed gets a token")
		}
	})
}
