package provider_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/providertest"
)

// alone is a good request for an ID token alone, as ASP.NET Core sends it: without PKCE.
func alone(pairs ...string) url.Values {
	return request(append([]string{"client_id", "net", "response_type", "id_token", "response_mode", "form_post",
		"scope", "openid profile offline_access", "code_challenge", "-", "code_challenge_method", "-"}, pairs...)...)
}

func TestIDTokenAlone(t *testing.T) {
	o := newOP(t)
	begun := o.clock()
	o.ui.sign = func(ix *interaction.Interaction) {
		ix.Login = assurance.PasswordLogin("u1", 0, begun)
		ix.Login.Add(providertest.Prove(providertest.MethodOTP, begun.Add(-time.Minute)))
	}
	f := posted(t, o.authorize(alone("acr_values", "aal2")))
	if f.Action != callback || len(f.Fields) != 3 || f.Fields.Get("state") != "st" || f.Fields.Get("iss") != issuer {
		t.Fatalf("the client gets %+v, want id_token, state and iss", f)
	}
	header, got := claims(t, f.Fields.Get("id_token"))
	if got["jti"] == "" || got["sid"] == "" || header["alg"] != "ES256" {
		t.Errorf("the ID token is %v, %v", header, got)
	}
	delete(got, "jti")
	delete(got, "sid")
	delete(got, "updated_at")
	want := map[string]any{
		"iss": issuer, "sub": "u1", "aud": []any{"net"}, "exp": float64(begun.Add(10 * time.Minute).Unix()), "iat": float64(begun.Unix()),
		"auth_time": float64(begun.Add(-time.Minute).Unix()), "nonce": "n", "acr": "aal2", "amr": []any{"pwd", "otp", "mfa"},
		"name": "Ana", "preferred_username": "ana", // for there is no userinfo; of what is allowed and no more
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the ID token says %v, want %v", got, want)
	}
	if scopes := strings.Join(o.ui.last.Scopes, " "); scopes != "openid profile" {
		t.Errorf("the user is asked for %q: no refresh token comes of this", scopes)
	}
	if v := answer(t, o.authorize(request("client_id", "net"))); v.Get("code") == "" {
		t.Errorf("the same client asks for a code and gets %v", v)
	}
}

// A token never stands in an address, and comes to nobody who is not registered for it.
func TestIDTokenAloneIsRefused(t *testing.T) {
	o := newOP(t)
	o.store.AddClient(client.Client{ID: "tokens", Public: true, RedirectURIs: []string{callback}, Scopes: []string{"openid"}, ResponseTypes: []string{"id_token"}})
	for name, tt := range map[string]struct {
		v      url.Values
		code   string
		posted bool
	}{
		"not registered":       {alone("client_id", "shop"), "unsupported_response_type", true},
		"in capitals":          {alone("response_type", "ID_TOKEN"), "unsupported_response_type", true},
		"with a code":          {alone("response_type", "code id_token"), "unsupported_response_type", true},
		"with a token":         {alone("response_type", "id_token token"), "unsupported_response_type", true},
		"code not registered":  {request("client_id", "tokens", "scope", "openid"), "unsupported_response_type", false},
		"CODE not registered":  {request("client_id", "tokens", "scope", "openid", "response_type", "CODE"), "unsupported_response_type", false},
		"no nonce":             {alone("nonce", "-"), "invalid_request", true},
		"empty nonce":          {alone("nonce", ""), "invalid_request", true},
		"no openid":            {alone("scope", "profile"), "invalid_request", true},
		"no mode":              {alone("response_mode", "-"), "unsupported_response_mode", false},
		"query":                {alone("response_mode", "query"), "unsupported_response_mode", false},
		"fragment":             {alone("response_mode", "fragment"), "unsupported_response_mode", false},
		"bad prompt, by query": {alone("response_mode", "query", "prompt", "shout"), "unsupported_response_mode", false},
	} {
		r := o.authorize(tt.v)
		var got url.Values
		if tt.posted {
			got = posted(t, r).Fields
		} else {
			got = answer(t, r)
		}
		if got.Get("error") != tt.code || got.Has("id_token") || got.Has("code") {
			t.Errorf("%s: %v, want %s", name, got, tt.code)
		}
	}
	if f := posted(t, o.authorize(alone("client_id", "tokens", "scope", "openid"))); !f.Fields.Has("id_token") {
		t.Errorf("a public client without PKCE, which has no code to protect, gets %v", f.Fields)
	}
}

// changeClient changes a client as an operator does.
func (o *op) changeClient(id string, change func(c *client.Client)) {
	o.t.Helper()
	c, err := o.store.Client(o.t.Context(), id)
	if err != nil {
		o.t.Fatal(err)
	}
	c.Updated = c.Updated.Add(time.Second)
	change(&c)
	o.store.AddClient(c)
}

// What has changed of the client or the account since the request is asked once more when the token is given.
func TestIDTokenAloneRestsOnWhatIs(t *testing.T) {
	for name, change := range map[string]func(o *op){
		"client not registered for it any more": func(o *op) { o.changeClient("net", func(c *client.Client) { c.ResponseTypes = nil }) },
		"client changed":                        func(o *op) { o.changeClient("net", func(c *client.Client) { c.Name = "Other" }) },
		"account disabled": func(o *op) {
			o.store.AddAccount(account.Account{Subject: "u1", Username: "ana", Disabled: true}, "")
		},
	} {
		o := newOP(t)
		o.ui.hold = true
		o.authorize(alone())
		ix := o.ui.last
		o.ui.sign(ix)
		change(o)
		w := httptest.NewRecorder()
		if err := o.p.Finish(w, httptest.NewRequest("GET", issuer, nil), ix, o.clock()); err == nil || strings.Contains(w.Body.String(), "id_token") {
			t.Errorf("%s: %v, %s; want nothing given", name, err, w.Body)
		}
		if w.Code != http.StatusOK || w.Body.Len() > 0 {
			t.Errorf("%s: something was answered: %d %s", name, w.Code, w.Body)
		}
	}
}

// The policy is asked once more, as it is before other tokens are given: no later question will be.
func TestIDTokenAloneAsksThePolicy(t *testing.T) {
	o := newOP(t)
	o.changeClient("net", func(c *client.Client) { c.TwoSteps = client.TwoStepsRequired })
	o.ui.hold = true
	o.authorize(alone())
	ix := o.ui.last
	o.ui.sign(ix)
	w := httptest.NewRecorder()
	if err := o.p.Finish(w, httptest.NewRequest("GET", issuer, nil), ix, o.clock()); !errors.Is(err, client.ErrChanged) || w.Body.Len() > 0 {
		t.Errorf("with a password alone: %v, %s; want %v", err, w.Body, client.ErrChanged)
	}
}
