package certification

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// module is one of the suite: its question, asked with a browser that has never been here.
type module struct {
	name string
	ask  func(t *testing.T, c *rp, b *servertest.Browser)
}

// basic are the modules of oidcc-basic-certification-test-plan, in its order.
var basic = []module{
	{"oidcc-server", func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request()
		answer, seen := c.signIn(t, b, request)
		if !slices.Equal(seen, []string{"login", "totp", "consent"}) {
			t.Errorf("the user sees %q", seen)
		}
		got := c.exchange(t, request, answer)
		if got.claims["acr"] != "aal2" || got.refresh != "" {
			t.Errorf("acr is %v, the refresh token %q", got.claims["acr"], got.refresh)
		}
		c.userInfo(t, got.access)
	}},
	{"oidcc-response-type-missing", func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request("response_type", "-")
		c.refused(t, c.answer(t, request, c.visit(b, request)), "invalid_request", "unsupported_response_type")
	}},
	{"oidcc-idtoken-signature", func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request()
		answer, _ := c.signIn(t, b, request)
		got := c.exchange(t, request, answer)
		header, err := base64.RawURLEncoding.DecodeString(strings.Split(got.id, ".")[0])
		if err != nil || !strings.Contains(string(header), `"alg":"RS256"`) {
			t.Errorf("the header of the ID token is %s (%v)", header, err)
		}
	}},
	{"oidcc-idtoken-unsigned", func(t *testing.T, c *rp, _ *servertest.Browser) { // the suite skips it then
		if slices.Contains(c.op.lists("id_token_signing_alg_values_supported"), "none") {
			t.Error("ID tokens can be had that nobody has signed")
		}
	}},
	{"oidcc-userinfo-get", userInfoBy(func(t *testing.T, c *rp, access string) reply { return c.askUserInfo(t, http.MethodGet, access) })},
	{"oidcc-userinfo-post-header", userInfoBy(func(t *testing.T, c *rp, access string) reply { return c.askUserInfo(t, http.MethodPost, access) })},
	{"oidcc-userinfo-post-body", userInfoBy(func(t *testing.T, c *rp, access string) reply {
		body := strings.NewReader(url.Values{"access_token": {access}}.Encode())
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.op.endpoint("userinfo_endpoint"), body)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return c.op.do(t, request)
	})},
	{"oidcc-ensure-request-without-nonce-succeeds-for-code-flow", succeeds("nonce", "-")},
	{"oidcc-scope-profile", tells("profile", "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile",
		"picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at")},
	{"oidcc-scope-email", tells("email", "email", "email_verified")},
	{"oidcc-scope-address", tells("address", "address")},
	{"oidcc-scope-phone", tells("phone", "phone_number", "phone_number_verified")},
	{"oidcc-scope-all", tells("profile email address phone", "name", "given_name", "family_name", "middle_name", "nickname", "preferred_username",
		"profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at", "email", "email_verified", "address",
		"phone_number", "phone_number_verified")},
	{"oidcc-ensure-other-scope-order-succeeds", succeeds("scope", "email profile openid")}, // that of older versions of the plan
	{"oidcc-alternate-happy-flow", func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request("scope", "email openid")
		var parts []string
		for _, name := range []string{"state", "scope", "response_type", "response_mode", "redirect_uri", "nonce", "client_id"} {
			if request.Has(name) {
				parts = append(parts, url.Values{name: request[name]}.Encode())
			}
		}
		end, _ := c.op.through(t, b.Open(c.op.endpoint("authorization_endpoint")+"?"+strings.Join(parts, "&")))
		c.exchange(t, request, c.answer(t, request, end))
	}},
	{"oidcc-display-page", succeeds("display", "page")},
	{"oidcc-display-popup", succeeds("display", "popup")},
	{"oidcc-prompt-login", again(time.Second, []string{"prompt", "login"})},
	{"oidcc-prompt-none-not-logged-in", func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request("prompt", "none", "state", strings.Repeat("s-_.~", 26)[:128])
		c.refused(t, c.answer(t, request, c.visit(b, request)), "login_required")
	}},
	{"oidcc-prompt-none-logged-in", same(nil, []string{"prompt", "none"})},
	{"oidcc-max-age-1", again(2*time.Second, []string{"max_age", "1"})},
	{"oidcc-max-age-10000", same([]string{"max_age", "15000"}, []string{"max_age", "10000"})},
	{"oidcc-ensure-request-with-unknown-parameter-succeeds", succeeds("extra", "foobar")},
	{"oidcc-id-token-hint", func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request()
		answer, _ := c.signIn(t, b, request)
		first := c.exchange(t, request, answer)
		c.silently(t, b, first, "prompt", "none", "id_token_hint", first.id)
	}},
	{"oidcc-login-hint", succeeds("login_hint", "buffy@127.0.0.1")},
	{"oidcc-ui-locales", succeeds("ui_locales", "se fr-CA fr")},
	{"oidcc-claims-locales", succeeds("claims_locales", "se")},
	{"oidcc-ensure-request-with-acr-values-succeeds", func(t *testing.T, c *rp, b *servertest.Browser) {
		all := c.op.lists("acr_values_supported")
		for _, value := range append([]string{strings.Join(all, " ")}, all...) {
			request := c.request("acr_values", value)
			answer, _ := c.signIn(t, b, request)
			if acr, _ := c.exchange(t, request, answer).claims["acr"].(string); !slices.Contains(strings.Fields(value), acr) {
				t.Errorf("acr_values=%s is answered with %q", value, acr)
			}
		}
	}},
	{"oidcc-codereuse", func(t *testing.T, c *rp, b *servertest.Browser) { // a retry whose answer was lost gets no second tokens
		request := c.request()
		answer, _ := c.signIn(t, b, request)
		first := c.exchange(t, request, answer)
		if second := c.exchange(t, request, answer); second.access != first.access || second.id != first.id {
			t.Error("a code is given tokens for twice")
		}
	}},
	{"oidcc-codereuse-30seconds", func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request()
		answer, _ := c.signIn(t, b, request)
		first := c.exchange(t, request, answer)
		c.op.site.Clock.Advance(30 * time.Second)
		failed(t, c.redeem(t, answer.Get("code")), http.StatusBadRequest, "invalid_grant")
		if got := c.askUserInfo(t, http.MethodGet, first.access); got.status != http.StatusUnauthorized {
			t.Errorf("userinfo answers %d to the token that had come of the code", got.status)
		}
	}},
	{"oidcc-ensure-registered-redirect-uri", func(t *testing.T, c *rp, b *servertest.Browser) {
		c.visit(b, c.request("redirect_uri", c.OAuth.RedirectURL+"/K3uJ")).At("error", "request").HasStatus(http.StatusBadRequest)
	}},
	{"oidcc-ensure-post-request-succeeds", func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request()
		end, _ := c.op.through(t, b.Post(c.op.endpoint("authorization_endpoint"), request))
		c.exchange(t, request, c.answer(t, request, end))
	}},
	{"oidcc-server-client-secret-post", func(t *testing.T, c *rp, b *servertest.Browser) {
		poster := c.op.newClient(t, c.OAuth.ClientID+"-2", c.mode, func(c *client.Client) { c.TokenEndpointAuthMethod = client.AuthSecretPost })
		request := poster.request()
		answer, _ := poster.signIn(t, b, request)
		failed(t, poster.redeem(t, answer.Get("code")), http.StatusUnauthorized, "invalid_client")
		poster.exchange(t, request, answer, "client_id", poster.OAuth.ClientID, "client_secret", poster.OAuth.ClientSecret)
	}},
	{"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported", func(t *testing.T, c *rp, b *servertest.Browser) {
		object := ""
		host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, object) }))
		t.Cleanup(host.Close)
		request := c.request()
		around := with(inObject(t, request), "request", "-", "request_uri", host.URL)
		c.refused(t, c.answer(t, request, c.visit(b, with(around, "state", request.Get("state"), "response_mode", cmp.Or(request.Get("response_mode"), "-")))), "request_uri_not_supported")
		plain := c.unsigning(t, host.URL)
		request = plain.request()
		around = inObject(t, request)
		object = around.Get("request")
		end, _ := plain.op.through(t, plain.visit(b, with(around, "request", "-", "request_uri", host.URL)))
		plain.exchange(t, request, plain.answer(t, request, end))
	}},
	{"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported", func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request()
		c.refused(t, c.answer(t, request, c.visit(b, inObject(t, request))), "request_not_supported")
		plain := c.unsigning(t)
		request = plain.request()
		end, _ := plain.op.through(t, plain.visit(b, inObject(t, request)))
		plain.exchange(t, request, plain.answer(t, request, end))
	}},
	{"oidcc-claims-essential", func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request("claims", `{"userinfo":{"name":{"essential":true}}}`)
		answer, _ := c.signIn(t, b, request)
		got := c.exchange(t, request, answer)
		if name := c.userInfo(t, got.access)["name"]; name != c.op.user.Name || got.claims["name"] != nil {
			t.Errorf("userinfo says the name %v, the ID token %v", name, got.claims["name"])
		}
	}},
	{"oidcc-ensure-request-object-with-redirect-uri", func(t *testing.T, c *rp, b *servertest.Browser) {
		plain := c.unsigning(t)
		request := plain.request()
		end, _ := plain.op.through(t, plain.visit(b, with(inObject(t, request), "redirect_uri", "https://evil.example/callback")))
		plain.exchange(t, request, plain.answer(t, request, end))
	}},
	{"oidcc-refresh-token", func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request("scope", "openid offline_access", "prompt", "consent")
		answer, _ := c.signIn(t, b, request)
		first := c.exchange(t, request, answer)
		second := c.read(t, c.refresh(t, first.refresh))
		for _, name := range []string{"iss", "sub", "auth_time", "acr", "sid"} {
			if second.claims[name] != first.claims[name] {
				t.Errorf("%s is %v in the ID token of a refresh, and was %v", name, second.claims[name], first.claims[name])
			}
		}
		if second.claims["nonce"] != nil && second.claims["nonce"] != first.claims["nonce"] || second.access == first.access {
			t.Errorf("the nonce is %v, the access token another: %t", second.claims["nonce"], second.access != first.access)
		}
		c.userInfo(t, second.access)
		other := c.op.newClient(t, c.OAuth.ClientID+"-2", c.mode)
		failed(t, other.refresh(t, second.refresh), http.StatusBadRequest, "invalid_grant")
		c.read(t, c.refresh(t, second.refresh))
	}},
	{"oidcc-ensure-request-with-valid-pkce-succeeds", func(t *testing.T, c *rp, b *servertest.Browser) {
		verifier := oauth2.GenerateVerifier()
		request := c.request("code_challenge", oauth2.S256ChallengeFromVerifier(verifier), "code_challenge_method", "S256")
		answer, _ := c.signIn(t, b, request)
		failed(t, c.redeem(t, answer.Get("code")), http.StatusBadRequest, "invalid_grant")
		c.exchange(t, request, answer, "code_verifier", verifier)
	}},
}

