package provider_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/store"
)

// revoke ends a token as a client with its credentials in the header, and returns the status and the error.
func (o *op) revoke(client string, token any, pairs ...string) (int, string) {
	o.t.Helper()
	r := post("/revoke", change(url.Values{"token": {token.(string)}}, pairs))
	if client != "" {
		r.SetBasicAuth(client, o.secret)
	}
	answer := o.do(r)
	if h := answer.Header; h.Get("Cache-Control") != "no-store" || h.Get("Access-Control-Allow-Origin") != "*" {
		o.t.Errorf("the answer may be stored, or cannot be read by a page: %v", h)
	}
	if answer.StatusCode == http.StatusOK {
		if body, err := io.ReadAll(answer.Body); err != nil || len(body) > 0 {
			o.t.Errorf("the answer has the body %q, %v", body, err)
		}
		return answer.StatusCode, ""
	}
	status, body := decode(o.t, answer)
	text, _ := body["error"].(string)
	return status, text
}

// revokes fails the test unless the answer is 200.
func (o *op) revokes(client string, token any, pairs ...string) {
	o.t.Helper()
	if status, text := o.revoke(client, token, pairs...); status != http.StatusOK {
		o.t.Errorf("%s revokes %.12s: %d %s, want 200", client, token, status, text)
	}
}

// alive returns which of the tokens of an answer are good: a for the access token, r for the refresh token.
func (o *op) alive(tokens map[string]any) string {
	alive := ""
	for _, kind := range []string{"access_token", "refresh_token"} {
		if _, got := o.introspect("shop", tokens[kind]); got["active"] == true {
			alive += kind[:1]
		}
	}
	return alive
}

func TestRevocationEndsWhatItSays(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(o *op, tokens map[string]any)
		want string
	}{
		"refresh token": {func(o *op, v map[string]any) { o.revokes("shop", v["refresh_token"]) }, ""},
		"refresh token, with a wrong hint": {func(o *op, v map[string]any) {
			o.revokes("shop", v["refresh_token"], "token_type_hint", "access_token")
		}, ""},
		"refresh token, with a strange hint": {func(o *op, v map[string]any) {
			o.revokes("shop", v["refresh_token"], "token_type_hint", "mac")
		}, ""},
		"access token": {func(o *op, v map[string]any) { o.revokes("shop", v["access_token"]) }, "r"},
		"access token, with a wrong hint": {func(o *op, v map[string]any) {
			o.revokes("shop", v["access_token"], "token_type_hint", "refresh_token")
		}, "r"},
		"twice": {func(o *op, v map[string]any) {
			o.revokes("shop", v["refresh_token"])
			o.revokes("shop", v["refresh_token"])
		}, ""},
		"of another client": {func(o *op, v map[string]any) {
			o.revokes("other", v["refresh_token"])
			o.revokes("other", v["access_token"])
			o.revokes("api", v["access_token"])
		}, "ar"},
		"altered": {func(o *op, v map[string]any) {
			for _, kind := range []string{"access_token", "refresh_token"} {
				token := v[kind].(string)
				_, mac, _ := strings.Cut(token, ".")
				o.revokes("shop", token[:7]+strings.Repeat("A", 43)+"."+mac) // the signature alone is no token
				o.revokes("shop", token+" ")
				o.revokes("shop", strings.ToUpper(token))
			}
			o.revokes("shop", "nonsense")
			o.revokes("shop", "a.b.c")
		}, "ar"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOP(t)
			o.addAPI()
			tokens, others := o.tokens(), o.tokens()
			tt.do(o, tokens)
			if got := o.alive(tokens); got != tt.want {
				t.Errorf("alive are %q, want %q", got, tt.want)
			}
			if got := o.alive(others); got != "ar" {
				t.Errorf("of another sign-in only %q are alive", got)
			}
			status, _ := o.userinfo(tokens["access_token"])
			if want := strings.Contains(tt.want, "a"); (status == http.StatusOK) != want {
				t.Errorf("userinfo answers %d, want good: %v", status, want)
			}
		})
	}
}

// A client that is answered with a newer refresh token while it revokes the older one has nothing left.
func TestRevocationOfAUsedRefreshTokenEndsTheFamily(t *testing.T) {
	for name, wait := range map[string]time.Duration{"at once": 0, "later": time.Hour} {
		o := newOP(t)
		old := o.tokens()
		_, fresh := o.token("shop", refresh(old["refresh_token"]))
		o.advance(wait)
		o.revokes("shop", old["refresh_token"])
		if got := o.alive(fresh); got != "" {
			t.Errorf("%s: alive are %q", name, got)
		}
		if status, body := o.token("shop", refresh(old["refresh_token"])); body["error"] != "invalid_grant" { // the retry
			t.Errorf("%s: a retry gets %d %v", name, status, body)
		}
	}
}

