package provider

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"vestibule/provider/claims"
	"vestibule/provider/client"
	"vestibule/provider/keyset"
)

// Mux is what takes a handler for a pattern, as http.ServeMux does.
type Mux interface {
	Handle(pattern string, h http.Handler)
}

// Register adds the protocol endpoints to mux, below the path of the issuer, and what says where they are: there for
// OpenID Connect Discovery 1.0 section 4, at the root of the host for RFC 8414 sections 3 and 5. It claims no other
// address, and each by its methods, so that a mux may have patterns as general as GET / beside them. ui has the
// pages of the authorization endpoint.
func (p *Provider) Register(mux Mux, ui UI) error {
	p.ui = ui
	metadata, err := document(p.metadata())
	if err != nil {
		return err
	}
	// No page of another site may read the answers of the endpoints that browsers are sent to, and of introspection; the
	// rest is for any.
	all := addresses{}
	at, root := place{mux, p.path, "", all}, place{mux, "", p.path, all}
	at.handle("GET", "/authorize", p.authorize)
	at.handle("POST", "/authorize", p.bounce("/authorize", p.refuseMalformed))
	at.handle("GET", "/end-session", p.getEndSession)
	at.handle("POST", "/end-session", p.postEndSession)
	at.handle("POST", "/introspect", p.introspect)
	at.open("GET", "/.well-known/openid-configuration", metadata)
	root.open("GET", "/.well-known/oauth-authorization-server", metadata)
	at.open("GET", "/jwks", func(w http.ResponseWriter, _ *http.Request) { writeDocument(w, p.keys.Document()) })
	at.open("POST", "/par", p.par)
	at.open("POST", "/token", p.token)
	at.open("POST", "/revoke", p.revoke)
	at.open("GET", "/userinfo", p.userinfo)
	at.open("POST", "/userinfo", p.userinfo)
	at.preflight("/.well-known/openid-configuration", "/jwks", "/par", "/token", "/revoke", "/userinfo")
	if p.devices {
		at.open("POST", "/device_authorization", p.deviceAuthorization)
		at.preflight("/device_authorization")
	}
	root.preflight("/.well-known/oauth-authorization-server")
	if p.registration != nil {
		at.open("POST", "/register", p.registering(p.registration.Create))
		at.open("GET", "/register/{id}", p.registering(p.registration.Read))
		at.open("PUT", "/register/{id}", p.registering(p.registration.Update))
		at.open("DELETE", "/register/{id}", p.registering(p.registration.Delete))
		at.preflight("/register", "/register/{id}")
	}
	if p.path != "" {
		root.open("GET", "/.well-known/openid-configuration", metadata)
		root.preflight("/.well-known/openid-configuration")
	}
	all.refuseOthers(mux)
	return nil
}

// addresses are those that are served, each with its methods.
type addresses map[string][]string

// refuseOthers answers the other methods that clients use at these addresses: what is more general in the mux would say that
// there is nothing. A browser is sent to an address by GET; there HEAD, which only looks, must not do what GET does.
func (a addresses) refuseOthers(mux Mux) {
	for address, served := range a {
		toScripts := slices.Contains(served, http.MethodOptions)
		if slices.Contains(served, http.MethodGet) && toScripts {
			served = append(served, http.MethodHead)
		}
		refuse := refuseMethod(strings.Join(slices.Sorted(slices.Values(served)), ", "))
		if toScripts {
			refuse = toAnyOrigin(refuse)
		}
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
			if !slices.Contains(served, method) {
				mux.Handle(method+" "+address, refuse)
			}
		}
	}
}

// refuseMethod answers a method that an address has not (RFC 9110 section 15.5.6).
func refuseMethod(allow string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Allow", allow)
		writeJSON(w, http.StatusMethodNotAllowed, map[string]string{
			"error": "invalid_request", "error_description": "The method " + r.Method + " is not allowed here, only " + allow + ".",
		})
	}
}

// place is where in a mux the path of the issuer stands, before all paths or behind them.
type place struct {
	mux            Mux
	before, behind string
	all            addresses
}

func (p place) handle(method, path string, h http.HandlerFunc) {
	address := p.before + path + p.behind
	p.all[address] = append(p.all[address], method)
	p.mux.Handle(method+" "+address, h)
}

// open adds an endpoint that scripts of any origin may call: it takes no cookie.
func (p place) open(method, path string, h http.HandlerFunc) {
	p.handle(method, path, toAnyOrigin(h))
}

func toAnyOrigin(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate, DPoP-Nonce, Retry-After")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		h(w, r)
	}
}

// preflight lets a browser ask before a cross-origin request to these.
func (p place) preflight(paths ...string) {
	for _, path := range paths {
		p.handle(http.MethodOptions, path, preflight)
	}
}

