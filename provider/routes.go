package provider

import "net/http"

// Register adds the protocol endpoints to mux. ui has the pages of the authorization endpoint.
func (p *Provider) Register(mux *http.ServeMux, ui UI) error {
	metadata, err := document(p.metadata())
	if err != nil {
		return err
	}
	// No page of another site may read the answers of the authorization and introspection endpoints; the rest is for any.
	mux.HandleFunc("GET /authorize", p.authorize(ui))
	mux.HandleFunc("POST /authorize", p.bounce(ui))
	mux.HandleFunc("POST /introspect", p.introspect)
	open(mux, "GET", "/.well-known/openid-configuration", metadata)
	open(mux, "GET", "/.well-known/oauth-authorization-server", metadata)
	open(mux, "GET", "/jwks", p.keys.jwks)
	open(mux, "POST", "/token", p.token)
	open(mux, "GET", "/userinfo", p.userinfo)
	open(mux, "POST", "/userinfo", p.userinfo)
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/jwks", "/token", "/userinfo"} {
		mux.HandleFunc("OPTIONS "+path, preflight)
	}
	return nil
}

// open adds an endpoint that scripts of any origin may call: it takes no cookie.
func open(mux *http.ServeMux, method, path string, h http.HandlerFunc) {
	mux.HandleFunc(method+" "+path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		h(w, r)
	})
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