func TestRevocationRefuses(t *testing.T) {
	o := newOP(t)
	tokens, code := o.tokens(), o.code()
	for name, tt := range map[string]struct {
		client string
		token  any
		pairs  []string
		status int
		code   string
	}{
		"no token":           {"shop", "", []string{"token", "-"}, 400, "invalid_request"},
		"empty token":        {"shop", "", nil, 400, "invalid_request"},
		"no client":          {"", tokens["access_token"], nil, 401, "invalid_client"},
		"no secret":          {"", tokens["access_token"], []string{"client_id", "shop"}, 401, "invalid_client"},
		"wrong secret":       {"", tokens["access_token"], []string{"client_id", "shop", "client_secret", "wrong"}, 401, "invalid_client"},
		"unknown client":     {"", tokens["access_token"], []string{"client_id", "nobody"}, 401, "invalid_client"},
		"authorization code": {"shop", code, nil, 400, "unsupported_token_type"},
		"ID token":           {"shop", tokens["id_token"], nil, 400, "unsupported_token_type"},
	} {
		if status, text := o.revoke(tt.client, tt.token, tt.pairs...); status != tt.status || text != tt.code {
			t.Errorf("%s: %d %s, want %d %s", name, status, text, tt.status, tt.code)
		}
	}
	if got := o.alive(tokens); got != "ar" {
		t.Errorf("alive are %q after all that, want both", got)
	}
	if status, body := o.token("shop", exchange(code)); status != http.StatusOK {
		t.Errorf("the code after all that: %d %v", status, body)
	}
}

// A public client proves nothing but that it has the token.
func TestPublicClientRevokes(t *testing.T) {
	o := newOP(t)
	o.store.AddClient(client.Client{ID: "phone", Public: true, RedirectURIs: []string{callback}, Scopes: []string{"openid", "offline_access"}})
	status, tokens := o.token("", exchange(o.code("client_id", "phone"), "client_id", "phone"))
	if status != http.StatusOK {
		t.Fatalf("exchange: %d %v", status, tokens)
	}
	o.revokes("", tokens["refresh_token"], "client_id", "app") // another one
	if status, _ := o.userinfo(tokens["access_token"]); status != http.StatusOK {
		t.Fatalf("after another client has tried: userinfo answers %d", status)
	}
	o.revokes("", tokens["refresh_token"], "client_id", "phone")
	if status, _ := o.userinfo(tokens["access_token"]); status != http.StatusUnauthorized {
		t.Errorf("userinfo answers %d, want 401", status)
	}
}

// Who hears 200 may forget the token: what was not committed is never called done.
func TestRevocationWithoutADatabase(t *testing.T) {
	o := newOP(t)
	tokens := o.tokens()
	o.store.Fail(store.ErrUnavailable)
	if status, text := o.revoke("shop", tokens["refresh_token"]); status != http.StatusServiceUnavailable || text != "temporarily_unavailable" {
		t.Errorf("%d %s, want 503", status, text)
	}
	o.store.Fail(nil)
	if got := o.alive(tokens); got != "ar" {
		t.Errorf("alive are %q, want both", got)
	}
}

func TestRevocationIsRecorded(t *testing.T) {
	o, log := newOP(t), &recorder{}
	o.audit = log
	o.restart()
	tokens := o.tokens()
	o.revokes("other", tokens["refresh_token"])
	o.revokes("shop", "unknown")
	if got := log.of(audit.EventTokenRevoked); len(got) > 0 {
		t.Fatalf("events %v of tokens that were not revoked", got)
	}
	o.revokes("shop", tokens["access_token"])
	o.revokes("shop", tokens["refresh_token"])
	o.revokes("shop", tokens["refresh_token"])
	got := log.of(audit.EventTokenRevoked)
	if len(got) != 2 {
		t.Fatalf("events %v, want two", got)
	}
	for i, token := range []string{"access", "refresh"} {
		e := got[i]
		if e.Outcome != audit.OutcomeOK || e.Client != "shop" || e.Subject != "u1" || e.Session == "" || e.Address != "192.0.2.1" || e.Detail["token"] != token {
			t.Errorf("event %+v, want one of an %s token", e, token)
		}
	}
}
