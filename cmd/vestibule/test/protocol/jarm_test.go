package protocol

import (
	"encoding/json"
	"net/url"
	"reflect"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// TestSignedAnswer has a client's answers be signed (JARM), with a password, a code and consent in the way: a code, the
// user's no, the error of a silent request, in an address and in a form, and an ID token alone.
func TestSignedAnswer(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		b := s.NewBrowser(t)
		v := c.Begin("response_mode", "jwt", "prompt", "none")
		v.Refused(unwrapped(t, v, b.Open(v.Address)), "login_required")
		v = c.Begin("response_mode", "form_post.jwt")
		v.Refused(unwrapped(t, v, v.SignIn(s.NewBrowser(t), c.User).GiveCode(c.Phone.Code(0)).Press("Don’t allow")), "access_denied")
		s.Clock.Advance(servertest.Step)

		v = c.Begin("response_mode", "jwt").Push()
		form := v.SignIn(b, c.User).GiveCode(c.Phone.Code(0)).At("consent", "initial").Form("Allow")
		twin := form.Twin()
		p, again := form.Send(), twin.Post(form.Address, form.Values)
		if p.Posted || p.End() != again.End() {
			t.Errorf("the form is answered %s, and again %s", p.End(), again.End())
		}
		r := v.Finish(unwrapped(t, v, p)).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")
		for mode, posted := range map[string]bool{"query.jwt": false, "form_post.jwt": true} {
			v = c.Begin("response_mode", mode, "prompt", "none")
			if p = b.Open(v.Address); p.Posted != posted {
				t.Errorf("%s: the answer came to %s, in a form: %v", mode, p.Left, p.Posted)
			}
			v.Finish(unwrapped(t, v, p)).Same(t, r)
		}
		v = c.Begin("response_mode", "fragment.jwt")
		v.Refused(b.Open(v.Address), "unsupported_response_mode")

		net := s.NewClient(t, "net", func(c *client.Client) { c.ResponseTypes, c.AnswerAlg = []string{client.ResponseIDToken}, client.ES256 })
		v = net.Begin("response_type", "id_token", "response_mode", "form_post.jwt", "scope", "openid")
		readAlone(t, v, unwrapped(t, v, b.Open(v.Address).At("consent", "initial").Press("Allow"))).Same(t, r)
	})
}

// unwrapped checks the answer as JARM section 2.4 tells the client to, and returns the page as it would be without.
func unwrapped(t *testing.T, v *servertest.Trip, p *servertest.Page) *servertest.Page {
	t.Helper()
	if p.Left == nil || len(p.Left.Query()) != 1 {
		t.Fatalf("the browser is at %v, page %s, state %s; want the client, with a response", p.Left, p.Name, p.State)
	}
	var metadata struct {
		Keys       string   `json:"jwks_uri"`
		Algorithms []string `json:"authorization_signing_alg_values_supported"`
	}
	if err := v.Provider.Claims(&metadata); err != nil {
		t.Fatal(err)
	}
	keys := oidc.NewRemoteKeySet(t.Context(), metadata.Keys)
	config := &oidc.Config{ClientID: v.OAuth.ClientID, Now: v.Site.Clock.Now, SupportedSigningAlgs: metadata.Algorithms}
	token, err := oidc.NewVerifier(v.Site.Config.Issuer, keys, config).Verify(t.Context(), p.Left.Query().Get("response"))
	if err != nil {
		t.Fatalf("response: %v", err)
	}
	if left := token.Expiry.Sub(v.Site.Clock.Now()); left.Minutes() > 10 || !reflect.DeepEqual(token.Audience, []string{v.OAuth.ClientID}) || token.Subject != "" {
		t.Errorf("the response is for %q about %q, and good for %v", token.Audience, token.Subject, left)
	}
	var raw json.RawMessage
	answer := map[string]any{}
	if err := token.Claims(&raw); err == nil {
		err = json.Unmarshal(raw, &answer)
	}
	q := url.Values{}
	for name, value := range answer {
		if text, ok := value.(string); ok && name != "aud" {
			q.Set(name, text)
		}
	}
	open := *p
	left := *p.Left
	left.RawQuery = q.Encode()
	open.Left = &left
	return &open
}
