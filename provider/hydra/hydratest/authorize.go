package hydratest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Cookies of a Hydra in a browser.
const (
	sessionCookie = "ory_hydra_session_dev"
	loginCookie   = "ory_hydra_login_csrf_dev"
	consentCookie = "ory_hydra_consent_csrf_dev"
	deviceCookie  = "ory_hydra_device_csrf_dev"
)

// AuthURL is where a client sends a browser; the pairs are more parameters, or other values of these.
func (h *Hydra) AuthURL(client, redirect string, pairs ...string) string {
	base := with(h.URL+"/oauth2/auth", "client_id", client, "redirect_uri", redirect, "response_type", "code",
		"scope", "openid", "state", random(12), "nonce", random(12))
	return with(base, pairs...)
}

// problem is an error of OAuth, for the client or for the error page.
type problem struct{ code, description string }

// authorize is the authorization endpoint, which the browser passes three times.
func (h *Hydra) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	c, ok := h.clients[q.Get("client_id")]
	if !ok || !slices.Contains(c.RedirectURIs, q.Get("redirect_uri")) {
		h.errorPage(w, r, problem{"invalid_client", "The client or its redirect_uri is not known."})
		return
	}
	if fault := h.pass(w, r, c); fault != nil {
		http.Redirect(w, r, with(q.Get("redirect_uri"), "error", fault.code, "error_description", fault.description, "state", q.Get("state")), http.StatusSeeOther)
	}
}

// comeBack goes on with a request whose login or consent has been answered, and has done answer it once both have; ok is
// false of any other request.
func (h *Hydra) comeBack(w http.ResponseWriter, r *http.Request, done func(f flow)) (fault *problem, ok bool) {
	var f flow
	switch q := r.URL.Query(); {
	case q.Get("login_verifier") != "":
		if f, fault = h.verifyLogin(w, r, q.Get("login_verifier")); fault == nil {
			fault = h.askConsent(w, r, f)
		}
	case q.Get("consent_verifier") != "":
		if f, fault = h.verifyConsent(r, q.Get("consent_verifier")); fault == nil {
			done(f)
		}
	default:
		return nil, false
	}
	return fault, true
}

// pass goes as far as the request can go by itself, and returns what the client must hear instead.
func (h *Hydra) pass(w http.ResponseWriter, r *http.Request, c Client) *problem {
	if fault, ok := h.comeBack(w, r, func(f flow) { h.giveCode(w, r, f) }); ok {
		return fault
	}
	q := r.URL.Query()
	scopes := strings.Fields(q.Get("scope"))
	if !c.permits(scopes) {
		return &problem{"invalid_scope", "The client may not ask for that."}
	}
	return h.askLogin(w, r, flow{
		URL: h.URL + r.URL.RequestURI(), Query: q, Client: c.shown(), Scope: scopes, Audience: strings.Fields(q.Get("audience")),
	})
}

// errorPage sends the browser to the page for errors that no client may hear.
func (h *Hydra) errorPage(w http.ResponseWriter, r *http.Request, p problem) {
	http.Redirect(w, r, with(h.urls.Error, "error", p.code, "error_description", p.description), http.StatusSeeOther)
}

// session returns the session of the browser; false: there is none.
func (h *Hydra) session(r *http.Request) (session, bool) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return session{}, false
	}
	s, ok := h.sessions[cookie.Value]
	return s, ok && h.config.Now().Before(s.Expires)
}

// askLogin sends the browser to the sign-in page: whoever has a session that is good enough is to be skipped.
func (h *Hydra) askLogin(w http.ResponseWriter, r *http.Request, f flow) *problem {
	now := h.config.Now()
	f.ID, f.Requested, f.Browser, f.SID = random(16), now.Truncate(time.Second), random(16), random(16)
	s, skip := h.session(r)
	if f.prompts("login") || f.prompts("select_account") {
		skip = false
	}
	if age, err := strconv.Atoi(f.Query.Get("max_age")); err == nil && s.At.Add(time.Duration(age)*time.Second).Before(now) {
		skip = false
	}
	if hint := h.hinted(f.Query.Get("id_token_hint")); skip && hint["sub"] != nil && hint["sub"] != s.Subject {
		return &problem{"login_required", "The subject of id_token_hint is not that of the session."}
	}
	if skip {
		f.Skip, f.Subject, f.SID, f.At = true, s.Subject, s.ID, s.At
	}
	if f.prompts("none") && !skip {
		return &problem{"login_required", "Prompt 'none' was requested, but no existing login session was found."}
	}
	bind(w, loginCookie, f)
	http.Redirect(w, r, with(h.urls.Login, "login_challenge", h.issue(ticket{kind: loginChallenge, flow: f})), http.StatusFound)
	return nil
}

