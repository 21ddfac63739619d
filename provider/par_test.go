package provider_test

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
)

// par pushes a request with the client's credentials in the header; an empty client sends none.
func (o *op) par(client string, form url.Values) (int, map[string]any) {
	r := post("/par", form)
	if client != "" {
		r.SetBasicAuth(client, o.secret)
	}
	return decode(o.t, o.do(r))
}

// push pushes a good request of the shop, changed by pairs, and returns its request_uri.
func (o *op) push(pairs ...string) string {
	o.t.Helper()
	status, body := o.par("shop", request(pairs...))
	if status != http.StatusCreated || body["expires_in"] != 60.0 {
		o.t.Fatalf("push: %d %v", status, body)
	}
	return body["request_uri"].(string)
}

// opened is a browser that comes with the request_uri, and more parameters.
func (o *op) opened(uri string, pairs ...string) *http.Response {
	return o.authorize(change(url.Values{"client_id": {"shop"}, "request_uri": {uri}}, pairs))
}

// refusedURI fails the test unless the browser is shown an error page with that code.
func (o *op) refusedURI(what string, r *http.Response, code string) {
	o.t.Helper()
	fault, _ := o.ui.err.(*interaction.RequestError)
	if r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" || fault == nil || fault.Code != code {
		o.t.Errorf("%s: %d to %q, %v; want a page that says %s", what, r.StatusCode, r.Header.Get("Location"), o.ui.err, code)
	}
	o.ui.err = nil
}

// noise is n bytes of text that cannot be compressed.
func noise(n int) string {
	b := make([]byte, n)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)[:n]
}

// A pushed request is answered as one is that comes with a browser, once.
func TestPushedRequest(t *testing.T) {
	o := newOP(t)
	uri := o.push("nonce", "mine")
	if rest, ok := strings.CutPrefix(uri, "urn:ietf:params:oauth:request_uri:"); !ok || len(rest) < 43 {
		t.Errorf("request_uri is %q", uri)
	}
	v := answer(t, o.opened(uri))
	if v.Get("state") != "st" || v.Get("iss") != issuer {
		t.Errorf("the answer is %v", v)
	}
	status, body := o.token("shop", exchange(v.Get("code")))
	if status != http.StatusOK {
		t.Fatalf("exchange: %d %v", status, body)
	}
	if _, id := claims(t, body["id_token"]); id["nonce"] != "mine" || body["scope"] != "openid offline_access" {
		t.Errorf("the ID token says %v, scope %v", id, body["scope"])
	}
	o.refusedURI("used", o.opened(uri), "invalid_request_uri")
}

// What the client did not push does not count, whoever has put it into the address.
func TestPushedRequestTakesNothingFromTheAddress(t *testing.T) {
	o := newOP(t)
	o.ui.hold = true
	for name, pairs := range map[string][]string{
		"nonce": {"nonce", "theirs"}, "state": {"state", "theirs"}, "prompt": {"prompt", "none"}, "max_age": {"max_age", "1"}, "scope": {"scope", "openid email"},
		"redirect_uri": {"redirect_uri", "https://evil.example/"}, "response_mode": {"response_mode", "form_post"}, "request": {"request", "e30.e30."},
		"claims": {"claims", `{"userinfo":{"email":null}}`}, "code_challenge": {"code_challenge", "-", "code_challenge_method", "plain"},
		"login_hint": {"login_hint", "ben"}, "a wrong type": {"response_type", "token"}, "acr_values": {"acr_values", "aal2"},
	} {
		o.opened(o.push("scope", "openid"))
		want := o.ui.last
		o.opened(o.push("scope", "openid"), pairs...)
		got := o.ui.last
		if got == want {
			t.Errorf("%s in the address: %v", name, o.ui.err)
			continue
		}
		got.ID = want.ID // all else is the same
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s in the address: %+v, want %+v", name, got, want)
		}
	}
}

