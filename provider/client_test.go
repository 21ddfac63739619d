package provider_test

import (
	"strings"
	"testing"

	"vestibule/provider"
	"vestibule/provider/account"
)

func TestCheckClient(t *testing.T) {
	good := provider.Client{ID: "shop", Name: "Shop", SecretHash: "sha256:x", RedirectURIs: []string{"https://shop.example/cb"}, Scopes: []string{"openid", "orders:write"}}
	for _, tt := range []struct {
		name   string
		change func(c *provider.Client)
		want   string // part of the fault; empty: none
	}{
		{"good", func(c *provider.Client) {}, ""},
		{"no id", func(c *provider.Client) { c.ID = "" }, "client id"},
		{"id with a space", func(c *provider.Client) { c.ID = "a b" }, "client id"},
		{"name that turns the text round", func(c *provider.Client) { c.Name = "a\u202eb" }, "name"},
		{"no secret", func(c *provider.Client) { c.SecretHash = "" }, "secret"},
		{"public with a secret", func(c *provider.Client) { c.Public = true }, "secret"},
		{"no redirect URI", func(c *provider.Client) { c.RedirectURIs = nil }, "at least one"},
		{"http", func(c *provider.Client) { c.RedirectURIs = []string{"http://shop.example/cb"} }, "must be https"},
		{"http on loopback", func(c *provider.Client) {
			c.RedirectURIs = []string{"http://127.0.0.1:8080/cb", "http://localhost/cb", "http://[::1]/cb"}
		}, ""},
		{"fragment", func(c *provider.Client) { c.RedirectURIs = []string{"https://shop.example/cb#x"} }, "fragment"},
		{"empty fragment", func(c *provider.Client) { c.RedirectURIs = []string{"https://shop.example/cb#"} }, "fragment"},
		{"user name", func(c *provider.Client) { c.RedirectURIs = []string{"https://a@shop.example/cb"} }, "user name"},
		{"parameter of the answer", func(c *provider.Client) { c.RedirectURIs = []string{"https://shop.example/cb?code=x"} }, "parameter"},
		{"script", func(c *provider.Client) { c.RedirectURIs = []string{"javascript:alert(1)"} }, "private scheme in reverse"},
		{"data", func(c *provider.Client) { c.RedirectURIs = []string{"data:text/html,x"} }, "private scheme in reverse"},
		{"no host", func(c *provider.Client) { c.RedirectURIs = []string{"https:///cb"} }, "private scheme in reverse"},
		{"space", func(c *provider.Client) { c.RedirectURIs = []string{"https://shop.example/c b"} }, "ASCII"},
		{"private scheme of a confidential client", func(c *provider.Client) { c.RedirectURIs = []string{"com.example.app:/cb"} }, "public clients only"},
		{"private scheme", func(c *provider.Client) {
			c.Public, c.SecretHash, c.RedirectURIs = true, "", []string{"com.example.app:/cb"}
		}, ""},
		{"scope in capitals", func(c *provider.Client) { c.Scopes = []string{"OpenID"} }, "scope"},
		{"names of levels", func(c *provider.Client) { c.ACRNames = map[string][]string{"aal1": {"2"}, "aal2": {"gold"}} }, ""},
		{"name of two levels", func(c *provider.Client) { c.ACRNames = map[string][]string{"aal1": {"x"}, "aal2": {"x"}} }, "stands for aal1 already"},
		{"resource server", func(c *provider.Client) { c.ResourceServer, c.RedirectURIs, c.Scopes = true, nil, nil }, ""},
		{"resource server that signs users in", func(c *provider.Client) { c.ResourceServer = true }, "no redirect URIs"},
		{"resource server with two steps", func(c *provider.Client) {
			c.ResourceServer, c.RedirectURIs, c.Scopes, c.TwoSteps = true, nil, nil, true
		}, "signs nobody in"},
		{"public resource server", func(c *provider.Client) {
			c.ResourceServer, c.RedirectURIs, c.Scopes, c.Public, c.SecretHash = true, nil, nil, true, ""
		}, "cannot be public"},
		{"algorithm none", func(c *provider.Client) { c.IDTokenAlg = "none" }, "RS256 or ES256"},
	} {
		c := good
		tt.change(&c)
		err := provider.CheckClient(c)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestHashClientSecret(t *testing.T) {
	secret, made := provider.NewClientSecret()
	if again, err := provider.HashClientSecret(t.Context(), cheap(), secret); err != nil || again != made || len(secret) < 43 {
		t.Errorf("a secret of full length has the hash %q, %v, want %q", again, err, made)
	}
	if slow, err := provider.HashClientSecret(t.Context(), cheap(), "sixteen letters!"); err != nil || !strings.HasPrefix(slow, "$argon2id$") {
		t.Errorf("a short secret has the hash %q, %v, want a slow one", slow, err)
	}
	if _, err := provider.HashClientSecret(t.Context(), cheap(), "short"); err == nil {
		t.Error("a very short secret was taken")
	}
}

// cheap is a Hasher that tests can wait for.
func cheap() *account.Hasher { return &account.Hasher{Memory: 64, Passes: 1} }
