package hydratest

import (
	"net/http"
	"slices"
	"time"
)

// logoutRequest is a wish to sign out.
type logoutRequest struct {
	ID, Subject, SID, URL, ReturnTo string
	Client                          *Client // nil: no client asked
	Requested                       time.Time
}

// logout is the endpoint that ends a session. A client that shows an ID token needs no answer of the user's.
func (h *Hydra) logout(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if verifier := q.Get("logout_verifier"); verifier != "" {
		h.completeLogout(w, r, verifier)
		return
	}
	l, s, fault := h.logoutRequest(r)
	switch {
	case fault != nil:
		h.errorPage(w, r, *fault)
		return
	case s.ID == "": // nobody is signed in
		http.Redirect(w, r, l.ReturnTo, http.StatusFound)
		return
	}
	l.ID, l.Subject, l.SID, l.URL, l.Requested = random(16), s.Subject, s.ID, r.URL.String(), h.config.Now()
	http.Redirect(w, r, with(h.urls.Logout, "logout_challenge", h.issue(ticket{kind: logoutChallenge, logout: l})), http.StatusFound)
}

// logoutRequest reads what is asked for, and finds the session that is meant; none: its ID is empty.
func (h *Hydra) logoutRequest(r *http.Request) (l logoutRequest, s session, fault *problem) {
	q := r.URL.Query()
	l.ReturnTo = h.urls.LoggedOut
	if q.Get("id_token_hint") == "" {
		if q.Get("state") != "" || q.Get("post_logout_redirect_uri") != "" {
			return l, s, &problem{"invalid_request", "Logout failed because id_token_hint is missing."}
		}
		s, ok := h.session(r)
		if !ok {
			s = session{}
		}
		return l, s, nil
	}
	hint := h.hinted(q.Get("id_token_hint"))
	audience, _ := hint["aud"].([]any)
	if len(audience) == 0 {
		return l, s, &problem{"invalid_request", "Logout failed because id_token_hint is no ID token of this server."}
	}
	name, _ := audience[0].(string)
	c := h.clients[name].shown()
	l.Client = &c
	if to := q.Get("post_logout_redirect_uri"); to != "" {
		if !slices.Contains(c.PostLogoutRedirectURIs, to) {
			return l, s, &problem{"invalid_request", "Logout failed because post_logout_redirect_uri is not registered."}
		}
		l.ReturnTo = to
		if state := q.Get("state"); state != "" {
			l.ReturnTo = with(to, "state", state)
		}
	}
	sid, _ := hint["sid"].(string)
	if s = h.sessions[sid]; !h.config.Now().Before(s.Expires) {
		s = session{}
	}
	return l, s, nil
}

func (h *Hydra) readLogout(w http.ResponseWriter, r *http.Request) {
	t, name, ok := h.find(w, r, logoutChallenge)
	if !ok {
		return
	}
	l := t.logout
	answer(w, http.StatusOK, map[string]any{
		"challenge": name, "subject": l.Subject, "sid": l.SID, "request_url": l.URL, "rp_initiated": l.Client != nil, "client": l.Client,
		"requested_at": l.Requested, "expires_at": l.Requested.Add(h.config.RequestTime),
	})
}

func (h *Hydra) acceptLogout(w http.ResponseWriter, r *http.Request) {
	t, _, ok := h.find(w, r, logoutChallenge)
	if !ok {
		return
	}
	t.kind = logoutVerifier
	redirectTo(w, h.URL+"/oauth2/sessions/logout", "logout_verifier", h.issue(t))
}

func (h *Hydra) rejectLogout(w http.ResponseWriter, r *http.Request) {
	if _, name, ok := h.find(w, r, logoutChallenge); ok {
		delete(h.tickets, name)
		w.WriteHeader(http.StatusNoContent)
	}
}

// completeLogout ends the session that was meant. One that only the cookie spoke of is ended in its own browser alone.
func (h *Hydra) completeLogout(w http.ResponseWriter, r *http.Request, verifier string) {
	t, ok := h.tickets[verifier]
	if !ok || t.kind != logoutVerifier {
		h.errorPage(w, r, problem{"access_denied", "The logout verifier is not known."})
		return
	}
	l := t.logout
	s, ok := h.session(r)
	if _, lives := h.sessions[l.SID]; lives && (l.Client != nil || ok && s.ID == l.SID) {
		delete(h.sessions, l.SID)
		h.endSession(w, r)
	}
	http.Redirect(w, r, l.ReturnTo, http.StatusFound)
}

// deleteLogins ends sessions of a user, or one of them.
func (h *Hydra) deleteLogins(w http.ResponseWriter, r *http.Request) {
	subject, sid := r.URL.Query().Get("subject"), r.URL.Query().Get("sid")
	if subject == "" && sid == "" {
		refuse(w, http.StatusBadRequest, "invalid_request", "Either 'subject' or 'sid' query parameters need to be defined.")
		return
	}
	for id, s := range h.sessions {
		if id == sid || sid == "" && s.Subject == subject {
			delete(h.sessions, id)
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// Sessions returns how many sessions the user has.
func (h *Hydra) Sessions(subject string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, s := range h.sessions {
		if s.Subject == subject && h.config.Now().Before(s.Expires) {
			n++
		}
	}
	return n
}