// A request_uri that is refused is not burnt, but where it is over.
func TestPushedRequestIsRefused(t *testing.T) {
	o := newOP(t)
	uri := o.push()
	o.refusedURI("of another client", o.opened(uri, "client_id", "other"), "invalid_request_uri")
	o.refusedURI("of nobody", o.opened(uri, "client_id", "nobody"), "invalid_client")
	o.refusedURI("without a client", o.opened(uri, "client_id", "-"), "invalid_client")
	o.refusedURI("cut", o.opened(uri[:len(uri)-1]), "invalid_request_uri")
	o.refusedURI("altered", o.opened(strings.Replace(uri, "request_uri:", "request_uri:A", 1)), "invalid_request_uri")
	o.refusedURI("sent twice", o.authorize(url.Values{"client_id": {"shop"}, "request_uri": {uri, uri}}), "invalid_request")
	o.refusedURI("with a nonce twice", o.authorize(url.Values{"client_id": {"shop"}, "request_uri": {uri}, "nonce": {"a", "b"}}), "invalid_request")
	o.do(httptest.NewRequest("HEAD", issuer+"/authorize?"+url.Values{"client_id": {"shop"}, "request_uri": {uri}}.Encode(), nil))
	o.store.Fail(store.ErrUnavailable)
	if r := o.opened(uri); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("with the database down: %d", r.StatusCode)
	}
	if status, body := o.par("shop", request()); status != http.StatusServiceUnavailable {
		t.Errorf("push with the database down: %d %v", status, body)
	}
	o.store.Fail(nil)
	to, err := o.do(post("/authorize", url.Values{"client_id": {"shop"}, "request_uri": {uri}})).Location()
	if err != nil {
		t.Fatal(err)
	}
	if v := answer(t, o.do(httptest.NewRequest("GET", issuer+to.String(), nil))); v.Get("code") == "" {
		t.Errorf("after all that the client gets %v", v)
	}
	uri = o.push()
	o.advance(time.Minute)
	o.refusedURI("expired", o.opened(uri), "invalid_request_uri")
	if v := answer(t, o.authorize(request("request_uri", "https://shop.example/request.jwt"))); v.Get("error") != "request_uri_not_supported" {
		t.Errorf("the address of a request object: %v", v)
	}
}

// Every fault of a request is found when it is pushed, and told to the client in JSON.
func TestPushedRequestFaults(t *testing.T) {
	o := newOP(t)
	shop, err := o.store.Client(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	o.store.AddClient(client.Client{ID: "api", SecretHash: shop.SecretHash, ResourceServer: true})
	for _, tt := range []struct {
		name, client, want string
		pairs              []string
		status             int
	}{
		{"redirect_uri", "shop", "invalid_request", []string{"redirect_uri", "https://shop.example/other"}, 400},
		{"response_type", "shop", "invalid_request", []string{"response_type", "-"}, 400},
		{"implicit", "shop", "unsupported_response_type", []string{"response_type", "token"}, 400},
		{"id_token", "shop", "unsupported_response_type", []string{"response_type", "id_token", "response_mode", "form_post"}, 400},
		{"PKCE plain", "shop", "invalid_request", []string{"code_challenge_method", "plain"}, 400},
		{"challenge", "shop", "invalid_request", []string{"code_challenge", "short"}, 400},
		{"prompt", "shop", "invalid_request", []string{"prompt", "none login"}, 400},
		{"max_age", "shop", "invalid_request", []string{"max_age", "-1"}, 400},
		{"fragment", "shop", "unsupported_response_mode", []string{"response_mode", "fragment"}, 400},
		{"claims", "shop", "invalid_request", []string{"claims", "no JSON"}, 400},
		{"essential acr", "shop", "unmet_authentication_requirements", []string{"claims", `{"id_token":{"acr":{"essential":true,"value":"gold"}}}`}, 400},
		{"hint", "shop", "invalid_request", []string{"id_token_hint", "e30.e30.e30"}, 400},
		{"request object", "shop", "invalid_request_object", []string{"request", "e30.e30."}, 400},
		{"request_uri", "shop", "invalid_request", []string{"request_uri", "urn:ietf:params:oauth:request_uri:x"}, 400},
		{"state", "shop", "invalid_request", []string{"state", strings.Repeat("s", 2049)}, 400},
		{"nonce", "shop", "invalid_request", []string{"nonce", strings.Repeat("s", 2049)}, 400},
		{"size", "shop", "invalid_request", []string{"anything", strings.Repeat("s", 20_000)}, 413},
		{"another client", "other", "invalid_request", nil, 400},
		{"no credentials", "", "invalid_client", nil, 401},
		{"wrong secret", "", "invalid_client", []string{"client_secret", "wrong"}, 401},
		{"two ways", "shop", "invalid_request", []string{"client_secret", o.secret}, 400},
		{"unknown client", "", "invalid_client", []string{"client_id", "nobody"}, 401},
		{"an API", "api", "invalid_request", []string{"client_id", "api", "redirect_uri", "-"}, 400},
		{"public without PKCE", "", "invalid_request", []string{"client_id", "app", "redirect_uri", "com.example.app:/cb", "code_challenge", "-", "code_challenge_method", "-"}, 400},
		{"public, and long", "", "invalid_request", []string{"client_id", "app", "redirect_uri", "com.example.app:/cb", "state", noise(2000), "nonce", noise(2000)}, 400},
	} {
		status, body := o.par(tt.client, request(tt.pairs...))
		if status != tt.status || body["error"] != tt.want || body["error_description"] == "" || body["request_uri"] != nil {
			t.Errorf("%s: %d %v, want %d %s", tt.name, status, body, tt.status, tt.want)
		}
	}
	twice := request()
	twice["state"] = []string{"a", "b"}
	if status, body := o.par("shop", twice); status != 400 || body["error"] != "invalid_request" {
		t.Errorf("a state sent twice: %d %v", status, body)
	}
	r := httptest.NewRequest("POST", issuer+"/par", strings.NewReader(`{}`))
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth("shop", o.secret)
	if status, body := decode(t, o.do(r)); status != 400 || body["error"] != "invalid_request" {
		t.Errorf("JSON: %d %v", status, body)
	}
	if r := o.do(httptest.NewRequest("GET", issuer+"/par?"+request().Encode(), nil)); r.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("GET /par: %d", r.StatusCode)
	}
}

