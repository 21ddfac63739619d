package client_test

import (
	"strings"
	"testing"

	"vestibule/provider/account"
	"vestibule/provider/client"
)

func TestCheck(t *testing.T) {
	good := client.Client{ID: "shop", Name: "Shop", SecretHash: "sha256:x", RedirectURIs: []string{"https://shop.example/cb"}, Scopes: []string{"openid", "orders:write"}}
	for _, tt := range []struct {
		name   string
		change func(c *client.Client)
		want   string // part of the fault; empty: none
	}{
		{"good", func(c *client.Client) {}, ""},
		{"no id", func(c *client.Client) { c.ID = "" }, "client id"},
		{"id with a space", func(c *client.Client) { c.ID = "a b" }, "client id"},
		{"name that turns the text round", func(c *client.Client) { c.Name = "a\u202eb" }, "name"},
		{"no secret", func(c *client.Client) { c.SecretHash = "" }, "secret"},
		{"public with a secret", func(c *client.Client) { c.Public = true }, "secret"},
		{"no redirect URI", func(c *client.Client) { c.RedirectURIs = nil }, "at least one"},
		{"http", func(c *client.Client) { c.RedirectURIs = []string{"http://shop.example/cb"} }, "must be https"},
		{"http on loopback", func(c *client.Client) {
			c.RedirectURIs = []string{"http://127.0.0.1:8080/cb", "http://localhost/cb", "http://[::1]/cb"}
		}, ""},
		{"a web site on loopback", func(c *client.Client) {
			c.ApplicationType, c.RedirectURIs = client.TypeWeb, []string{"http://127.0.0.1:8080/cb"}
		}, "without TLS is for the application type native"},
		{"a web site on loopback with TLS", func(c *client.Client) {
			c.ApplicationType, c.RedirectURIs = client.TypeWeb, []string{"https://localhost:8443/cb"}
		}, ""},
		{"the same, answered without a code", func(c *client.Client) {
			c.ApplicationType, c.RedirectURIs, c.ResponseTypes = client.TypeWeb, []string{"https://localhost:8443/cb"}, []string{client.ResponseIDToken}
		}, "answers with a code alone"},
		{"fragment", func(c *client.Client) { c.RedirectURIs = []string{"https://shop.example/cb#x"} }, "fragment"},
		{"empty fragment", func(c *client.Client) { c.RedirectURIs = []string{"https://shop.example/cb#"} }, "fragment"},
		{"user name", func(c *client.Client) { c.RedirectURIs = []string{"https://a@shop.example/cb"} }, "user name"},
		{"parameter of the answer", func(c *client.Client) { c.RedirectURIs = []string{"https://shop.example/cb?code=x"} }, "parameter"},
		{"script", func(c *client.Client) { c.RedirectURIs = []string{"javascript:alert(1)"} }, "what a browser would run"},
		{"data", func(c *client.Client) { c.RedirectURIs = []string{"data:text/html,x"} }, "what a browser would run"},
		{"no host", func(c *client.Client) { c.RedirectURIs = []string{"https:///cb"} }, "must be https"},
		{"space", func(c *client.Client) { c.RedirectURIs = []string{"https://shop.example/c b"} }, "ASCII"},
		{"private scheme of a confidential client", func(c *client.Client) { c.RedirectURIs = []string{"com.example.app:/cb"} }, "public clients only"},
		{"private scheme", func(c *client.Client) {
			c.Public, c.SecretHash, c.RedirectURIs = true, "", []string{"com.example.app:/cb"}
		}, ""},
		{"scope in capitals", func(c *client.Client) { c.Scopes = []string{"OpenID"} }, "scope"},
		{"response types", func(c *client.Client) { c.ResponseTypes = []string{"code", "id_token"} }, ""},
		{"access token in an address", func(c *client.Client) { c.ResponseTypes = []string{"token"} }, "must be code or id_token"},
		{"hybrid", func(c *client.Client) { c.ResponseTypes = []string{"code id_token"} }, "must be code or id_token"},
		{"names of levels", func(c *client.Client) { c.ACRNames = map[string][]string{"aal1": {"2"}, "aal2": {"gold"}} }, ""},
		{"name of two levels", func(c *client.Client) { c.ACRNames = map[string][]string{"aal1": {"x"}, "aal2": {"x"}} }, "stands for aal1 already"},
		{"resource server", func(c *client.Client) {
			c.ResourceServer, c.RedirectURIs, c.Scopes, c.ResourceURIs, c.ResourceScopes = true, nil, nil, []string{"https://api.example", "http://10.0.0.7/x?y", "urn:api", "api://1"}, []string{"read"}
		}, ""},
		{"known by a certificate", func(c *client.Client) {
			c.SecretHash, c.TokenEndpointAuthMethod, c.TLSSubjectDN, c.CertificateBound = "", "tls_client_auth", "CN=shop,O=Example", true
		}, ""},
		{"known by two things of a certificate", func(c *client.Client) {
			c.SecretHash, c.TokenEndpointAuthMethod, c.TLSSubjectDN, c.TLSDNS = "", "tls_client_auth", "CN=shop", "shop.example"
		}, "exactly one"},
		{"known by nothing of a certificate", func(c *client.Client) { c.SecretHash, c.TokenEndpointAuthMethod = "", "tls_client_auth" }, "exactly one"},
		{"a name of many certificates", func(c *client.Client) {
			c.SecretHash, c.TokenEndpointAuthMethod, c.TLSDNS = "", "tls_client_auth", "*.shop.example"
		}, "would be many clients"},
		{"certificate and secret", func(c *client.Client) { c.TokenEndpointAuthMethod, c.TLSIP = "tls_client_auth", "192.0.2.7" }, "has none"},
		{"subject without the method", func(c *client.Client) { c.TLSEmail = "ana@shop.example" }, "for clients that authenticate by tls_client_auth"},
		{"own certificate without keys", func(c *client.Client) { c.SecretHash, c.TokenEndpointAuthMethod = "", "self_signed_tls_client_auth" }, "needs its certificate"},
		{"bound to two things", func(c *client.Client) { c.BoundTokens, c.CertificateBound = true, true }, "not to both"},
		{"API whose tokens are bound to certificates", func(c *client.Client) {
			c.ResourceServer, c.RedirectURIs, c.Scopes, c.ResourceURIs, c.CertificateBound = true, nil, nil, []string{"https://api.example"}, true
		}, "gets no tokens"},
		{"resource server that no token is for", func(c *client.Client) { c.ResourceServer, c.RedirectURIs, c.Scopes = true, nil, nil }, "at least one resource URI"},
		{"client that acts for itself", func(c *client.Client) {
			c.GrantTypes, c.RedirectURIs, c.Scopes = []string{"client_credentials"}, nil, []string{"report"}
		}, ""},
		{"client that acts for itself, as a user", func(c *client.Client) {
			c.GrantTypes, c.RedirectURIs, c.Scopes = []string{"client_credentials"}, nil, []string{"report", "openid", "email"}
		}, "leave out the scopes openid, email"},
		{"redirect URI that is there twice", func(c *client.Client) { c.RedirectURIs = append(c.RedirectURIs, c.RedirectURIs[0]) }, "is there twice"},
		{"place after a sign-out that is there twice", func(c *client.Client) {
			c.PostLogoutRedirectURIs = []string{"https://shop.example/out", "https://shop.example/out"}
		}, `post-logout redirect URI "https://shop.example/out" is there twice`},
		{"client that acts for itself too", func(c *client.Client) { c.GrantTypes = []string{"client_credentials", "authorization_code"} }, ""},
		{"client that acts for itself too, and cannot send users back", func(c *client.Client) {
			c.GrantTypes, c.RedirectURIs = []string{"client_credentials", "authorization_code"}, nil
		}, "at least one redirect URI"},
		{"public client that acts for itself", func(c *client.Client) {
			c.Public, c.SecretHash, c.GrantTypes = true, "", []string{"client_credentials"}
		}, "cannot prove that it is itself"},
		{"format of access tokens", func(c *client.Client) { c.AccessTokenFormat = "jwt" }, ""},
		{"format of access tokens that is none", func(c *client.Client) { c.AccessTokenFormat = "JWT" }, "must be opaque or jwt"},
		{"resource without a scheme", func(c *client.Client) { c.Audiences = []string{"api.example"} }, `audience "api.example": it must be an absolute URI`},
		{"resource that is a path", func(c *client.Client) { c.Audiences = []string{"/api"} }, "must be an absolute URI"},
		{"resource that is a scheme", func(c *client.Client) { c.Audiences = []string{"https:"} }, "must be an absolute URI"},
		{"resource with a fragment", func(c *client.Client) { c.Audiences = []string{"https://api.example#x"} }, "must not have a fragment"},
		{"resource with an empty fragment", func(c *client.Client) { c.Audiences = []string{"https://api.example#"} }, "must not have a fragment"},
		{"resource with a user", func(c *client.Client) { c.Audiences = []string{"https://ana@api.example"} }, "must not have a user"},
		{"resource with a space", func(c *client.Client) { c.Audiences = []string{"https://api.example/a b"} }, "printable ASCII"},
		{"resource in another script", func(c *client.Client) { c.Audiences = []string{"https://api.example/ä"} }, "printable ASCII"},
		{"endless resource", func(c *client.Client) { c.Audiences = []string{"https://api.example/" + strings.Repeat("a", 1024)} }, "longer than 1024"},
		{"resource twice", func(c *client.Client) { c.Audiences = []string{"urn:a", "urn:a"} }, "is there twice"},
		{"resources", func(c *client.Client) { c.Audiences = []string{"urn:a", "urn:b"} }, ""},
		{"app with a resource", func(c *client.Client) { c.ResourceURIs = []string{"urn:a"} }, "are for a resource server"},
		{"app that serves scopes", func(c *client.Client) { c.ResourceScopes = []string{"read"} }, "are for a resource server"},
		{"resource server that uses another", func(c *client.Client) {
			c.ResourceServer, c.RedirectURIs, c.Scopes, c.ResourceURIs, c.Audiences = true, nil, nil, []string{"urn:a"}, []string{"urn:b"}
		}, "audiences are for other clients"},
		{"resource server that serves a scope in capitals", func(c *client.Client) {
			c.ResourceServer, c.RedirectURIs, c.Scopes, c.ResourceURIs, c.ResourceScopes = true, nil, nil, []string{"urn:a"}, []string{"READ"}
		}, `resource scope "READ"`},
		{"resource server that signs users in", func(c *client.Client) { c.ResourceServer = true }, "no redirect URIs"},
		{"resource server with two steps", func(c *client.Client) {
			c.ResourceServer, c.RedirectURIs, c.Scopes, c.TwoSteps = true, nil, nil, client.TwoStepsRequired
		}, "signs nobody in"},
		{"public resource server", func(c *client.Client) {
			c.ResourceServer, c.RedirectURIs, c.Scopes, c.Public, c.SecretHash = true, nil, nil, true, ""
		}, "cannot be public"},
		{"address after a sign-out", func(c *client.Client) {
			c.PostLogoutRedirectURIs = []string{"https://shop.example/out", "http://127.0.0.1/out"}
		}, ""},
		{"address after a sign-out that is none", func(c *client.Client) { c.PostLogoutRedirectURIs = []string{"http://shop.example/out"} }, `post-logout redirect URI "http://shop.example/out": must be https`},
		{"address after a sign-out in which the state is", func(c *client.Client) { c.PostLogoutRedirectURIs = []string{"https://shop.example/out?state=x"} }, "parameter"},
		{"resource server that signs users out", func(c *client.Client) {
			c.ResourceServer, c.RedirectURIs, c.Scopes, c.PostLogoutRedirectURIs = true, nil, nil, []string{"https://shop.example/out"}
		}, "signs nobody in"},
		{"claims in ID tokens", func(c *client.Client) {
			c.Scopes, c.IDTokenClaims = []string{"openid", "email", "groups"}, []string{"email", "groups"}
		}, ""},
		{"claims of no scope in ID tokens", func(c *client.Client) { c.IDTokenClaims = []string{"openid"} }, "profile, email, address, phone, groups, not of \"openid\""},
		{"claims in ID tokens that it cannot ask for", func(c *client.Client) { c.IDTokenClaims = []string{"phone"} }, "without the scope phone"},
		{"consent", func(c *client.Client) { c.Consent = client.ConsentNever }, ""},
		{"consent of no such kind", func(c *client.Client) { c.Consent = "sometimes" }, "ask, remember or never"},
		{"grant types", func(c *client.Client) { c.GrantTypes = []string{"authorization_code"} }, ""},
		{"grant type that is none", func(c *client.Client) { c.GrantTypes = []string{"authorization_code", "password"} }, `grant type "password" must be one of authorization_code`},
		{"codes that it cannot exchange", func(c *client.Client) { c.GrantTypes = []string{"refresh_token"} }, "needs the grant type authorization_code"},
		{"algorithm none", func(c *client.Client) { c.IDTokenAlg = "none" }, "RS256, ES256, PS256 or EdDSA"},
	} {
		c := good
		tt.change(&c)
		err := client.Check(c)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestHashSecret(t *testing.T) {
	secret, made := client.NewSecret()
	if again, err := client.HashSecret(t.Context(), cheap(), secret); err != nil || again != made || len(secret) < 43 {
		t.Errorf("a secret of full length has the hash %q, %v, want %q", again, err, made)
	}
	if slow, err := client.HashSecret(t.Context(), cheap(), "sixteen letters!"); err != nil || !strings.HasPrefix(slow, "$argon2id$") {
		t.Errorf("a short secret has the hash %q, %v, want a slow one", slow, err)
	}
	if _, err := client.HashSecret(t.Context(), cheap(), "short"); err == nil {
		t.Error("a very short secret was taken")
	}
}

// cheap is a Hasher that tests can wait for.
func cheap() *account.Hasher { return &account.Hasher{Memory: 64, Passes: 1} }
