package hydratest

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// loginAccept is what a sign-in page says of who has signed in.
type loginAccept struct {
	Subject     string          `json:"subject"`
	Remember    bool            `json:"remember"`
	RememberFor int             `json:"remember_for"`
	ACR         string          `json:"acr"`
	AMR         []string        `json:"amr"`
	Context     json.RawMessage `json:"context"`
}

// refusal is why a page does not go on.
type refusal struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
	Hint        string `json:"error_hint"`
	Status      int    `json:"status_code"`
}

// details are the parameters of the request that Hydra shows by themselves.
func (h *Hydra) details(f flow) map[string]any {
	return map[string]any{
		"acr_values": strings.Fields(f.Query.Get("acr_values")), "ui_locales": strings.Fields(f.Query.Get("ui_locales")),
		"display": f.Query.Get("display"), "login_hint": f.Query.Get("login_hint"), "id_token_hint_claims": h.hinted(f.Query.Get("id_token_hint")),
	}
}

// shown is what login and consent requests have in common.
func (h *Hydra) shown(f flow, challenge string) map[string]any {
	return map[string]any{
		"challenge": challenge, "client": f.Client, "request_url": f.URL, "requested_scope": f.Scope, "requested_access_token_audience": f.Audience,
		"subject": f.Subject, "oidc_context": h.details(f),
	}
}

func (h *Hydra) readLogin(w http.ResponseWriter, r *http.Request) {
	t, name, ok := h.find(w, r, loginChallenge)
	if !ok || h.gone(w, t.flow.ID, t.flow.URL) {
		return
	}
	request := h.shown(t.flow, name)
	request["skip"], request["session_id"] = t.flow.Skip, t.flow.SID
	answer(w, http.StatusOK, request)
}

func (h *Hydra) acceptLogin(w http.ResponseWriter, r *http.Request) {
	var body loginAccept
	t, _, ok := h.find(w, r, loginChallenge)
	if !ok || h.gone(w, t.flow.ID, t.flow.URL) || !read(w, r, &body) {
		return
	}
	f := t.flow
	switch {
	case body.Subject == "":
		refuse(w, http.StatusBadRequest, "invalid_request", "Field 'subject' must not be empty.")
		return
	case f.Subject != "" && f.Subject != body.Subject:
		redirectTo(w, f.URL, "prompt", "login")
		return
	}
	if f.Skip {
		body.Remember = true
	} else {
		f.At = h.config.Now().UTC().Truncate(time.Second)
	}
	f.Subject, f.Login = body.Subject, body
	redirectTo(w, f.URL, "login_verifier", h.issue(ticket{kind: loginVerifier, flow: f, made: t.made}))
}

func (h *Hydra) rejectLogin(w http.ResponseWriter, r *http.Request) {
	t, _, ok := h.find(w, r, loginChallenge)
	if ok && !h.gone(w, t.flow.ID, t.flow.URL) {
		h.reject(w, r, t, loginVerifier)
	}
}

// reject lets the client hear what the page says.
func (h *Hydra) reject(w http.ResponseWriter, r *http.Request, t ticket, kind string) {
	body := &refusal{}
	if !read(w, r, body) {
		return
	}
	if body.Code == "" {
		body.Code = "request_denied"
	}
	t.kind, t.flow.Refusal = kind, body
	redirectTo(w, t.flow.URL, strings.ReplaceAll(kind, " ", "_"), h.issue(t))
}
