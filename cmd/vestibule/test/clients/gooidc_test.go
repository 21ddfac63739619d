package clients

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// person is what a Go program learns of a user, in either place.
type person struct {
	Subject string   `json:"sub"`
	Email   string   `json:"email"`
	Groups  []string `json:"groups"`
}

func (p person) is(other person) bool {
	return p.Subject == other.Subject && p.Email == other.Email && slices.Equal(p.Groups, other.Groups)
}

// TestGoOIDC has an unmodified go-oidc read the claims in the ID token and at userinfo, and hear of the sign-out.
func TestGoOIDC(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ana := addMember(s.NewBrowser(t), "ana", inGroups("staff", "ops"))
	heard := make(chan string, 1)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { heard <- r.PostFormValue("logout_token") }))
	t.Cleanup(app.Close)
	c := s.NewClient(t, "shop", func(c *client.Client) {
		c.Scopes, c.IDTokenClaims, c.BackchannelLogoutURI = append(c.Scopes, "groups"), []string{"email", "groups"}, app.URL
	})
	b := s.NewBrowser(t)
	v := c.Begin("scope", "openid email groups offline_access")
	r := v.Finish(ana.signIn(b.Open(v.Address)))
	want := person{r.Subject, "ana@example.com", []string{"staff", "ops"}}
	renewed, err := c.Refresh(r.Token.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	for name, token := range map[string]string{"first": r.IDToken(), "renewed": c.Read(renewed).IDToken()} {
		var got person
		if id, err := c.Verifier.Verify(t.Context(), token); err != nil || id.Claims(&got) != nil || !got.is(want) {
			t.Errorf("the %s ID token says %+v (%v), want %+v", name, got, err, want)
		}
	}
	var got person
	if info, err := c.Provider.UserInfo(t.Context(), oauth2.StaticTokenSource(renewed)); err != nil || info.Claims(&got) != nil || !got.is(want) {
		t.Errorf("userinfo says %+v (%v), want %+v", got, err, want)
	}

	b.Open("/logout").Press("Sign out").At("logged-out", "initial")
	s.TellLogouts(t)
	raw := <-heard
	s.KeepSecret(raw)
	told, err := c.Verifier.VerifyLogout(t.Context(), raw)
	if err != nil || told.Subject != r.Subject || told.SessionID != r.Session {
		t.Errorf("the logout token says %+v (%v), want the session %s of %s", told, err, r.Session, r.Subject)
	}
	if _, err := c.Verifier.VerifyLogout(t.Context(), r.IDToken()); err == nil {
		t.Error("an ID token is taken for a logout token")
	}
}

// TestGoDevice has an unmodified x/oauth2 get tokens for a device, and for a program that acts without a user.
func TestGoDevice(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ana := addMember(s.NewBrowser(t), "ana", inGroups())
	tv := s.NewClient(t, "tv", servertest.OnDevice)
	code, err := tv.OAuth.DeviceAuth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.KeepSecret(code.DeviceCode)
	ana.signIn(s.NewBrowser(t).Open(code.VerificationURIComplete).At("device", "check").Press("Continue")).At("device-done", "initial")
	code.Interval = 1 // the site's clock stands still, but that of x/oauth2 does not
	token, err := tv.OAuth.DeviceAccessToken(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	tv.Read(token).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")

	job := s.NewClient(t, "job", func(c *client.Client) {
		c.GrantTypes, c.RedirectURIs, c.Scopes = []string{client.GrantClient}, nil, []string{"reports"}
	})
	access, err := (&clientcredentials.Config{
		ClientID: "job", ClientSecret: job.OAuth.ClientSecret, TokenURL: job.OAuth.Endpoint.TokenURL, Scopes: []string{"reports"},
	}).Token(t.Context())
	if err != nil || access.Type() != "Bearer" {
		t.Fatalf("client credentials: %v", err)
	}
	s.KeepSecret(access.AccessToken)
}