// bind has the browser remember that a challenge is its own.
func bind(w http.ResponseWriter, name string, f flow) {
	http.SetCookie(w, &http.Cookie{Name: name + "_" + f.Client.ID, Value: f.Browser, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// bound reports whether the challenge was this browser's.
func bound(r *http.Request, name string, f flow) bool {
	cookie, err := r.Cookie(name + "_" + f.Client.ID)
	return err == nil && cookie.Value == f.Browser
}

var errBrowser = &problem{"request_forbidden", "The CSRF value is not that of this browser."}

// redeem returns the flow of a verifier.
func (h *Hydra) redeem(kind, verifier string) (flow, *problem) {
	t, ok := h.tickets[verifier]
	if !ok || t.kind != kind || h.config.Now().Sub(t.made) > h.config.RequestTime {
		return flow{}, &problem{"access_denied", "The " + kind + " has already been used, has not been granted, or is invalid."}
	}
	if t.flow.Refusal != nil {
		return flow{}, &problem{t.flow.Refusal.Code, t.flow.Refusal.Description}
	}
	return t.flow, nil
}

// verifyLogin takes the answer of the sign-in page, and begins a session if it was not skipped.
func (h *Hydra) verifyLogin(w http.ResponseWriter, r *http.Request, verifier string) (flow, *problem) {
	f, fault := h.redeem(loginVerifier, verifier)
	switch {
	case fault != nil:
		return f, fault
	case !bound(r, loginCookie, f):
		return f, errBrowser
	case f.prompts("login") && f.At.Before(f.Requested):
		return f, &problem{"login_required", "Prompt 'login' was requested, but auth_time is before the request."}
	case h.hinted(f.Query.Get("id_token_hint"))["sub"] != nil && h.hinted(f.Query.Get("id_token_hint"))["sub"] != f.Subject:
		h.endSession(w, r)
		return f, &problem{"login_required", "The subject of id_token_hint is not the one who has signed in."}
	}
	if h.used[f.ID] && !h.config.Stateless {
		return f, &problem{"access_denied", "The login verifier has already been used."}
	}
	if !f.Skip {
		h.remember(w, f)
	}
	h.used[f.ID] = true
	return f, nil
}

// remember begins the session of a login.
func (h *Hydra) remember(w http.ResponseWriter, f flow) {
	age := h.config.SessionTime
	if n := f.Login.RememberFor; n > 0 {
		age = min(age, time.Duration(n)*time.Second)
	}
	s := session{ID: f.SID, Subject: f.Subject, At: f.At, Expires: h.config.Now().Add(age)}
	if !f.Login.Remember {
		s.Expires = h.config.Now()
	}
	h.sessions[f.SID] = s
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: f.SID, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// endSession ends the session of the browser.
func (h *Hydra) endSession(w http.ResponseWriter, r *http.Request) {
	if s, ok := h.session(r); ok {
		delete(h.sessions, s.ID)
	}
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// askConsent sends the browser to the consent page, whether or not the user has to see one.
func (h *Hydra) askConsent(w http.ResponseWriter, r *http.Request, f flow) *problem {
	f.ConsentID, f.Browser = random(16), random(16)
	private := f.Client.isPublic() && (f.Device != "" || !strings.HasPrefix(f.Query.Get("redirect_uri"), "http"))
	f.ConsentSkip = !f.prompts("consent") && !private && h.hasConsent(f)
	if f.prompts("none") && !f.ConsentSkip {
		return &problem{"consent_required", "Prompt 'none' was requested, but no previous consent was found."}
	}
	bind(w, consentCookie, f)
	http.Redirect(w, r, with(h.urls.Consent, "consent_challenge", h.issue(ticket{kind: consentChallenge, flow: f})), http.StatusFound)
	return nil
}

// verifyConsent takes the answer of the consent page.
func (h *Hydra) verifyConsent(r *http.Request, verifier string) (flow, *problem) {
	f, fault := h.redeem(consentVerifier, verifier)
	switch {
	case fault != nil:
		return f, fault
	case h.used[f.ConsentID] || h.used[grantOf(f)]:
		return f, &problem{"access_denied", "The consent verifier has already been used."}
	case !bound(r, consentCookie, f):
		return f, errBrowser
	}
	h.used[f.ConsentID], h.used[grantOf(f)] = true, true
	h.consents = append(h.consents, consent{f, h.config.Now()})
	return f, nil
}

// grantOf is what a login is known by that has led to a consent, which it does once.
func grantOf(f flow) string { return "grant of " + f.ID }

// giveCode sends the browser back to the client.
func (h *Hydra) giveCode(w http.ResponseWriter, r *http.Request, f flow) {
	code := "ory_ac_" + random(32)
	h.codes[code] = grant{flow: f, expires: h.config.Now().Add(10 * time.Minute)}
	http.Redirect(w, r, with(f.Query.Get("redirect_uri"), "code", code, "state", f.Query.Get("state"),
		"scope", strings.Join(f.Consent.GrantScope, " ")), http.StatusSeeOther)
}
