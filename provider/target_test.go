package provider_test

import (
	"cmp"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"testing"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/keyset"
	"vestibule/provider/store"
)

// changeRemembered changes a client while the server remembers it as it was.
func (o *op) changeRemembered(id string, change func(c *client.Client)) {
	o.t.Helper()
	c, err := o.store.Client(o.t.Context(), id)
	if err != nil {
		o.t.Fatal(err)
	}
	c.Audiences = slices.Clone(c.Audiences)
	change(&c)
	c.Updated = c.Updated.Add(time.Second)
	o.store.AddClient(c)
}

// change changes a client that is registered.
func (o *op) change(id string, change func(c *client.Client)) {
	o.t.Helper()
	o.changeRemembered(id, change)
	o.advance(4 * time.Second) // until nobody remembers it as it was
}

// ledger is what another API is known by.
const ledger = "urn:example:ledger"

// addLedger registers an API that serves one scope, beside the first. Only shop uses it.
func (o *op) addLedger() {
	o.t.Helper()
	o.addAPI()
	shop, err := o.store.Client(o.t.Context(), "shop")
	if err != nil {
		o.t.Fatal(err)
	}
	o.store.AddClient(client.Client{ID: "ledger-api", SecretHash: shop.SecretHash, ResourceServer: true,
		ResourceURIs: []string{"https://old.example", ledger}, ResourceScopes: []string{"email", "admin"}})
	o.change("shop", func(c *client.Client) { c.Audiences = append(c.Audiences, ledger, "https://gone.example") })
}

// TestAudience: a token opens the API that it was asked for, and no other place.
func TestAudience(t *testing.T) {
	o := newOP(t)
	o.addLedger()
	const scope = "openid email offline_access"
	own, forBank, forLedger := o.tokens("scope", scope), o.tokens("scope", scope, "resource", bank), o.tokens("scope", scope, "resource", ledger)
	for _, tt := range []struct {
		name     string
		answer   map[string]any
		aud      string
		scope    string
		readers  []string
		userinfo int
	}{
		{"for the app itself", own, "shop", scope, []string{"shop"}, http.StatusOK},
		{"for the bank", forBank, bank, scope, []string{"shop", "api"}, http.StatusUnauthorized},
		{"for the ledger", forLedger, ledger, "email", []string{"shop", "ledger-api"}, http.StatusUnauthorized},
	} {
		if tt.answer["scope"] != tt.scope || tt.answer["id_token"] == nil {
			t.Errorf("%s: the app is told of scope %q, want %q, and an ID token %v", tt.name, tt.answer["scope"], tt.scope, tt.answer["id_token"])
		}
		if _, id := claims(t, tt.answer["id_token"]); !reflect.DeepEqual(id["aud"], []any{"shop"}) {
			t.Errorf("%s: the ID token is for %v", tt.name, id["aud"])
		}
		for _, reader := range []string{"shop", "api", "ledger-api", "other"} {
			_, got := o.introspect(reader, tt.answer["access_token"])
			switch knows := slices.Contains(tt.readers, reader); {
			case got["active"] != knows, !knows && len(got) > 1:
				t.Errorf("%s: %s learns %v", tt.name, reader, got)
			case knows && (!reflect.DeepEqual(got["aud"], []any{tt.aud}) || got["scope"] != tt.scope):
				t.Errorf("%s: %s learns aud %v, scope %v, want %s, %s", tt.name, reader, got["aud"], got["scope"], tt.aud, tt.scope)
			}
		}
		if status, got := o.userinfo(tt.answer["access_token"]); status != tt.userinfo {
			t.Errorf("%s: userinfo answers %d %v, want %d", tt.name, status, got, tt.userinfo)
		}
	}
}

