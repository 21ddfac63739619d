package protocol

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
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
