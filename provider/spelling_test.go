package provider_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"vestibule/provider/assurance"
	"vestibule/provider/providertest"
	"vestibule/provider/store"
)

// What is opaque has one spelling: no other is taken, makes trouble, or ends what the right one stands for.
func TestTokensHaveOneSpelling(t *testing.T) {
	o := newOP(t)
	o.addAPI()
	code, used := o.code(), o.code()
	o.token("shop", exchange(used))
	tokens := o.tokens()
	rotated := o.tokens()
	_, retried := o.token("shop", refresh(rotated["refresh_token"]))
	for _, tt := range []struct {
		kind, text string
		try        func(text string) (int, map[string]any)
		status     int
		err        any
	}{
		{"code", code, func(s string) (int, map[string]any) { return o.token("shop", exchange(s)) }, 400, "invalid_grant"},
		{"used code", used, func(s string) (int, map[string]any) { return o.token("shop", exchange(s)) }, 400, "invalid_grant"},
		{"refresh token", tokens["refresh_token"].(string), func(s string) (int, map[string]any) { return o.token("shop", refresh(s)) }, 400, "invalid_grant"},
		{"used refresh token", rotated["refresh_token"].(string), func(s string) (int, map[string]any) { return o.token("shop", refresh(s)) }, 400, "invalid_grant"},
		{"access token in a body", tokens["access_token"].(string), func(s string) (int, map[string]any) {
			return decode(t, o.do(post("/userinfo", url.Values{"access_token": {s}})))
		}, 401, "invalid_token"},
		{"access token of an API", tokens["access_token"].(string), func(s string) (int, map[string]any) { return o.introspect("api", s) }, 200, nil},
		{"refresh token, introspected", tokens["refresh_token"].(string), func(s string) (int, map[string]any) { return o.introspect("shop", s) }, 200, nil},
	} {
		for _, other := range providertest.Spellings(tt.text) {
			if status, body := tt.try(other); status != tt.status || body["error"] != tt.err || tt.err == nil && body["active"] != false {
				t.Errorf("%s as %q: %d %v, want %d %v", tt.kind, other, status, body, tt.status, tt.err)
			}
		}
	}
	if status, _ := o.userinfo(retried["access_token"]); status != http.StatusOK {
		t.Errorf("a family after other spellings of its tokens: userinfo %d, want 200", status)
	}
	for name, form := range map[string]url.Values{
		"code": exchange(code), "refresh token": refresh(tokens["refresh_token"]), "used refresh token, again": refresh(rotated["refresh_token"]),
	} {
		if status, body := o.token("shop", form); status != http.StatusOK {
			t.Errorf("%s after its other spellings: %d %v", name, status, body)
		}
	}
}

func TestFlowsHaveOneSpelling(t *testing.T) {
	o := newOP(t)
	o.ui.hold = true
	o.authorize(request())
	ix := o.ui.last
	sealed, err := o.p.Flow(ix)
	if err != nil {
		t.Fatal(err)
	}
	ix.Login = assurance.PasswordLogin("u1", 0, o.clock())
	if err := o.p.Save(t.Context(), ix); err != nil {
		t.Fatal(err)
	}
	row, err := o.p.Flow(ix)
	if err != nil {
		t.Fatal(err)
	}
	for kind, text := range map[string]string{"sealed": sealed, "row": row, "id of a row": ix.ID} {
		if _, err := o.p.Resume(t.Context(), text); err != nil {
			t.Errorf("%s flow: %v", kind, err)
		}
		for _, other := range providertest.Spellings(text) {
			if _, err := o.p.Resume(t.Context(), other); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("%s flow as %q: %v, want ErrNotFound", kind, other, err)
			}
		}
	}
}

func TestOtherValuesHaveOneSpelling(t *testing.T) {
	o := newOP(t)
	hint := o.tokens()["id_token"].(string)
	for _, other := range providertest.Spellings(hint) {
		if v := answer(t, o.authorize(request("id_token_hint", other))); v.Get("error") != "invalid_request" {
			t.Errorf("id_token_hint as %q: %v, want invalid_request", other, v)
		}
	}
	for _, other := range providertest.Spellings("shop") {
		if r := o.authorize(request("client_id", other)); r.StatusCode != http.StatusBadRequest {
			t.Errorf("client_id as %q: %d, want a page with 400", other, r.StatusCode)
		}
		if status, body := o.token(url.QueryEscape(other), exchange("x")); status >= 500 || body["error"] == "invalid_grant" {
			t.Errorf("client %q at the token endpoint: %d %v", other, status, body)
		}
	}
	right := o.secret
	for _, other := range providertest.Spellings(right) {
		o.secret = url.QueryEscape(other)
		if status, body := o.token("shop", exchange("x")); status != http.StatusUnauthorized {
			t.Errorf("client secret as %q: %d %v, want 401", other, status, body)
		}
	}
}

// bearer is the header that the client of RFC 6750 sends, with any number of spaces.
func TestBearerHeader(t *testing.T) {
	o := newOP(t)
	token := o.tokens()["access_token"].(string)
	for header, want := range map[string]int{
		"Bearer " + token: 200, "bearer  " + token: 200, "Bearer\t" + token: 401, "Bearer " + token + "\u00a0": 401, "Bearer " + token + " x": 401,
	} {
		r := httptest.NewRequest("GET", issuer+"/userinfo", nil)
		r.Header.Set("Authorization", header)
		if got := o.do(r); got.StatusCode != want {
			t.Errorf("Authorization %q: %d, want %d", header, got.StatusCode, want)
		}
	}
}