// userInfoBy asks userinfo in one of the ways.
func userInfoBy(ask func(t *testing.T, c *rp, access string) reply) func(*testing.T, *rp, *servertest.Browser) {
	return func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request()
		answer, _ := c.signIn(t, b, request)
		c.readUserInfo(t, ask(t, c, c.exchange(t, request, answer).access))
	}
}

// succeeds is a sign-in with these changes to the request.
func succeeds(changes ...string) func(*testing.T, *rp, *servertest.Browser) {
	return func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request(changes...)
		answer, _ := c.signIn(t, b, request)
		c.exchange(t, request, answer)
	}
}

// tells has userinfo say these claims for the scopes, each with something in it, and no other.
func tells(scopes string, claims ...string) func(*testing.T, *rp, *servertest.Browser) {
	return func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request("scope", "openid "+scopes)
		answer, _ := c.signIn(t, b, request)
		got := c.exchange(t, request, answer)
		if got.scope != "openid "+scopes {
			t.Errorf("scope is %q", got.scope)
		}
		all := c.userInfo(t, got.access)
		for _, name := range claims {
			if all[name] == nil || all[name] == "" || got.claims[name] != nil {
				t.Errorf("userinfo says %s %v, the ID token %v", name, all[name], got.claims[name])
			}
		}
		if len(all) != len(claims)+1 {
			t.Errorf("userinfo says %v, want sub and %q", all, claims)
		}
	}
}

