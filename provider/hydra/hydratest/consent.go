package hydratest

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// consentAccept is what a consent page says of what the user has allowed.
type consentAccept struct {
	GrantScope    []string `json:"grant_scope"`
	GrantAudience []string `json:"grant_access_token_audience"`
	Remember      bool     `json:"remember"`
	RememberFor   int      `json:"remember_for"`
	Session       struct {
		AccessToken map[string]any `json:"access_token"`
		IDToken     map[string]any `json:"id_token"`
	} `json:"session"`
	Context json.RawMessage `json:"context"`
}

// consent is one that was accepted.
type consent struct {
	flow flow
	at   time.Time
}

// lasts reports whether the consent is remembered.
func (c consent) lasts(now time.Time) bool {
	a := c.flow.Consent
	return a.Remember && (a.RememberFor == 0 || now.Before(c.at.Add(time.Duration(a.RememberFor)*time.Second)))
}

// hasConsent reports whether the user has allowed the client all of that, to be remembered.
func (h *Hydra) hasConsent(f flow) bool {
	return slices.ContainsFunc(h.consents, func(c consent) bool {
		missing := func(scope string) bool { return !slices.Contains(c.flow.Consent.GrantScope, scope) }
		return c.flow.Subject == f.Subject && c.flow.Client.ID == f.Client.ID && c.lasts(h.config.Now()) && !slices.ContainsFunc(f.Scope, missing)
	})
}

func (h *Hydra) readConsent(w http.ResponseWriter, r *http.Request) {
	t, name, ok := h.find(w, r, consentChallenge)
	if !ok || h.gone(w, t.flow.ConsentID, t.flow.URL) {
		return
	}
	f := t.flow
	request := h.shown(f, name)
	request["skip"], request["consent_request_id"], request["login_challenge"], request["login_session_id"] = f.ConsentSkip, f.ConsentID, f.ID, f.SID
	request["acr"], request["amr"], request["context"] = f.Login.ACR, f.Login.AMR, f.Login.Context
	answer(w, http.StatusOK, request)
}

func (h *Hydra) acceptConsent(w http.ResponseWriter, r *http.Request) {
	t, _, ok := h.find(w, r, consentChallenge)
	if !ok || h.gone(w, t.flow.ConsentID, t.flow.URL) || !read(w, r, &t.flow.Consent) {
		return
	}
	t.kind = consentVerifier
	redirectTo(w, t.flow.URL, "consent_verifier", h.issue(t))
}

func (h *Hydra) rejectConsent(w http.ResponseWriter, r *http.Request) {
	t, _, ok := h.find(w, r, consentChallenge)
	if ok && !h.gone(w, t.flow.ConsentID, t.flow.URL) {
		h.reject(w, r, t, consentVerifier)
	}
}

// matches reports whether the consent is one that the query is about.
func (c consent) matches(r *http.Request) bool {
	q := r.URL.Query()
	if id := q.Get("consent_request_id"); id != "" {
		return c.flow.ConsentID == id
	}
	return c.flow.Subject == q.Get("subject") && (q.Get("client") == "" || q.Get("client") == c.flow.Client.ID)
}

func (h *Hydra) listConsents(w http.ResponseWriter, r *http.Request) {
	list := []map[string]any{}
	for _, c := range h.consents {
		if c.matches(r) && c.flow.Consent.Remember {
			list = append(list, map[string]any{
				"consent_request_id": c.flow.ConsentID, "grant_scope": c.flow.Consent.GrantScope, "handled_at": c.at,
				"remember": true, "consent_request": h.shown(c.flow, ""),
			})
		}
	}
	answer(w, http.StatusOK, list)
}

// deleteConsents withdraws consents, and the tokens that rest on them.
func (h *Hydra) deleteConsents(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("consent_request_id") == "" && (q.Get("subject") == "" || q.Get("client") == "" && q.Get("all") != "true") {
		refuse(w, http.StatusBadRequest, "invalid_request", "Query parameters 'subject' and 'client', or 'all', are missing.")
		return
	}
	h.consents = slices.DeleteFunc(h.consents, func(c consent) bool { return c.matches(r) })
	for token, g := range h.tokens {
		if (consent{flow: g.flow}).matches(r) {
			delete(h.tokens, token)
		}
	}
	w.WriteHeader(http.StatusNoContent)
}