// preflight answers a browser that asks before a cross-origin request.
func preflight(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP")
	h.Set("Access-Control-Max-Age", "600")
	w.WriteHeader(http.StatusNoContent)
}

// Registration answers clients that register themselves, and manage that (RFC 7591, RFC 7592): *registration.Endpoint does. An
// error is a fault of ours that nobody has been told of.
type Registration interface {
	Create(w http.ResponseWriter, r *http.Request) error
	Read(w http.ResponseWriter, r *http.Request) error
	Update(w http.ResponseWriter, r *http.Request) error
	Delete(w http.ResponseWriter, r *http.Request) error
}

// registering is an endpoint of the registration. A client that has changed itself is read anew.
func (p *Provider) registering(answer func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := answer(w, r)
		p.clients.Forget(r.PathValue("id"))
		if err != nil {
			p.answerFault(r.Context(), w, r, err)
		}
	}
}

// protocolClaims are those of each idToken.
var protocolClaims = []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "jti", "at_hash"}

// metadata is the discovery document (OpenID Connect Discovery 1.0 section 3, RFC 8414, RFC 9207).
func (p *Provider) metadata() map[string]any {
	metadata := map[string]any{
		"issuer":                                                   p.issuer,
		"authorization_endpoint":                                   p.issuer + "/authorize",
		"token_endpoint":                                           p.issuer + "/token",
		"pushed_authorization_request_endpoint":                    p.issuer + "/par",
		"require_pushed_authorization_requests":                    p.requirePushed,
		"userinfo_endpoint":                                        p.issuer + "/userinfo",
		"end_session_endpoint":                                     p.issuer + "/end-session",
		"introspection_endpoint":                                   p.issuer + "/introspect",
		"introspection_endpoint_auth_methods_supported":            slices.DeleteFunc(p.authMethods(), func(method string) bool { return method == client.AuthNone }),
		"introspection_endpoint_auth_signing_alg_values_supported": keyset.Algorithms,
		"revocation_endpoint":                                      p.issuer + "/revoke",
		"revocation_endpoint_auth_methods_supported":               p.authMethods(),
		"revocation_endpoint_auth_signing_alg_values_supported":    keyset.Algorithms,
		"jwks_uri":                                         p.issuer + "/jwks",
		"scopes_supported":                                 slices.Concat([]string{client.ScopeOpenID}, claims.Scopes(), []string{client.ScopeOffline}),
		"response_types_supported":                         client.ResponseTypes,
		"response_modes_supported":                         responseModes,
		"authorization_signing_alg_values_supported":       client.Algorithms,
		"grant_types_supported":                            p.grantTypes(),
		"subject_types_supported":                          client.SubjectTypes,
		"id_token_signing_alg_values_supported":            client.Algorithms,
		"userinfo_signing_alg_values_supported":            client.Algorithms,
		"introspection_signing_alg_values_supported":       client.Algorithms,
		"token_endpoint_auth_methods_supported":            p.authMethods(),
		"token_endpoint_auth_signing_alg_values_supported": keyset.Algorithms,
		"code_challenge_methods_supported":                 []string{"S256"},
		"dpop_signing_alg_values_supported":                p.proofs.Supported(),
		"acr_values_supported":                             p.levels.Supported(),
		"prompt_values_supported":                          []string{"none", "login", "consent", "select_account"},
		"claims_supported":                                 slices.Concat(protocolClaims, claims.Names()),
		"claims_parameter_supported":                       true,
		"request_parameter_supported":                      true,
		"request_uri_parameter_supported":                  true,
		"require_request_uri_registration":                 true,
		"request_object_signing_alg_values_supported":      append(slices.Clone(keyset.Algorithms), keyset.None),
		"authorization_response_iss_parameter_supported":   true,
		"backchannel_logout_supported":                     p.backChannel,
		"backchannel_logout_session_supported":             p.backChannel,
		"frontchannel_logout_supported":                    p.frontChannel,
		"frontchannel_logout_session_supported":            p.frontChannel,
	}
	if p.devices {
		metadata["device_authorization_endpoint"] = p.issuer + "/device_authorization"
	}
	if p.registration != nil {
		metadata["registration_endpoint"] = p.issuer + "/register"
	}
	if p.published != nil {
		metadata["client_id_metadata_document_supported"] = true
	}
	if len(p.locales) > 0 {
		metadata["ui_locales_supported"] = p.locales
	}
	maps.Copy(metadata, p.mutualTLSMetadata())
	return metadata
}

// grantTypes are those that can come to anything here.
func (p *Provider) grantTypes() []string {
	return slices.DeleteFunc(slices.Clone(client.GrantTypes), func(kind string) bool { return kind == client.GrantDevice && !p.devices })
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