// same signs in twice. The second request needs no page, and is told of the same sign-in.
func same(first, second []string) func(*testing.T, *rp, *servertest.Browser) {
	return func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request(first...)
		answer, _ := c.signIn(t, b, request)
		c.silently(t, b, c.exchange(t, request, answer), second...)
	}
}

// silently signs in again without a page.
func (c *rp) silently(t *testing.T, b *servertest.Browser, first tokens, changes ...string) {
	t.Helper()
	request := c.request(changes...)
	answer, seen := c.signIn(t, b, request)
	got := c.exchange(t, request, answer)
	if len(seen) > 0 || got.claims["sub"] != first.claims["sub"] || got.claims["auth_time"] == nil || got.claims["auth_time"] != first.claims["auth_time"] {
		t.Errorf("the user sees %q, and auth_time is %v after %v", seen, got.claims["auth_time"], first.claims["auth_time"])
	}
}

// again signs in twice, some time later for the second time, which asks for all once more.
func again(later time.Duration, changes []string) func(*testing.T, *rp, *servertest.Browser) {
	return func(t *testing.T, c *rp, b *servertest.Browser) {
		request := c.request()
		answer, _ := c.signIn(t, b, request)
		first := c.exchange(t, request, answer)
		c.op.site.Clock.Advance(later)
		request = c.request(changes...)
		answer, seen := c.signIn(t, b, request)
		got := c.exchange(t, request, answer)
		before, _ := first.claims["auth_time"].(float64)
		after, _ := got.claims["auth_time"].(float64)
		if !slices.Equal(seen, []string{"login", "totp"}) || after <= before || int64(after) != c.op.site.Clock.Now().Unix() {
			t.Errorf("the user sees %q, and auth_time is %v after %v", seen, after, before)
		}
	}
}

