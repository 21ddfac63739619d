package provider

import (
	"encoding/json"
	"fmt"
	"net/http"

	"vestibule/provider/client"
)

// metadata is the discovery document (OpenID Connect Discovery 1.0 section 3, RFC 8414, RFC 9207).
func (p *Provider) metadata() map[string]any {
	return map[string]any{
		"issuer":                 p.issuer,
		"authorization_endpoint": p.issuer + "/authorize",
		"token_endpoint":         p.issuer + "/token",
		"userinfo_endpoint":      p.issuer + "/userinfo",
		"introspection_endpoint": p.issuer + "/introspect",
		"introspection_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
		"jwks_uri":                                       p.issuer + "/jwks",
		"scopes_supported":                               []string{client.ScopeOpenID, client.ScopeProfile, client.ScopeEmail, client.ScopeOffline},
		"response_types_supported":                       []string{"code"},
		"response_modes_supported":                       []string{"query"},
		"grant_types_supported":                          []string{"authorization_code", "refresh_token"},
		"subject_types_supported":                        []string{"public"},
		"id_token_signing_alg_values_supported":          []string{client.RS256, client.ES256},
		"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "none"},
		"code_challenge_methods_supported":               []string{"S256"},
		"acr_values_supported":                           p.levels.supported(),
		"prompt_values_supported":                        []string{"none", "login", "consent", "select_account"},
		"claims_supported":                               []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash", "name", "preferred_username", "updated_at", "email", "email_verified"},
		"claims_parameter_supported":                     true,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"authorization_response_iss_parameter_supported": true,
	}
}

// document serves JSON that does not change while the server runs.
func document(v any) (http.HandlerFunc, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("document: %w", err)
	}
	return func(w http.ResponseWriter, _ *http.Request) { writeDocument(w, data) }, nil
}

func writeDocument(w http.ResponseWriter, data []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	w.Write(data) // the client may have gone
}
