package provider

import (
	"encoding/json"
	"fmt"
	"net/http"

	"vestibule/provider/client"
)

// Mux is what takes a handler for a pattern, as http.ServeMux does.
type Mux interface {
	Handle(pattern string, h http.Handler)
}

// Register adds the protocol endpoints to mux, below the path of the issuer, and what says where they are: there for
// OpenID Connect Discovery 1.0 section 4, at the root of the host for RFC 8414 sections 3 and 5. It claims no other
// address, and each for its methods only, so that a mux may have patterns as general as GET / beside them. ui has the
// pages of the authorization endpoint.
func (p *Provider) Register(mux Mux, ui UI) error {
	metadata, err := document(p.metadata())
	if err != nil {
		return err
	}
	// No page of another site may read the answers of the authorization and introspection endpoints; the rest is for any.
	mux.Handle("GET "+p.path+"/authorize", p.authorize(ui))
	mux.Handle("POST "+p.path+"/authorize", p.bounce(ui))
	mux.Handle("POST "+p.path+"/introspect", http.HandlerFunc(p.introspect))
	jwks := func(w http.ResponseWriter, _ *http.Request) { writeDocument(w, p.keys.Document()) }
	open(mux, p.path+"/jwks", methods{"GET": jwks})
	open(mux, p.path+"/token", methods{"POST": p.token})
	open(mux, p.path+"/userinfo", methods{"GET": p.userinfo, "POST": p.userinfo})
	open(mux, p.path+"/.well-known/openid-configuration", methods{"GET": metadata})
	open(mux, "/.well-known/oauth-authorization-server"+p.path, methods{"GET": metadata})
	if p.path != "" {
		open(mux, "/.well-known/openid-configuration"+p.path, methods{"GET": metadata})
	}
	return nil
}

// methods are what answers at an address, by the method of the request.
type methods map[string]http.HandlerFunc

// open adds an endpoint that scripts of any origin may call: it takes no cookie.
func open(mux Mux, path string, answers methods) {
	for method, answer := range answers {
		mux.Handle(method+" "+path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "*")
			w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate")
			w.Header().Set("X-Content-Type-Options", "nosniff")
			answer(w, r)
		}))
	}
	mux.Handle("OPTIONS "+path, http.HandlerFunc(preflight))
}

// preflight answers a browser that asks before a cross-origin request.
func preflight(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, POST")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// metadata is the discovery document (OpenID Connect Discovery 1.0 section 3, RFC 8414, RFC 9207).
func (p *Provider) metadata() map[string]any {
	metadata := map[string]any{
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
		"acr_values_supported":                           p.levels.Supported(),
		"prompt_values_supported":                        []string{"none", "login", "consent", "select_account"},
		"claims_supported":                               []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "at_hash", "name", "preferred_username", "updated_at", "email", "email_verified"},
		"claims_parameter_supported":                     true,
		"request_parameter_supported":                    false,
		"request_uri_parameter_supported":                false,
		"authorization_response_iss_parameter_supported": true,
	}
	if len(p.locales) > 0 {
		metadata["ui_locales_supported"] = p.locales
	}
	return metadata
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
