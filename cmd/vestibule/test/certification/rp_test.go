package certification

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"vestibule/cmd/vestibule/servertest"
)

// rp is a client as the suite plays it: it sends what a module wants it to, and checks all that comes back.
type rp struct {
	*servertest.Client
	op   *op
	mode string // response_mode; empty: none is sent
}

// request is what the client asks for if a module wants nothing else. The changes are as with has them.
func (c *rp) request(changes ...string) url.Values {
	form := url.Values{
		"client_id": {c.OAuth.ClientID}, "redirect_uri": {c.OAuth.RedirectURL}, "response_type": {"code"}, "scope": {"openid"},
		"state": {rand.Text()}, "nonce": {rand.Text()},
	}
	if c.mode != "" {
		form.Set("response_mode", c.mode)
	}
	return with(form, changes...)
}

// visit opens the authorization endpoint with the request.
func (c *rp) visit(b *servertest.Browser, request url.Values) *servertest.Page {
	b.T.Helper()
	return b.Open(c.op.endpoint("authorization_endpoint") + "?" + request.Encode())
}

// signIn takes the browser to the client, by all pages that there are, and returns the answer and the pages.
func (c *rp) signIn(t *testing.T, b *servertest.Browser, request url.Values) (answer url.Values, seen []string) {
	t.Helper()
	end, seen := c.op.through(t, c.visit(b, request))
	return c.answer(t, request, end), seen
}

// answer checks how the browser came to the client and returns what it brings (RFC 6749 section 4.1.2, RFC 9207, OAuth 2.0 Form
// Post Response Mode).
func (c *rp) answer(t *testing.T, request url.Values, p *servertest.Page) url.Values {
	t.Helper()
	if p.Left == nil {
		t.Fatalf("the browser is at page %s, state %s (%d), want the client:\n%s", p.Name, p.State, p.Status, p.Text())
	}
	got := p.Left.Query()
	at, _, _ := strings.Cut(p.Left.String(), "?")
	want, own, _ := strings.Cut(c.OAuth.RedirectURL, "?") // which may have a query of its own
	if at != want || !strings.HasPrefix(p.Left.RawQuery, own) || p.Left.Fragment != "" || p.Posted != (c.mode == "form_post") {
		t.Errorf("the answer came to %s, in a form: %t", at, p.Posted)
	}
	for name := range must(url.ParseQuery(own)) {
		got.Del(name)
	}
	if got.Get("state") != request.Get("state") || got.Has("state") != request.Has("state") || got.Get("iss") != c.op.site.Config.Issuer {
		t.Errorf("the answer has the state %q and iss %q, want %q and %q", got["state"], got["iss"], request["state"], c.op.site.Config.Issuer)
	}
	allowed := []string{"code", "state", "iss"}
	if got.Has("error") {
		allowed = []string{"error", "error_description", "error_uri", "state", "iss"}
	}
	for name := range got {
		if !slices.Contains(allowed, name) || len(got[name]) != 1 {
			t.Errorf("the answer has %s: %q", name, got[name])
		}
	}
	c.op.site.KeepSecret(got.Get("code"))
	return got
}

// must is for what cannot fail.
func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// refused fails the test unless the client gets one of these errors.
func (c *rp) refused(t *testing.T, answer url.Values, codes ...string) {
	t.Helper()
	if !slices.Contains(codes, answer.Get("error")) || answer.Has("code") {
		t.Errorf("the client gets %v, want one of %q", answer, codes)
	}
}

// post sends a form to an endpoint, authenticated by the header unless the form brings something.
func (c *rp) post(t *testing.T, address string, form url.Values) reply {
	t.Helper()
	poster := *c.Client
	if form.Has("client_secret") || form.Has("client_assertion") {
		poster.OAuth.ClientSecret = ""
	}
	response, err := poster.Send(address, form)
	if err != nil {
		t.Fatal(err)
	}
	return readReply(t, response)
}

func readReply(t *testing.T, response *http.Response) reply {
	t.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, body}
}

// tokens is the answer of the token endpoint, and what its ID token says.
type tokens struct {
	access, refresh, id, scope string
	claims                     map[string]any
}

// redeem sends the code to the token endpoint. The changes are as with has them.
func (c *rp) redeem(t *testing.T, code string, changes ...string) reply {
	t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {c.OAuth.RedirectURL}}
	return c.post(t, c.op.endpoint("token_endpoint"), with(form, changes...))
}

