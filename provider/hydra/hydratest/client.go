package hydratest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Client is a relying party, by the names of Hydra's admin API.
type Client struct {
	ID                     string          `json:"client_id"`
	Name                   string          `json:"client_name"`
	Secret                 string          `json:"client_secret,omitempty"`
	RedirectURIs           []string        `json:"redirect_uris"`
	PostLogoutRedirectURIs []string        `json:"post_logout_redirect_uris,omitempty"`
	Scope                  string          `json:"scope"`
	AuthMethod             string          `json:"token_endpoint_auth_method"` // none: it has no secret
	SkipConsent            bool            `json:"skip_consent"`
	Metadata               json.RawMessage `json:"metadata,omitempty"`
	CreatedAt              time.Time       `json:"created_at"`
	UpdatedAt              time.Time       `json:"updated_at"`
}

// isPublic reports whether the client cannot keep a secret.
func (c Client) isPublic() bool { return c.AuthMethod == "none" }

// shown is the client without its secret.
func (c Client) shown() Client {
	c.Secret = ""
	return c
}

// SetClient registers a client, or changes it. Times are the clock's.
func (h *Hydra) SetClient(c Client) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.CreatedAt, c.UpdatedAt = h.config.Now(), h.config.Now()
	if old, ok := h.clients[c.ID]; ok {
		c.CreatedAt = old.CreatedAt
	}
	if c.AuthMethod == "" {
		c.AuthMethod = "client_secret_basic"
	}
	h.clients[c.ID] = c
}

// DeleteClient removes a client, and what its users have allowed it.
func (h *Hydra) DeleteClient(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.clients, id)
	h.consents = slices.DeleteFunc(h.consents, func(c consent) bool { return c.flow.Client.ID == id })
}

func (h *Hydra) readClient(w http.ResponseWriter, r *http.Request) {
	c, ok := h.clients[r.PathValue("id")]
	if !ok {
		refuse(w, http.StatusNotFound, "Not Found", "Unable to locate the requested resource")
		return
	}
	answer(w, http.StatusOK, c.shown())
}

// authenticate returns the client of a call of the token endpoint.
func (h *Hydra) authenticate(w http.ResponseWriter, r *http.Request) (Client, bool) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	c, ok := h.clients[id]
	if !ok || !c.isPublic() && c.Secret != secret {
		refuse(w, http.StatusUnauthorized, "invalid_client", "Client authentication failed.")
		return Client{}, false
	}
	return c, true
}

// permits reports whether the client may ask for all of the scopes.
func (c Client) permits(scopes []string) bool {
	allowed := strings.Fields(c.Scope)
	return !slices.ContainsFunc(scopes, func(s string) bool { return !slices.Contains(allowed, s) })
}
