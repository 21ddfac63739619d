package provider_test

import (
	"net/url"
	"strings"
	"testing"

	"vestibule/provider/client"
)

// Whatever can be registered is matched by a request that sends it, and answered at that very address.
func TestRedirectURIThatMatches(t *testing.T) {
	o := newOP(t)
	for _, uri := range []string{
		"https://shop.example", "https://shop.example/", "https://shop.example:8443/cb", "https://shop.example/cb?", "https://shop.example/cb?a=b&c=d%20e",
		"https://shop.example/a%20b/%C3%A9", "https://shop.example/c3/%c3%a9", "https://my_shop.example/cb", "https://xn--caf-dma.example/cb", "https://192.0.2.1/cb",
		"https://[2001:db8::1]:8443/cb", "https://shop.example/a/.../b", "https://shop.example/a//b", "https://shop.example/.well-known/cb", "https://shop.example/cb;v=1",
		"http://localhost:3000/cb", "http://127.0.0.1/cb", "http://[::1]:1/cb",
	} {
		if err := client.Check(client.Client{ID: "shop", SecretHash: "sha256:x", RedirectURIs: []string{uri}}); err != nil {
			t.Errorf("%q: %v", uri, err)
		}
		shop, err := o.store.Client(t.Context(), "shop")
		if err != nil {
			t.Fatal(err)
		}
		shop.ID, shop.RedirectURIs = "shop"+url.PathEscape(uri), []string{uri}
		o.store.AddClient(shop)
		got := o.authorize(request("client_id", shop.ID, "redirect_uri", uri)).Header.Get("Location")
		if !strings.HasPrefix(got, uri) || !strings.Contains(got, "code=") {
			t.Errorf("%q: the answer goes to %q", uri, got)
		}
	}
}

func TestPortOfALoopbackRequest(t *testing.T) {
	o := newOP(t)
	app, err := o.store.Client(t.Context(), "app")
	if err != nil {
		t.Fatal(err)
	}
	app.RedirectURIs = append(app.RedirectURIs, "http://localhost/cb", "vscode://ana.extension/cb")
	o.store.AddClient(app)
	for _, uri := range []string{"http://localhost:49152/cb", "vscode://ana.extension/cb"} {
		v := request("client_id", "app", "scope", "openid", "redirect_uri", uri)
		if got := o.authorize(v).Header.Get("Location"); !strings.HasPrefix(got, uri+"?") || !strings.Contains(got, "code=") {
			t.Errorf("%q: the answer goes to %q", uri, got)
		}
	}
	for port, ok := range map[string]bool{"": true, ":1": true, ":65535": true, ":0": false, ":65536": false, ":080": false, ":": false, ":80": false} {
		v := request("client_id", "app", "scope", "openid", "redirect_uri", "http://127.0.0.1"+port+"/cb")
		if r := o.authorize(v); (r.Header.Get("Location") != "") != ok {
			t.Errorf("port %q: %d to %q, want it taken: %v", port, r.StatusCode, r.Header.Get("Location"), ok)
		}
	}
}