// exchange redeems the code of the answer to the request, and checks all that comes for it.
func (c *rp) exchange(t *testing.T, request, answer url.Values, changes ...string) tokens {
	t.Helper()
	if !answer.Has("code") {
		t.Fatalf("the client gets %v, want a code", answer)
	}
	got := c.read(t, c.redeem(t, answer.Get("code"), changes...))
	nonce, sent := got.claims["nonce"]
	if sent != request.Has("nonce") || sent && nonce != request.Get("nonce") {
		t.Errorf("nonce is %v, want %q", nonce, request["nonce"])
	}
	return got
}

// read checks an answer of the token endpoint (RFC 6749 section 5.1, OIDC Core 3.1.3.3).
func (c *rp) read(t *testing.T, r reply) tokens {
	t.Helper()
	body := r.json(t)
	text := func(name string) string {
		value, _ := body[name].(string)
		c.op.site.KeepSecret(value)
		return value
	}
	got := tokens{access: text("access_token"), refresh: text("refresh_token"), id: text("id_token")}
	got.scope, _ = body["scope"].(string)
	kind, _ := body["token_type"].(string)
	expires, _ := body["expires_in"].(float64)
	if r.status != http.StatusOK || got.access == "" || !strings.EqualFold(kind, "Bearer") && !strings.EqualFold(kind, "DPoP") || expires <= 0 {
		t.Fatalf("tokens: %d, %v", r.status, body)
	}
	got.claims = c.idToken(t, got)
	return got
}

// idToken verifies an ID token as OIDC Core 3.1.3.7 tells the client to, and at_hash by 3.1.3.8.
func (c *rp) idToken(t *testing.T, got tokens) map[string]any {
	t.Helper()
	parsed, err := jwt.ParseSigned(got.id, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(c.Algorithm)})
	if err != nil {
		t.Fatalf("ID token: %v", err)
	}
	if len(parsed.Headers) != 1 || parsed.Headers[0].KeyID == "" {
		t.Errorf("the ID token has no kid: %+v", parsed.Headers)
	}
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(c.op.get(t, c.op.path("jwks_uri")).body, &keys); err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	var known jwt.Claims
	if err := parsed.Claims(&keys, &claims, &known); err != nil {
		t.Fatalf("ID token: %v", err)
	}
	now := c.op.site.Clock.Now()
	if err := known.ValidateWithLeeway(jwt.Expected{Issuer: c.op.site.Config.Issuer, Subject: c.op.user.Subject, AnyAudience: jwt.Audience{c.OAuth.ClientID}, Time: now}, 0); err != nil {
		t.Errorf("ID token: %v", err)
	}
	issued, _ := claims["iat"].(float64)
	if known.Expiry == nil || len(known.Audience) != 1 || time.Unix(int64(issued), 0).After(now) {
		t.Errorf("the ID token is for %q, of %v to %v", known.Audience, issued, known.Expiry)
	}
	if claims["at_hash"] != halfHash(c.Algorithm, got.access) {
		t.Errorf("at_hash is %v", claims["at_hash"])
	}
	return claims
}

// halfHash is at_hash of a token. The hash of Ed25519 is SHA-512.
func halfHash(algorithm, token string) string {
	sum := sha256.New()
	if algorithm == "EdDSA" {
		sum = sha512.New()
	}
	sum.Write([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)[:sum.Size()/2])
}

// userInfo asks userinfo with the token in the header, by GET.
func (c *rp) userInfo(t *testing.T, access string) map[string]any {
	t.Helper()
	return c.readUserInfo(t, c.askUserInfo(t, http.MethodGet, access))
}

// askUserInfo sends the token in the header.
func (c *rp) askUserInfo(t *testing.T, method, access string) reply {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, c.op.endpoint("userinfo_endpoint"), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+access)
	return c.op.do(t, request)
}

// readUserInfo checks that it tells of the user of the ID token.
func (c *rp) readUserInfo(t *testing.T, r reply) map[string]any {
	t.Helper()
	all := r.json(t)
	if r.status != http.StatusOK || all["sub"] != c.op.user.Subject {
		t.Fatalf("userinfo: %d, %v", r.status, all)
	}
	return all
}

// failed fails the test unless the token endpoint has refused with that error (RFC 6749 section 5.2).
func failed(t *testing.T, r reply, status int, codes ...string) {
	t.Helper()
	body := r.json(t)
	code, _ := body["error"].(string)
	description, _ := body["error_description"].(string)
	if r.status != status || !slices.Contains(codes, code) || body["access_token"] != nil {
		t.Errorf("%d %v, want %d and one of %q", r.status, body, status, codes)
	}
	if strings.ContainsFunc(description, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		t.Errorf("the description has characters that are not allowed: %q", description)
	}
}
