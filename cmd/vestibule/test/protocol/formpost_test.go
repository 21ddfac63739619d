package protocol

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// TestFormPost has a client be answered in a form, with a password, a code and consent in the way: with a code, with the
// user's no, silently, and with the errors of silent requests.
func TestFormPost(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		b := s.NewBrowser(t)
		form := func(parameters ...string) *servertest.Trip {
			return c.Begin(append([]string{"response_mode", "form_post"}, parameters...)...)
		}
		posted := func(p *servertest.Page) *servertest.Page {
			t.Helper()
			if !p.Posted {
				t.Errorf("the answer came in the address %s", p.Left)
			}
			return p
		}
		v := form("prompt", "none")
		v.Refused(posted(b.Open(v.Address)), "login_required")
		v = form()
		v.Refused(posted(v.SignIn(s.NewBrowser(t), c.User).GiveCode(c.Phone.Code(0)).Press("Don’t allow")), "access_denied")
		s.Clock.Advance(servertest.Step)
		v = form()
		consent := v.SignIn(b, c.User).GiveCode(c.Phone.Code(0)).At("consent", "initial")
		r := v.Finish(posted(consent.Press("Allow"))).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")
		v = form("prompt", "none")
		v.Finish(posted(b.Open(v.Address))).Same(t, r)
		v = form("prompt", "none", "acr_values", "phr", "claims", servertest.Essential("phr"))
		v.Refused(posted(b.Open(v.Address)), "unmet_authentication_requirements")
		v = form("prompt", "shout")
		v.Refused(posted(b.Open(v.Address)), "invalid_request")
		v = form()
		v.Finish(posted(b.Post("/authorize", addressQuery(t, v)))).Same(t, r)

		v = c.Begin("response_mode", "fragment")
		p := b.Open(v.Address)
		v.Refused(p, "unsupported_response_mode")
		if p.Posted || strings.Contains(p.Left.String(), "#") {
			t.Errorf("the answer came to %s", p.Left)
		}
	})
}

// addressQuery is what the address of a trip asks for.
func addressQuery(t *testing.T, v *servertest.Trip) url.Values {
	t.Helper()
	u, err := url.Parse(v.Address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}

// TestFormPostAgain sends the form that ended a sign-in again, as after a double click, and goes back to its page.
func TestFormPostAgain(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		v := s.NewClient(t, "shop").Begin("response_mode", "form_post")
		page := v.SignIn(s.NewBrowser(t), "ana").At("consent", "initial")
		form := page.Form("Allow")
		twin := form.Twin()
		first, again := form.Send(), twin.Post(form.Address, form.Values)
		if !first.Posted || !again.Posted || v.Code(first) != v.Code(again) {
			t.Errorf("the same form is answered %s and %s", first.Left, again.Left)
		}
		page.Reload().At("error", "elsewhere").HasStatus(http.StatusConflict)
	})
}

// TestFormPostPageIsClosed looks at the headers of the page that has a code in it.
func TestFormPostPageIsClosed(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	s.AddUser("ana")
	c := s.NewClient(t, "shop")
	b := s.NewBrowser(t)
	c.Begin().SignIn(b, "ana").Allow()
	for name, address := range map[string]string{
		"code":  c.Begin("response_mode", "form_post", "prompt", "none").Address,
		"error": c.Begin("response_mode", "form_post", "prompt", "shout").Address,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		p, next := b.Once(request)
		if next != nil {
			t.Fatalf("%s: the browser is sent to %s", name, next)
		}
		p.At("form-post", "initial").HasStatus(http.StatusOK).Says("shop.example")
		for header, want := range map[string]string{
			"Cache-Control": "no-store", "X-Frame-Options": "DENY", "Access-Control-Allow-Origin": "", "Cross-Origin-Opener-Policy": "",
		} {
			if got := p.Header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		policy := p.Header.Get("Content-Security-Policy")
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "script-src 'self'") || !strings.Contains(policy, "frame-ancestors 'none'") {
			t.Errorf("%s: the policy is %s", name, policy)
		}
	}
}

// TestIDTokenAlone has a client be answered with an ID token alone, as ASP.NET Core asks for it: in a form, with a password, a
// code and consent in the way. A twin of the form gets the same token.
func TestIDTokenAlone(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		net := s.NewClient(t, "net", func(c *client.Client) { c.ResponseTypes = []string{client.ResponseIDToken} })
		begin := func(parameters ...string) *servertest.Trip {
			return net.Begin(append([]string{"response_type", "id_token", "response_mode", "form_post"}, parameters...)...)
		}
		s.Clock.Advance(servertest.Step)
		b := s.NewBrowser(t)
		v := begin("scope", "openid profile offline_access")
		form := v.SignIn(b, c.User).GiveCode(c.Phone.Code(0)).At("consent", "initial").Form("Allow")
		twin := form.Twin()
		p, again := form.Send(), twin.Post(form.Address, form.Values)
		r := readAlone(t, v, p)
		r.Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")
		if r.Nonce != v.Nonce || !again.Posted || again.Left.Query().Get("id_token") != p.Left.Query().Get("id_token") {
			t.Errorf("the nonce is %q, want %q; the form again ends at %s", r.Nonce, v.Nonce, again.End())
		}
		v = begin("prompt", "none", "scope", "openid profile")
		readAlone(t, v, b.Open(v.Address)).Same(t, r)
		v = begin("prompt", "none")
		v.Refused(s.NewBrowser(t).Open(v.Address), "login_required")
		v = net.Begin("prompt", "none")
		v.Refused(b.Open(v.Address), "unsupported_response_type")
		if err := net.Revoke(p.Left.Query().Get("id_token")); err == nil {
			t.Error("an ID token is said to be revoked")
		}
	})
}

// readAlone verifies the only token of the answer.
func readAlone(t *testing.T, v *servertest.Trip, p *servertest.Page) servertest.Tokens {
	t.Helper()
	q := v.Answer(p)
	if !p.Posted || q.Has("code") || q.Has("access_token") {
		t.Fatalf("the client got %v, in a form: %v", q, p.Posted)
	}
	v.Site.KeepSecret(q.Get("id_token"))
	id, err := v.Verifier.Verify(t.Context(), q.Get("id_token"))
	if err != nil {
		t.Fatalf("ID token: %v", err)
	}
	var r servertest.Tokens
	if err := id.Claims(&r.Claims); err != nil {
		t.Fatal(err)
	}
	return r
}