// What does not fit an address can be pushed: the answer brings it back whole.
func TestPushedRequestMayBeLong(t *testing.T) {
	o := newOP(t)
	for _, n := range []int{384, 2048} {
		state, nonce := noise(n), noise(n)
		v := answer(t, o.opened(o.push("state", state, "nonce", nonce, "login_hint", noise(250))))
		if v.Get("state") != state {
			t.Errorf("the state of %d bytes comes back as %q", n, v.Get("state"))
		}
		_, body := o.token("shop", exchange(v.Get("code")))
		if _, id := claims(t, body["id_token"]); id["nonce"] != nonce {
			t.Errorf("the nonce of %d bytes comes back as %q", n, id["nonce"])
		}
	}
}

// A client that was changed in between is held to what it is registered for then.
func TestPushedRequestOfAChangedClient(t *testing.T) {
	o := newOP(t)
	uri := o.push()
	o.change("shop", func(c *client.Client) { c.RedirectURIs = []string{"https://shop.example/new"} })
	o.refusedURI("redirect URI that is gone", o.opened(uri), "invalid_client")
	o.change("shop", func(c *client.Client) { c.RedirectURIs = []string{callback} })
	uri = o.push()
	o.change("shop", func(c *client.Client) { c.Scopes = []string{"openid"} })
	o.ui.hold = true
	if o.opened(uri); len(o.ui.last.Scopes) != 1 {
		t.Errorf("the scopes are %q after one was taken from the client", o.ui.last.Scopes)
	}
	o.ui.hold = false
	uri = o.push()
	o.change("shop", func(c *client.Client) { c.Registration = "another" })
	o.refusedURI("another client of that id", o.opened(uri), "invalid_request_uri")
}

// Where all must push, or one client must, a request that comes with a browser is refused, by a redirect to who sent it.
func TestPushedRequestsAreRequired(t *testing.T) {
	o := newOP(t)
	check := func() {
		t.Helper()
		if v := answer(t, o.authorize(request())); v.Get("error") != "invalid_request" || v.Get("state") != "st" || !strings.Contains(v.Get("error_description"), "push") {
			t.Errorf("the client hears %v", v)
		}
		if v := answer(t, o.opened(o.push())); v.Get("code") == "" {
			t.Errorf("pushed: %v", v)
		}
	}
	o.change("shop", func(c *client.Client) { c.RequirePushedRequests = true })
	check()
	if v := answer(t, o.authorize(request("client_id", "net"))); v.Get("code") == "" {
		t.Errorf("another client: %v", v)
	}
	o.change("shop", func(c *client.Client) { c.RequirePushedRequests = false })
	o.mustPush = true
	o.restart()
	check()
	_, body := decode(t, o.do(httptest.NewRequest("GET", issuer+"/.well-known/openid-configuration", nil)))
	if body["require_pushed_authorization_requests"] != true || body["pushed_authorization_request_endpoint"] != issuer+"/par" {
		t.Errorf("the metadata say %v, %v", body["require_pushed_authorization_requests"], body["pushed_authorization_request_endpoint"])
	}
}

// Strangers can push for a client without a secret, but not without end.
func TestPushedRequestsOfStrangers(t *testing.T) {
	o := newOP(t)
	mine := request("client_id", "app", "redirect_uri", "com.example.app:/cb")
	statuses := map[int]int{}
	for range 700 {
		status, _ := o.par("", mine)
		statuses[status]++
	}
	if statuses[http.StatusCreated] != 600 || statuses[http.StatusTooManyRequests] != 100 {
		t.Errorf("700 requests are answered %v", statuses)
	}
	if wait := o.do(post("/par", mine)).Header.Get("Retry-After"); wait != "60" {
		t.Errorf("Retry-After is %q, want 60", wait)
	}
	o.push() // a client with a secret is not stopped
	o.advance(time.Minute)
	if status, body := o.par("", mine); status != http.StatusCreated {
		t.Errorf("a minute later: %d %v", status, body)
	}
}