// TestTargetIsRefused: nobody signs in for a token that would be refused, and nothing is spent for one.
func TestTargetIsRefused(t *testing.T) {
	o := newOP(t)
	o.addLedger()
	for name, resource := range map[string]string{
		"not registered": "https://gone.example", "not the app's": "https://old.example", "unknown": "https://nobody.example",
		"no URI": "bank", "another path": bank + "/", "another case": "https://BANK.example/api", "with a fragment": bank + "#x",
	} {
		o.ui.last = nil
		if got := answer(t, o.authorize(request("resource", resource))); got.Get("error") != "invalid_target" || o.ui.last != nil {
			t.Errorf("%s: %v, want invalid_target before anybody signs in", name, got)
		}
	}
	repeated := request("resource", bank)
	repeated.Add("resource", ledger)
	if got := answer(t, o.authorize(repeated)); got.Get("error") != "invalid_request" {
		t.Errorf("two at once: %v, want invalid_request", got)
	}
	code := o.code("resource", bank)
	for _, resource := range []string{ledger, "https://nobody.example"} {
		if status, got := o.token("shop", exchange(code, "resource", resource)); status != http.StatusBadRequest || got["error"] != "invalid_target" {
			t.Errorf("a code for %s: %d %v, want invalid_target", resource, status, got)
		}
	}
	plain := o.code()
	if status, got := o.token("shop", exchange(plain, "resource", bank)); status != http.StatusBadRequest || got["error"] != "invalid_target" {
		t.Errorf("a code for none: %d %v, want invalid_target", status, got)
	}
	for code, resource := range map[string]string{code: bank, plain: ""} {
		if status, got := o.token("shop", exchange(code, "resource", resource)); status != http.StatusOK {
			t.Errorf("the code was spent: %d %v", status, got)
		}
	}
}

// TestRefreshNarrowsTheTarget: a refresh may be for the app itself, and the refresh token stays good for the API.
func TestRefreshNarrowsTheTarget(t *testing.T) {
	o := newOP(t)
	o.addLedger()
	tokens := o.tokens("scope", "openid email offline_access", "resource", ledger)
	for _, tt := range []struct{ resource, aud, scope string }{
		{issuer, "shop", "openid email offline_access"}, {"", ledger, "email"}, {ledger, ledger, "email"},
	} {
		status, got := o.token("shop", refresh(tokens["refresh_token"], "resource", tt.resource))
		if status != http.StatusOK || got["scope"] != tt.scope {
			t.Fatalf("for %q: %d %v, want scope %s", tt.resource, status, got, tt.scope)
		}
		if _, seen := o.introspect("shop", got["access_token"]); !reflect.DeepEqual(seen["aud"], []any{tt.aud}) {
			t.Errorf("for %q: aud %v, want %s", tt.resource, seen["aud"], tt.aud)
		}
		if want := map[bool]int{true: 200, false: 401}[tt.resource == issuer]; want != first(o.userinfo(got["access_token"])) {
			t.Errorf("for %q: userinfo does not answer %d", tt.resource, want)
		}
		tokens = got
	}
	if status, got := o.token("shop", refresh(tokens["refresh_token"], "resource", bank)); status != http.StatusBadRequest || got["error"] != "invalid_target" {
		t.Errorf("another API: %d %v, want invalid_target", status, got)
	}
	if status, got := o.token("shop", refresh(tokens["refresh_token"])); status != http.StatusOK {
		t.Errorf("the refresh token was spent: %d %v", status, got)
	}
}

// TestRefreshForTwoTargets: who sends one refresh token twice gets one refresh token, and an access token for what each time asks for.
func TestRefreshForTwoTargets(t *testing.T) {
	o := newOP(t)
	o.addLedger()
	tokens := o.tokens("scope", "openid email profile offline_access", "resource", ledger)
	type wish struct{ resource, scope, aud, got string }
	var next any
	given := map[wish]any{}
	for range 2 {
		for _, w := range []wish{
			{"", "", ledger, "email"}, {issuer, "", "shop", "openid email profile offline_access"},
			{issuer, "profile openid", "shop", "profile openid"}, {ledger, "openid email", ledger, "email"},
		} {
			status, got := o.token("shop", refresh(tokens["refresh_token"], "resource", w.resource, "scope", w.scope))
			if status != http.StatusOK || got["scope"] != w.got {
				t.Fatalf("%+v: %d %v", w, status, got)
			}
			if next = cmp.Or(next, got["refresh_token"]); got["refresh_token"] != next || got["expires_in"] != 600.0 {
				t.Errorf("%+v: %v, want the refresh token of the first answer", w, got)
			}
			if _, seen := o.introspect("shop", got["access_token"]); !reflect.DeepEqual(seen["aud"], []any{w.aud}) || seen["scope"] != w.got {
				t.Errorf("%+v: the token is for %v, %v", w, seen["aud"], seen["scope"])
			}
			given[w] = got["access_token"]
		}
	}
	for w, token := range given {
		if _, seen := o.introspect("shop", token); seen["active"] != true {
			t.Errorf("%+v: the token is not active beside the others", w)
		}
	}
	_, newer := o.token("shop", refresh(next))
	if status, got := o.token("shop", refresh(tokens["refresh_token"], "resource", issuer)); status != http.StatusBadRequest || got["error"] != "invalid_grant" {
		t.Errorf("for another target, when the next one was used: %d %v, want invalid_grant", status, got)
	}
	if status, got := o.token("shop", refresh(newer["refresh_token"])); status != http.StatusOK {
		t.Errorf("the newest refresh token after that: %d %v", status, got)
	}
}

