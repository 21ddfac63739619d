package protocol

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/audit"
	"vestibule/provider/client"
)

// TestRevocation has an app end the tokens of a user who has signed in with a code and allowed it: those of one sign-in, and
// nothing else.
func TestRevocation(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		api := c.Inspector()
		b := s.NewBrowser(t)
		signIn := func(b *servertest.Browser) servertest.Tokens {
			s.Clock.Advance(servertest.Step)
			v := c.Begin("scope", "openid offline_access", "prompt", "consent")
			return v.Finish(v.SignIn(b, c.User).GiveCode(c.Phone.Code(0)).Allow())
		}
		kept, r := signIn(s.NewBrowser(t)), signIn(b)
		r.Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")

		stranger := s.NewClient(t, "stranger")
		for _, token := range []string{r.Token.RefreshToken, r.Token.AccessToken} {
			if err := stranger.Revoke(token); err != nil {
				t.Errorf("of another client: %v, want 200", err)
			}
		}
		api.Learns(t, r)
		if err := c.Revoke(r.Token.AccessToken); err != nil {
			t.Fatal(err)
		}
		if api.Ask(t, r.Token.AccessToken).Active || s.UserInfo(r.Token.AccessToken) != http.StatusUnauthorized {
			t.Error("the access token lives on")
		}
		renewed, err := c.Refresh(r.Token.RefreshToken)
		if err != nil {
			t.Fatalf("refresh after the access token was revoked: %v", err)
		}
		if err := c.Revoke(r.Token.RefreshToken, "token_type_hint", "access_token"); err != nil { // it was used by now
			t.Fatal(err)
		}
		if api.Ask(t, renewed.AccessToken).Active {
			t.Error("the access token of the family lives on")
		}
		var refused *oauth2.RetrieveError
		if _, err := c.Refresh(renewed.RefreshToken); !errors.As(err, &refused) || refused.ErrorCode != "invalid_grant" {
			t.Errorf("refresh: %v, want invalid_grant", err)
		}
		api.Learns(t, kept)
		if found := s.Events(t, r.Subject, audit.EventTokenRevoked); len(found) != 2 {
			t.Errorf("recorded are %+v, want two", found)
		}
		v := c.Begin("scope", "openid offline_access", "prompt", "none")
		v.Finish(b.Open(v.Address)).Same(t, r) // what the user has allowed, and the session, are not the app's to end
	})
}

// TestPublicClientRevokes has a client without a secret end its own tokens.
func TestPublicClientRevokes(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		c := s.NewClient(t, "phone", func(c *client.Client) { c.Public = true })
		v := c.BeginOffline()
		r := v.Finish(v.SignIn(s.NewBrowser(t), "ana").Allow())
		if err := c.Revoke(r.Token.RefreshToken); err != nil {
			t.Fatal(err)
		}
		if status := s.UserInfo(r.Token.AccessToken); status != http.StatusUnauthorized {
			t.Errorf("userinfo answers %d, want 401", status)
		}
		if got := s.Ask(c, s.Config.Issuer+"/revoke", url.Values{"token": {r.Token.RefreshToken}, "client_secret": {"x"}}); got.Error != "invalid_client" {
			t.Errorf("with a secret: %+v, want invalid_client", got)
		}
	})
}
