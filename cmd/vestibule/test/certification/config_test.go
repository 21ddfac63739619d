package certification

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"vestibule/cmd/vestibule/servertest"
)

// TestConfig is oidcc-config-certification-test-plan: the metadata are complete, and true of what stands behind them.
func TestConfig(t *testing.T) {
	t.Parallel()
	o := newOP(t, servertest.SQLite(t))
	t.Run("oidcc-discovery-endpoint-verification", func(t *testing.T) {
		answer := o.get(t, "/.well-known/openid-configuration")
		if answer.status != http.StatusOK || answer.header.Get("Content-Type") != "application/json" || o.metadata["issuer"] != o.site.Config.Issuer {
			t.Errorf("%d, %s, issuer %v", answer.status, answer.header.Get("Content-Type"), o.metadata["issuer"])
		}
		o.supports(t, "response_types_supported", "code")
		o.supports(t, "response_modes_supported", "query", "form_post")
		o.supports(t, "grant_types_supported", "authorization_code", "refresh_token")
		o.supports(t, "subject_types_supported", "public")
		o.supports(t, "id_token_signing_alg_values_supported", "RS256")
		o.supports(t, "request_object_signing_alg_values_supported", "RS256")
		o.supports(t, "token_endpoint_auth_methods_supported", "client_secret_basic", "client_secret_post", "private_key_jwt", "none")
		o.supports(t, "scopes_supported", "openid", "profile", "email", "address", "phone", "offline_access")
		o.supports(t, "claims_supported", "sub", "name", "email", "address", "phone_number")
		o.supports(t, "code_challenge_methods_supported", "S256")
		for _, name := range []string{"claims_parameter_supported", "request_parameter_supported", "request_uri_parameter_supported",
			"authorization_response_iss_parameter_supported"} {
			if o.metadata[name] != true {
				t.Errorf("%s is %v", name, o.metadata[name])
			}
		}
	})
	t.Run("endpoints", func(t *testing.T) {
		for name := range o.metadata {
			if address := o.endpoint(name); strings.HasSuffix(name, "_endpoint") || name == "jwks_uri" {
				if !strings.HasPrefix(address, o.site.Config.Issuer+"/") {
					t.Errorf("%s is at %s", name, address)
				}
				if status := o.stands(t, address); status == http.StatusNotFound {
					t.Errorf("%s: nothing is at %s", name, address)
				}
			}
		}
	})
	t.Run("keys", func(t *testing.T) {
		var keys jose.JSONWebKeySet
		if err := json.Unmarshal(o.get(t, o.path("jwks_uri")).body, &keys); err != nil {
			t.Fatal(err)
		}
		signs := map[string]bool{}
		for _, key := range keys.Keys {
			if !key.Valid() || !key.IsPublic() || key.KeyID == "" || key.Use != "sig" || signs[key.KeyID] {
				t.Errorf("the key %q is private, without a use or a name of its own", key.KeyID)
			}
			signs[key.KeyID], signs[key.Algorithm] = true, true
		}
		for _, algorithm := range o.lists("id_token_signing_alg_values_supported") {
			if !signs[algorithm] {
				t.Errorf("there is no key for %s", algorithm)
			}
		}
	})
}

// stands asks an address, by GET and by POST, and returns the better of the two.
func (o *op) stands(t *testing.T, address string) int {
	t.Helper()
	if got := o.get(t, strings.TrimPrefix(address, o.site.Config.Issuer)); got.status != http.StatusNotFound && got.status != http.StatusMethodNotAllowed {
		return got.status
	}
	response, err := http.PostForm(address, url.Values{})
	if err != nil {
		t.Fatal(err)
	}
	return readReply(t, response).status
}
