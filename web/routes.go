package web

import (
	"errors"
	"net/http"
	"strings"
)

// handler answers a request or says why not.
type handler func(w http.ResponseWriter, r *http.Request) error

// Register adds the pages to mux.
func (s *Server) Register(mux *http.ServeMux) {
	allowed := map[string][]string{}
	add := func(method, path string, h handler) {
		mux.Handle(method+" "+path, s.serve(h))
		allowed[path] = append(allowed[path], method)
	}
	get := func(path string, h handler) { add(http.MethodGet, path, h) }
	post := func(path string, h handler) { add(http.MethodPost, path, s.sameSite(h)) }

	get("/login", s.getLogin)
	post("/login", s.on(stepLogin, s.postLogin))
	get("/login/totp", s.on(stepTOTP, s.totpPage))
	post("/login/totp", s.on(stepTOTP, s.postTOTP))
	get("/login/recovery", s.on(stepTOTP, s.recoveryPage))
	post("/login/recovery", s.on(stepTOTP, s.postRecovery))
	get("/login/recovery/used", s.on(stepUsed, s.usedPage))
	post("/login/recovery/used", s.on(stepUsed, s.postUsed))
	get("/login/setup", s.on(stepSetup, s.mayEnrol(s.setupPage)))
	post("/login/setup", s.on(stepSetup, s.mayEnrol(s.postSetup)))
	get("/login/notice", s.on(stepNotice, s.noticePage))
	post("/login/notice", s.on(stepNotice, s.postNotice))
	get("/login/continue", s.on(stepContinue, s.continuePage))
	post("/login/continue", s.on(stepContinue, s.postContinue))
	post("/login/cancel", s.postCancel)
	post("/login/restart", s.postRestart)
	get("/consent", s.on(stepConsent, s.consentPage))
	post("/consent", s.on(stepConsent, s.postConsent))

	get("/{$}", redirect("/account"))
	get("/account", redirect("/account/security"))
	get("/account/security", s.requireSignedIn(s.securityPage))
	get("/account/activity", s.requireSignedIn(s.activityPage))
	post("/account/reset/cancel", s.requireSignedIn(s.postCancelOwnReset))
	get("/account/authenticators/new", s.requireSignedIn(s.requireReauth(s.requireEnrolmentAllowed(s.enrolPage))))
	post("/account/authenticators/new", s.requireSignedIn(s.requireReauth(s.requireEnrolmentAllowed(s.postEnrol))))
	get("/account/authenticators/new/qr.png", s.requireSignedIn(s.requireReauth(s.qrPNG)))
	get("/account/authenticators/{id}/rename", s.requireSignedIn(s.renamePage))
	post("/account/authenticators/{id}/rename", s.requireSignedIn(s.postRename))
	get("/account/authenticators/{id}/remove", s.requireSignedIn(s.removePage))
	post("/account/authenticators/{id}/remove", s.requireSignedIn(s.postRemove))
	post("/account/sessions/end-others", s.requireSignedIn(s.postEndOthers))
	post("/account/browsers/forget", s.requireSignedIn(s.postForgetBrowser))
	get("/account/recovery-codes", s.requireSignedIn(s.requireReauth(s.codesPage)))
	post("/account/recovery-codes", s.requireSignedIn(s.requireReauth(s.postCodes)))
	post("/account/recovery-codes/download", s.download)

	get("/enrol", s.enrolStart)
	get("/reset/cancel", s.cancelResetPage)
	post("/reset/cancel", s.postCancelReset)
	get("/reset/cancelled", s.resetCancelledPage)

	get("/logout", s.logoutPage)
	post("/logout", s.postLogout)
	get("/logged-out", s.loggedOutPage)
	get("/help/lost-device", s.lostDevicePage)
	get("/static/{hash}/{name}", s.static)

	for path, methods := range allowed {
		mux.Handle(path, s.serve(wrongMethod(methods)))
	}
	mux.Handle("/", s.serve(func(http.ResponseWriter, *http.Request) error { return errNotFound }))
}

// serve reads the form, sets the headers of a page and sends errors to the sink.
func (s *Server) serve(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.pageHeaders(w.Header(), r.URL.Path)
		err := readForm(w, r)
		if err == nil {
			err = h(w, r)
		}
		if before := (*repeated)(nil); errors.As(err, &before) {
			err = s.again(w, r, before.response)
		}
		if err != nil {
			s.Error(w, r, err)
		}
	})
}

// sameSite refuses a form unless the browser says that a page of ours sent it. net/http's CrossOriginProtection lets the
// other scheme of our host pass, and whoever says nothing: these pages are for browsers, and all of them say.
func (s *Server) sameSite(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !s.fromOurselves(r.Header) {
			return errCrossSite
		}
		return h(w, r)
	}
}

// fromOurselves reports whether Origin is ours and Sec-Fetch-Site does not deny it. A browser that sends only the
// second is believed; pages that are not from https send only the first.
func (s *Server) fromOurselves(h http.Header) bool {
	origin, site := h.Values("Origin"), h.Values("Sec-Fetch-Site")
	ours := len(origin) == 1 && strings.EqualFold(origin[0], s.origin)
	same := len(site) == 1 && (site[0] == "same-origin" || site[0] == "none")
	switch {
	case len(origin) == 0:
		return same
	case len(site) == 0:
		return ours
	}
	return ours && same
}

func redirect(to string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	}
}

func wrongMethod(methods []string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		return errMethod
	}
}
