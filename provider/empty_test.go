package provider_test

import (
	"io"
	"net/http"
	"net/url"
	"testing"
)

// unsent returns the names of the parameters that the package reads and the form has not.
func unsent(t *testing.T, form url.Values) (names []string) {
	t.Helper()
	for _, name := range parameters(t) {
		if !form.Has(name) {
			names = append(names, name)
		}
	}
	return names
}

// A parameter without a value counts as if it were not there, at every endpoint (RFC 6749 sections 3.1 and 3.2).
func TestParametersWithoutAValue(t *testing.T) {
	o := newOP(t)
	tokens := o.tokens()
	for _, at := range []struct {
		path   string
		form   func() url.Values
		status int
	}{
		{"/token", func() url.Values { return exchange(o.code()) }, http.StatusOK},
		{"/token", func() url.Values { return refresh(o.tokens()["refresh_token"]) }, http.StatusOK},
		{"/par", func() url.Values { return request() }, http.StatusCreated},
		{"/introspect", func() url.Values { return url.Values{"token": {tokens["access_token"].(string)}} }, http.StatusOK},
		{"/revoke", func() url.Values { return url.Values{"token": {o.tokens()["refresh_token"].(string)}} }, http.StatusOK},
		{"/userinfo", func() url.Values { return url.Values{"access_token": {tokens["access_token"].(string)}} }, http.StatusOK},
	} {
		for _, name := range unsent(t, at.form()) {
			form := at.form()
			form.Set(name, "")
			r := post(at.path, form)
			if at.path != "/userinfo" {
				r.SetBasicAuth("shop", o.secret)
			}
			if got := o.do(r); got.StatusCode != at.status {
				body, _ := io.ReadAll(got.Body)
				t.Errorf("%s with %s without a value: %d %s, want %d", at.path, name, got.StatusCode, body, at.status)
			}
		}
	}
	for _, name := range unsent(t, request()) {
		form := request()
		form.Set(name, "")
		if v := answer(t, o.authorize(form)); !v.Has("code") || v.Has("error") {
			t.Errorf("/authorize with %s without a value: %v, want a code", name, v)
		}
	}
}
