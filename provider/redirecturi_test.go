package provider_test

import (
	"net/url"
	"strings"
	"testing"

	"vestibule/provider"
)

// register says what is wrong with a redirect URI.
func register(uri string, public bool) error {
	c := provider.Client{ID: "shop", SecretHash: "sha256:x", RedirectURIs: []string{uri}, Public: public}
	if public {
		c.SecretHash = ""
	}
	return provider.CheckClient(c)
}

func TestRedirectURIThatCanNeverMatch(t *testing.T) {
	for uri, want := range map[string]string{
		"https://*.example.com/cb":           "wildcard",
		"https://shop.example/*":             "wildcard",
		"https://shop.example:65536/cb":      "from 1 to 65535",
		"https://shop.example:99999/cb":      "from 1 to 65535",
		"https://shop.example:0/cb":          "from 1 to 65535",
		"https://shop.example:0443/cb":       "write the port as 443",
		"https://shop.example:443/cb":        "leave out the port 443",
		"http://127.0.0.1:80/cb":             "leave out the port 80",
		"https://shop.example:/cb":           "leave the colon out",
		"https://shop.example:abc/cb":        "not a URI",
		"HTTPS://shop.example/cb":            "write the scheme in lower case: https",
		"Https://shop.example/cb":            "write the scheme in lower case: https",
		"https://Shop.Example/cb":            "write the host in lower case: shop.example",
		"http://LOCALHOST/cb":                "write the host in lower case: localhost",
		"https://shop.example/a/../cb":       "the segments . and ..",
		"https://shop.example/./cb":          "the segments . and ..",
		"https://shop.example/a/..":          "the segments . and ..",
		"https://shop.example/a/%2e%2e/cb":   "write . instead of %2e",
		"https://shop.example/%63b":          "write c instead of %63",
		"https://shop.example/cb?a=%7e":      "write ~ instead of %7e",
		"https://shop.example/cb?a=%zz":      "written as %25",
		"https://shop.example/cb?a=%2":       "written as %25",
		"https://shop.example/cb%":           "not a URI",
		"https://shop.example/cb?a=1;code=2": "with & between",
		"https://shop.example/cb?a='b'":      "write %27",
		"https://xn--a/cb":                   "is no host name",
		"https://shop.example/{id}":          "encode other characters",
		"https://shop.example/a|b":           "encode other characters",
		"https://shop.example/<b>":           "encode other characters",
		"https://shop.example/caf\u00e9":     "ASCII",
		"https://caf\u00e9.example/cb":       "ASCII",
		"https://shop..example/cb":           "is no host name",
		"https://-shop.example/cb":           "is no host name",
		"https://shop,example/cb":            "is no host name",
		"https://127.1/cb":                   "is no address",
		"https://0x7f.0.0.1/cb":              "is no address",
		"https://2130706433/cb":              "is no address",
		"https://127.0.0.01/cb":              "is no address",
		"https://[2001:DB8::1]/cb":           "lower case",
		"https://[2001:db8:0:0::1]/cb":       "write the address as 2001:db8::1",
		"https://[::ffff:192.0.2.1]/cb":      "write the address as 192.0.2.1",
		"http://[0:0:0:0:0:0:0:1]/cb":        "write the address as ::1",
		"https:shop.example/cb":              "must be https",
		"https:/shop.example/cb":             "must be https",
		"//shop.example/cb":                  "must be https",
		"/cb":                                "must be https",
		"":                                   "must be https",
	} {
		if err := register(uri, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", uri, err, want)
		}
	}
	for uri, want := range map[string]string{
		"Com.Example.app:/cb": "write the scheme in lower case: com.example.app", "com.example.app:/a/../cb": "the segments . and ..",
		"com.example.app:/*": "wildcard", "com.example.app:/%63b": "write c instead of %63",
	} {
		if err := register(uri, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", uri, err, want)
		}
	}
}

// Whatever can be registered is matched by a request that sends it, and answered at that very address.
func TestRedirectURIThatMatches(t *testing.T) {
	o := newOP(t)
	for _, uri := range []string{
		"https://shop.example", "https://shop.example/", "https://shop.example:8443/cb", "https://shop.example/cb?", "https://shop.example/cb?a=b&c=d%20e",
		"https://shop.example/a%20b/%C3%A9", "https://shop.example/c3/%c3%a9", "https://my_shop.example/cb", "https://xn--caf-dma.example/cb", "https://192.0.2.1/cb",
		"https://[2001:db8::1]:8443/cb", "https://shop.example/a/.../b", "https://shop.example/a//b", "https://shop.example/.well-known/cb", "https://shop.example/cb;v=1",
		"http://localhost:3000/cb", "http://127.0.0.1/cb", "http://[::1]:1/cb",
	} {
		if err := register(uri, false); err != nil {
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
	for port, ok := range map[string]bool{"": true, ":1": true, ":65535": true, ":0": false, ":65536": false, ":080": false, ":": false, ":80": false} {
		v := request("client_id", "app", "scope", "openid", "redirect_uri", "http://127.0.0.1"+port+"/cb")
		if r := o.authorize(v); (r.Header.Get("Location") != "") != ok {
			t.Errorf("port %q: %d to %q, want it taken: %v", port, r.StatusCode, r.Header.Get("Location"), ok)
		}
	}
}
