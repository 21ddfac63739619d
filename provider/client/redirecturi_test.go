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
