package client_test

import (
	"strings"
	"testing"

	"vestibule/provider/client"
)

// register says what is wrong with a redirect URI.
func register(uri string, public bool) error {
	c := client.Client{ID: "shop", SecretHash: "sha256:x", RedirectURIs: []string{uri}, Public: public}
	if public {
		c.SecretHash = ""
	}
	return client.Check(c)
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

// TestPrivateSchemes takes what apps have and refuses what browsers have, whatever is put behind its name.
func TestPrivateSchemes(t *testing.T) {
	for _, uri := range []string{"com.example.app:/cb", "vscode://ana.extension/cb", "cursor://anysphere.cursor-retrieval/oauth/cb", "myapp:/cb", "web+shop:/cb", "msauth.com.example.app://auth"} {
		if err := register(uri, true); err != nil {
			t.Errorf("%q: %v", uri, err)
		}
		if err := register(uri, false); err == nil || !strings.Contains(err.Error(), "public clients only") {
			t.Errorf("%q of a confidential client: %v", uri, err)
		}
	}
	for _, uri := range []string{
		"javascript:alert(1)", "javascript.x:alert(1)", "javascript.x://shop/%0aalert(1)", "javascript+x:/cb", "data:text/html,x", "data.x:/cb", "vbscript:x", "blob:https://shop.example/x",
		"file:///etc/passwd", "view-source:https://shop.example/", "intent://shop/#Intent;end", "about:blank", "ws://shop.example/cb", "ftp://shop.example/cb",
		"mailto:ana@example.com", "urn:ietf:wg:oauth:2.0:oob",
	} {
		want := "browser would run or open"
		if strings.Contains(uri, "#") {
			want = "fragment"
		}
		if err := register(uri, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", uri, err, want)
		}
	}
}

// TestPortOfALoopbackAddress lets a native app take the port that is free, by an address or by name.
func TestPortOfALoopbackAddress(t *testing.T) {
	uris := []string{"http://127.0.0.1/cb", "http://localhost/cb", "http://[::1]:1/cb"}
	for _, public := range []bool{true, false} {
		c := client.Client{ID: "app", Public: public, RedirectURIs: uris, PostLogoutRedirectURIs: uris}
		for uri, want := range map[string]bool{
			"http://127.0.0.1:49152/cb": true, "http://[::1]:49152/cb": true, "http://localhost:49152/cb": public, "http://localhost/cb": true,
			"http://localhost:0/cb": false, "http://localhost:70000/cb": false, "http://localhost:49152/other": false, "https://localhost:49152/cb": false,
			"http://localhost.example:49152/cb": false, "http://ana@localhost:49152/cb": false, "http://127.0.0.2:49152/cb": false,
		} {
			if c.Allows(uri) != want || c.AllowsAfterLogout(uri) != want {
				t.Errorf("public %v: %s is allowed: %v, %v; want %v", public, uri, c.Allows(uri), c.AllowsAfterLogout(uri), want)
			}
		}
	}
}
