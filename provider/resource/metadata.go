package resource

import (
	"encoding/json"
	"net/http"
	"net/url"
)

// wellKnown is where the metadata of an API is, before the path that the API has (RFC 9728 section 3).
const wellKnown = "/.well-known/oauth-protected-resource"

// metadata is what clients can learn of the API before they have a token (RFC 9728 section 2).
type metadata struct {
	Resource string   `json:"resource"`
	Servers  []string `json:"authorization_servers"`
	Name     string   `json:"resource_name,omitempty"`
	Scopes   []string `json:"scopes_supported,omitempty"`
	Methods  []string `json:"bearer_methods_supported"`
}

// Metadata returns a handler of the API's metadata (RFC 9728), which tell a client where to get a token and for what, and
// the pattern for it: mux.Handle(guard.Metadata()). It must be reachable without a token, at the host of Config.Resource;
// each challenge of Require names its address. Without Config.Resource and Config.Issuer there are none, which is 404.
func (g *Guard) Metadata() (pattern string, h http.Handler) {
	if g.about == nil {
		return wellKnown, http.NotFoundHandler()
	}
	pattern = g.aboutPath
	if pattern[len(pattern)-1] == '/' { // nothing below it
		pattern += "{$}"
	}
	return pattern, http.HandlerFunc(g.tell)
}

// tell answers scripts of any origin: there is nothing to hide.
func (g *Guard) tell(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "public, max-age=300")
		w.Write(g.about) // the client may have gone
	case http.MethodOptions:
		h.Set("Access-Control-Allow-Methods", "GET")
		h.Set("Access-Control-Allow-Headers", "*")
		w.WriteHeader(http.StatusNoContent)
	default:
		h.Set("Allow", "GET, HEAD, OPTIONS")
		http.Error(w, "the metadata can be read only", http.StatusMethodNotAllowed)
	}
}

// describe makes the metadata, of a Config that was checked.
func (g *Guard) describe(c Config) error {
	if c.Resource == "" || c.Issuer == "" {
		return nil
	}
	u, err := url.Parse(c.Resource)
	if err != nil {
		return err
	}
	path := u.EscapedPath()
	if path == "/" {
		path = ""
	}
	g.aboutPath = wellKnown + path
	g.aboutURL = u.Scheme + "://" + u.Host + g.aboutPath
	g.about, err = json.Marshal(metadata{c.Resource, []string{c.Issuer}, c.Name, c.Scopes, []string{"header"}})
	return err
}
