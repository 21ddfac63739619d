package provider_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/providertest"
	"vestibule/provider/store"
)

// introspect asks about a token as a client with its credentials in the header.
func (o *op) introspect(client string, token any) (int, map[string]any) {
	r := httptest.NewRequest("POST", issuer+"/introspect", strings.NewReader(url.Values{"token": {token.(string)}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != "" {
		r.SetBasicAuth(client, o.secret)
	}
	answer := o.do(r)
	h := answer.Header
	if h.Get("Cache-Control") != "no-store" || h.Get("Access-Control-Allow-Origin") != "" || h.Get("X-Content-Type-Options") != "nosniff" {
		o.t.Errorf("the answer may be stored, or read by a page of anybody: %v", h)
	}
	return decode(o.t, answer)
}

// bank is what the API is known by.
const bank = "https://bank.example/api"

// addAPI registers a resource server, and has shop and other use it.
func (o *op) addAPI() {
	o.t.Helper()
	shop, err := o.store.Client(o.t.Context(), "shop")
	if err != nil {
		o.t.Fatal(err)
	}
	o.store.AddClient(client.Client{ID: "api", SecretHash: shop.SecretHash, ResourceServer: true, ResourceURIs: []string{bank}})
	for _, id := range []string{"shop", "other"} {
		o.change(id, func(c *client.Client) { c.Audiences = append(c.Audiences, bank) })
	}
}

func TestIntrospection(t *testing.T) {
	o := newOP(t)
	o.addAPI()
	begun := o.clock()
	o.ui.sign = func(ix *interaction.Interaction) {
		ix.Login = assurance.PasswordLogin("u1", 0, begun)
		ix.Login.Add(providertest.Prove(providertest.MethodOTP, begun.Add(-time.Minute)))
	}
	tokens := o.tokens("acr_values", "2", "resource", bank)
	want := map[string]any{
		"active": true, "scope": "openid offline_access", "client_id": "shop", "sub": "u1", "iss": issuer, "aud": []any{bank},
		"exp": float64(begun.Add(10 * time.Minute).Unix()), "iat": float64(begun.Unix()), "token_type": "Bearer",
		"acr": "2", "amr": []any{"pwd", "otp", "mfa"}, "auth_time": float64(begun.Add(-time.Minute).Unix()), // of the code
	}
	for _, client := range []string{"api", "shop"} {
		if status, got := o.introspect(client, tokens["access_token"]); status != http.StatusOK || !reflect.DeepEqual(got, want) {
			t.Errorf("%s learns %d %v, want %v", client, status, got, want)
		}
	}
	_, got := o.introspect("shop", tokens["refresh_token"])
	if got["active"] != true || got["token_type"] != nil || got["acr"] != "2" {
		t.Errorf("of its refresh token the client learns %v", got)
	}
}

func TestIntrospectionTellsNothing(t *testing.T) {
	o := newOP(t)
	o.addAPI()
	tokens := o.tokens("resource", bank)
	old := o.tokens("resource", bank)
	o.token("shop", refresh(old["refresh_token"])) // ends the access token, spends the refresh token
	revoked := o.code("resource", bank)
	_, first := o.token("shop", exchange(revoked))
	o.advance(11 * time.Second)
	o.token("shop", exchange(revoked)) // a code that comes twice ends its family
	id := tokens["id_token"]
	for _, tt := range []struct {
		name, client string
		token        any
	}{
		{"refresh token of another client", "api", tokens["refresh_token"]},
		{"access token of another client", "other", tokens["access_token"]},
		{"spent refresh token", "shop", old["refresh_token"]},
		{"replaced access token", "api", old["access_token"]},
		{"revoked access token", "api", first["access_token"]},
		{"ID token", "api", id},
		{"code", "shop", o.code()},
		{"altered token", "api", tokens["access_token"].(string) + "x"},
		{"truncated token", "api", strings.TrimRight(tokens["access_token"].(string), "abcdefghij")[:60]},
		{"anything", "api", "x"},
	} {
		if status, got := o.introspect(tt.client, tt.token); status != http.StatusOK || !reflect.DeepEqual(got, map[string]any{"active": false}) {
			t.Errorf("%s: %d %v, want no more than that it is not active", tt.name, status, got)
		}
	}
	o.advance(10 * time.Minute)
	if _, got := o.introspect("api", tokens["access_token"]); got["active"] != false {
		t.Errorf("an expired token: %v", got)
	}
	if _, got := o.introspect("shop", tokens["refresh_token"]); got["active"] != true {
		t.Errorf("the refresh token after that: %v", got)
	}
}

func TestIntrospectionIsForClientsWithASecret(t *testing.T) {
	o := newOP(t)
	o.addAPI()
	token := o.tokens()["access_token"].(string)
	for _, tt := range []struct {
		name, user, secret, body string
		status                   int
		want                     string
	}{
		{"no client", "", "", "token=" + token, 401, "invalid_client"},
		{"unknown client", "nobody", o.secret, "token=" + token, 401, "invalid_client"},
		{"wrong secret", "api", "wrong", "token=" + token, 401, "invalid_client"},
		{"no secret", "", "", "client_id=api&token=" + token, 401, "invalid_client"},
		{"public client", "", "", "client_id=app&token=" + token, 401, "invalid_client"},
		{"no token", "api", o.secret, "", 400, "invalid_request"},
		{"token twice", "api", o.secret, "token=a&token=b", 400, "invalid_request"},
		{"malformed", "api", o.secret, "token=%zz", 400, "invalid_request"},
	} {
		r := httptest.NewRequest("POST", issuer+"/introspect", strings.NewReader(tt.body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if tt.user != "" {
			r.SetBasicAuth(tt.user, tt.secret)
		}
		if status, got := decode(t, o.do(r)); status != tt.status || got["error"] != tt.want || got["active"] != nil {
			t.Errorf("%s: %d %v, want %d %s", tt.name, status, got, tt.status, tt.want)
		}
	}
	o.store.Fail(store.ErrUnavailable)
	defer o.store.Fail(nil)
	if status, got := o.introspect("api", token); status != http.StatusServiceUnavailable || got["active"] != nil {
		t.Errorf("while the database is down: %d %v, want 503 and no word about the token", status, got)
	}
}

// A resource server signs nobody in and gets no tokens.
func TestResourceServerIsNoRelyingParty(t *testing.T) {
	o := newOP(t)
	o.addAPI()
	if r := o.authorize(request("client_id", "api", "scope", "openid")); r.StatusCode != http.StatusBadRequest || r.Header.Get("Location") != "" {
		t.Errorf("authorization request: %d to %q", r.StatusCode, r.Header.Get("Location"))
	}
	if status, got := o.token("api", exchange(o.code())); status < 400 {
		t.Errorf("exchange: %d %v", status, got)
	}
	if got := o.tokens(); got["id_token"] == nil {
		t.Errorf("the client whose code that was gets %v", got)
	}
}

// recorder keeps the events of tests.
type recorder struct{ events []audit.Event }

func (r *recorder) Record(_ context.Context, e audit.Event) error {
	r.events = append(r.events, e)
	return nil
}

func (r *recorder) of(kind string) []audit.Event {
	var some []audit.Event
	for _, e := range r.events {
		if e.Kind == kind {
			some = append(some, e)
		}
	}
	return some
}

func TestReuseIsRecorded(t *testing.T) {
	log := &recorder{}
	o := newOP(t)
	o.audit = log
	o.restart()
	code := o.code()
	o.token("shop", exchange(code))
	o.token("shop", exchange(code)) // a retry
	o.advance(time.Minute)
	o.token("shop", exchange(code))
	_, body := o.token("shop", exchange(o.code()))
	o.token("shop", refresh(body["refresh_token"]))
	o.advance(time.Second)
	o.token("shop", refresh(body["refresh_token"])) // a retry
	if got := log.of(audit.EventTokenReused); len(got) != 1 {
		t.Fatalf("events %v, want one, of the code", got)
	}
	o.advance(time.Minute)
	o.token("shop", refresh(body["refresh_token"]))
	got := log.of(audit.EventTokenReused)
	if len(got) != 2 {
		t.Fatalf("events %v, want another, of the refresh token", got)
	}
	for i, token := range []string{"code", "refresh token"} {
		e := got[i]
		if e.Outcome != audit.OutcomeRefused || e.Client != "shop" || e.Subject != "u1" || e.Session == "" || e.Address != "192.0.2.1" || e.Detail["token"] != token {
			t.Errorf("event %+v, want one of a %s", e, token)
		}
	}
}