// refresh uses the refresh token.
func (c *rp) refresh(t *testing.T, token string, changes ...string) reply {
	t.Helper()
	return c.post(t, c.op.endpoint("token_endpoint"), with(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}, changes...))
}

// unsigning is a client that is registered for request objects which it does not sign, at these addresses too.
func (c *rp) unsigning(t *testing.T, at ...string) *rp {
	t.Helper()
	return c.op.newClient(t, c.OAuth.ClientID+"-2", c.mode, func(c *client.Client) { c.RequestObjectAlg, c.RequestURIs = "none", at })
}

// inObject is the request with its parameters in a request object that nobody has signed, and beside it only those that there
// must be.
func inObject(t *testing.T, request url.Values) url.Values {
	t.Helper()
	claims := map[string]string{}
	for name := range request {
		claims[name] = request.Get(name)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	around := url.Values{"request": {encode([]byte(`{"alg":"none"}`)) + "." + encode(body) + "."}}
	for _, name := range []string{"client_id", "redirect_uri", "response_type", "scope"} {
		if request.Has(name) {
			around.Set(name, request.Get(name))
		}
	}
	return around
}

// TestBasic is oidcc-basic-certification-test-plan.
func TestBasic(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) { ask(t, database, "") })
}

// TestFormPost is oidcc-formpost-basic-certification-test-plan, which makes no difference to the database.
func TestFormPost(t *testing.T) {
	t.Parallel()
	ask(t, servertest.SQLite(t), "form_post")
}

// ask asks all of the basic plan with a response mode.
func ask(t *testing.T, database, mode string) {
	t.Helper()
	o := newOP(t, database)
	for _, m := range basic {
		t.Run(m.name, func(t *testing.T) { m.ask(t, o.newClient(t, m.name, mode), o.site.NewBrowser(t)) })
	}
}
