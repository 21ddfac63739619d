package client

import (
	"net/url"
	"slices"
	"testing"
)

// FuzzReadDocuments reads registrations of anybody's making. What is read is written as it was meant, and read again.
func FuzzReadDocuments(f *testing.F) {
	f.Add([]byte(`{"client_id": "shop", "redirect_uris": ["https://shop.example/cb"], "scope": "openid email", "contacts": []}`))
	f.Add([]byte(`[{"client_id": "app", "token_endpoint_auth_method": "none"}, {"client_id": 7}]`))
	f.Add([]byte(`{"client_id": "a", "acr_names": {"aal2": ["x"]}, "jwks": {"keys": []}} {}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := ReadDocuments(data)
		if err != nil {
			return
		}
		for _, d := range all {
			written, err := d.MarshalJSON()
			if err != nil {
				t.Fatalf("write %+v: %v", d, err)
			}
			again, err := ReadDocument(written)
			if err != nil || len(again.Unread) > 0 {
				t.Fatalf("read %s again: %v, unread %q", written, err, again.Unread)
			}
			if changed, err := Differences(d.Client, again.Client); err != nil || len(changed) > 0 {
				t.Errorf("read again %q differ (%v)", changed, err)
			}
		}
	})
}

// FuzzRedirectURI registers addresses of anybody's making: what is taken is matched by itself, and is none that a browser runs.
func FuzzRedirectURI(f *testing.F) {
	for _, seed := range []string{"https://shop.example/cb?a=b", "http://127.0.0.1:1/cb", "com.example.app:/cb", "javascript.x:alert(1)", "https://[2001:db8::1]/", "vscode://x", "http://localhost\n/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		c := Client{ID: "app", Public: true, RedirectURIs: []string{uri}}
		if Check(c) != nil {
			return
		}
		u, err := url.Parse(uri)
		switch {
		case err != nil:
			t.Fatalf("%q: %v", uri, err)
		case !c.Allows(uri):
			t.Errorf("%q does not match itself", uri)
		case slices.Contains(browserSchemes, u.Scheme), u.Scheme == "http" && !IsLoopback(u.Hostname()), u.Fragment != "", u.User != nil:
			t.Errorf("%q was taken", uri)
		}
	})
}
