package hydratest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// flow is an authorization request on its way through the pages. Every challenge and every verifier has a copy of its own.
type flow struct {
	ID, URL         string
	Query           url.Values
	Client          Client
	Scope, Audience []string
	Requested       time.Time

	Skip         bool
	Subject, SID string
	At           time.Time // when the user was authenticated
	Login        loginAccept

	ConsentID   string
	ConsentSkip bool
	Consent     consentAccept

	Browser string   // what the browser's cookie must say
	Refusal *refusal // instead of either
	Device  string   // the user code of the device that waits; empty: none does
}

// prompts reports whether the client asked for the prompt.
func (f flow) prompts(word string) bool {
	return slices.Contains(strings.Fields(f.Query.Get("prompt")), word)
}

// kinds of tickets.
const (
	loginChallenge   = "login challenge"
	loginVerifier    = "login verifier"
	consentChallenge = "consent challenge"
	consentVerifier  = "consent verifier"
	logoutChallenge  = "logout challenge"
	logoutVerifier   = "logout verifier"
	deviceChallenge  = "device challenge"
	deviceVerifier   = "device verifier"
)

// ticket is what a challenge or a verifier stands for.
type ticket struct {
	kind   string
	flow   flow
	logout logoutRequest
	made   time.Time
}

// issue makes a challenge or a verifier, as long as one of a Hydra.
func (h *Hydra) issue(t ticket) string {
	if t.made.IsZero() {
		t.made = h.config.Now()
	}
	size := h.config.Challenge
	if strings.HasPrefix(t.kind, "logout") {
		size = 280
	}
	name := opaque(size)
	h.tickets[name] = t
	return name
}

// find returns what the challenge in the query stands for; false: it has answered.
func (h *Hydra) find(w http.ResponseWriter, r *http.Request, kind string) (ticket, string, bool) {
	name := r.URL.Query().Get(strings.ReplaceAll(kind, " ", "_"))
	if name == "" {
		name = r.URL.Query().Get("challenge")
	}
	t, ok := h.tickets[name]
	switch {
	case name == "":
		refuse(w, http.StatusBadRequest, "invalid_request", "Query parameter 'challenge' is not defined but should have been.")
	case !ok || t.kind != kind:
		refuse(w, http.StatusNotFound, "Not Found", "Unable to locate the requested resource")
	case h.config.Now().Sub(t.made) > h.config.RequestTime:
		refuse(w, http.StatusUnauthorized, "request_unauthorized", "The request has expired, please try again.")
	default:
		return t, name, true
	}
	return ticket{}, "", false
}

// gone answers for a challenge that was used; false: it was not.
func (h *Hydra) gone(w http.ResponseWriter, id, to string) bool {
	if h.config.Stateless || !h.used[id] {
		return false
	}
	answer(w, http.StatusGone, map[string]string{"redirect_to": to})
	return true
}

// answer writes JSON.
func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // the caller may have gone
}

// refuse writes an error of the admin API, or of the token endpoint.
func refuse(w http.ResponseWriter, status int, code, description string) {
	answer(w, status, map[string]any{"error": code, "error_description": description, "status_code": status})
}

// read decodes the body of a call; false: it has answered.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	if err := json.NewDecoder(r.Body).Decode(v); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", "Unable to decode body because: "+err.Error())
		return false
	}
	return true
}

// redirectTo answers a call with where the browser goes: to, with one more parameter.
func redirectTo(w http.ResponseWriter, to, name, value string) {
	answer(w, http.StatusOK, map[string]string{"redirect_to": with(to, name, value)})
}

// with returns the address with parameters set.
func with(address string, pairs ...string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	q := u.Query()
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	u.RawQuery = q.Encode()
	return u.String()
}
