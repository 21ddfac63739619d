package provider_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"vestibule/provider/store"
)

// Requests of absurd size are refused before the database is asked.
func TestAbsurdSizeIsRefusedEarly(t *testing.T) {
	o := newOP(t)
	tokens := o.tokens()
	long := strings.Repeat("x", 20_000)
	o.store.Fail(store.ErrUnavailable) // whoever asks it answers 503
	for _, path := range []string{"/par", "/token", "/revoke", "/introspect", "/userinfo"} {
		for name, r := range map[string]*http.Request{
			"body":    post(path, url.Values{"token": {long}, "access_token": {long}}),
			"address": post(path+"?anything="+long, url.Values{"token": {"t"}}),
			"client":  post(path, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"t"}, "token": {"t"}, "client_id": {long[:9000]}}),
			"header":  post(path, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"t"}, "token": {"t"}}),
		} {
			if name == "header" {
				r.SetBasicAuth(long[:9000], long[:9000])
			}
			if status, body := decode(t, o.do(r)); status < 400 || status >= 500 {
				t.Errorf("%s with a long %s: %d %v, want it refused", path, name, status, body)
			}
		}
	}
	for name, v := range map[string]url.Values{
		"client":  request("client_id", long[:9000]),
		"request": request("anything", long),
	} {
		if r := o.authorize(v); r.StatusCode != http.StatusBadRequest {
			t.Errorf("authorization request with a long %s: %d, want 400", name, r.StatusCode)
		}
	}
	o.store.Fail(nil)
	if v := answer(t, o.authorize(request("scope", strings.Repeat("a b ", 600)))); v.Get("error") != "invalid_scope" {
		t.Errorf("scope of 2,400 bytes: %v, want invalid_scope", v)
	}
	narrow := refresh(tokens["refresh_token"], "scope", strings.Repeat("openid ", 400))
	if _, body := o.token("shop", narrow); body["error"] != "invalid_scope" {
		t.Errorf("refresh with a scope of 2,800 bytes: %v, want invalid_scope", body)
	}
	r := httptest.NewRequest("GET", issuer+"/userinfo?anything="+long, nil)
	r.Header.Set("Authorization", "Bearer "+tokens["access_token"].(string))
	if status, body := decode(t, o.do(r)); status != http.StatusBadRequest {
		t.Errorf("userinfo with a long address: %d %v, want 400", status, body)
	}
}