func first[A, B any](a A, _ B) A { return a }

// TestTargetIsTakenAway: an API that is not there any more, or that the app may not use any more, gets no tokens, whenever
// the user signed in.
func TestTargetIsTakenAway(t *testing.T) {
	o := newOP(t)
	o.addLedger()
	code, tokens := o.code("resource", bank), o.tokens("resource", bank)
	o.ui.hold = true
	o.authorize(request("resource", bank))
	held := o.ui.last
	o.change("shop", func(c *client.Client) { c.Audiences = nil })
	for name, form := range map[string]url.Values{"code": exchange(code), "refresh": refresh(tokens["refresh_token"])} {
		if status, got := o.token("shop", form); status != http.StatusBadRequest || got["error"] != "invalid_target" {
			t.Errorf("%s after the app may not use the API: %d %v, want invalid_target", name, status, got)
		}
	}
	o.ui.sign(held)
	var fault *interaction.RequestError
	if err := o.p.Finish(httptest.NewRecorder(), httptest.NewRequest("GET", issuer, nil), held, o.clock()); !errors.As(err, &fault) {
		t.Errorf("a sign-in for the API that was under way: %v, want that the client has changed", err)
	}
	o.change("shop", func(c *client.Client) { c.Audiences = []string{bank} })
	o.change("api", func(c *client.Client) { c.ResourceURIs = nil })
	if _, got := o.introspect("api", tokens["access_token"]); got["active"] != false {
		t.Errorf("the API that is not known by that any more learns %v", got)
	}
	if status, got := o.token("shop", refresh(tokens["refresh_token"])); status != http.StatusBadRequest || got["error"] != "invalid_target" {
		t.Errorf("refresh after the API is gone: %d %v, want invalid_target", status, got)
	}
}

// TestTargetWhileTheDatabaseIsDown: that is nobody's wrong resource.
func TestTargetWhileTheDatabaseIsDown(t *testing.T) {
	o := newOP(t)
	o.addAPI()
	tokens := o.tokens("resource", bank)
	o.advance(4 * time.Second)
	o.authorize(request("client_id", "other", "scope", "openid")) // both clients are known for a moment
	o.authorize(request())
	o.store.Fail(store.ErrUnavailable)
	defer o.store.Fail(nil)
	if r := o.authorize(request("resource", bank)); r.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("authorization request: %d, want 503", r.StatusCode)
	}
	if status, got := o.token("shop", refresh(tokens["refresh_token"])); status != http.StatusServiceUnavailable {
		t.Errorf("refresh: %d %v, want 503", status, got)
	}
}

// TestRequestObjectWithTwoResources: a request object can have a list of them. An app that asks for two gets no token for the
// first alone, as it would not in an address.
func TestRequestObjectWithTwoResources(t *testing.T) {
	o := newOP(t)
	o.addLedger()
	o.change("shop", func(c *client.Client) { c.RequestObjectAlg = keyset.None })
	for list, want := range map[string]string{`["` + ledger + `"]`: "", `["` + ledger + `","` + bank + `"]`: "invalid_request", `["` + ledger + `","` + ledger + `"]`: "invalid_request"} {
		encode := base64.RawURLEncoding.EncodeToString
		object := encode([]byte(`{"alg":"none"}`)) + "." + encode([]byte(`{"resource":`+list+`}`)) + "."
		if got := answer(t, o.authorize(request("request", object))); got.Get("error") != want {
			t.Errorf("resource %s is answered with %v, want the error %q", list, got, want)
		}
	}
}
