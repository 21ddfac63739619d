package signin

import (
	"net/http"

	"vestibule/web/ui"
)

// Routes are the pages of sign-ins. The download of recovery codes is DownloadCodes, at an address of the account.
func (s *Server) Routes() []ui.Route {
	factor, setup := factorPages{s}, setupPages{s}
	return append(s.passwordRoutes(), []ui.Route{
		ui.Get("/login", s.getLogin),
		ui.Get("/login/{kind}", factor.on(factor.page)),
		ui.Post("/login/{kind}", factor.on(factor.post)),
		ui.Get("/login/recovery", s.on(stepFactor, factor.recoveryPage)),
		ui.Post("/login/recovery", s.on(stepFactor, factor.postRecovery)),
		ui.Get("/login/recovery/used", s.on(stepUsed, s.usedPage)),
		ui.Post("/login/recovery/used", s.on(stepUsed, s.postUsed)),
		ui.Get("/login/setup", s.on(stepSetup, setup.allowed(setup.start))),
		ui.Post("/login/setup", s.on(stepSetup, setup.allowed(setup.postStart))),
		ui.Get("/login/setup/{kind}", setup.on(setup.page)),
		ui.Post("/login/setup/{kind}", setup.on(setup.post)),
		ui.Get("/login/notice", s.on(stepNotice, s.noticePage)),
		ui.Post("/login/notice", s.on(stepNotice, s.postNotice)),
		ui.Get("/login/continue", s.on(stepContinue, s.continuePage)),
		ui.Post("/login/continue", s.on(stepContinue, s.postContinue)),
		ui.Post("/login/cancel", s.postCancel),
		ui.Post("/login/restart", s.postRestart),
		ui.Get("/consent", s.on(stepConsent, s.consentPage)),
		ui.Post("/consent", s.at(stepConsent, s.postConsent)),
		ui.Get("/consent/logo", s.logo),

		ui.Get("/enrol", setup.link),
		ui.Get("/help/lost-device", s.lostDevicePage),
	}...)
}

// passwordRoutes are those that a Host has pages of its own for.
func (s *Server) passwordRoutes() []ui.Route {
	if s.Host != nil {
		return nil
	}
	return []ui.Route{
		ui.Post("/login", s.on(stepLogin, s.postLogin)),
	}
}

// on runs a handler for the step that is owed. Any other request goes to the page that is.
func (s *Server) on(want step, h flowHandler) ui.Handler {
	return s.at(want, func(w http.ResponseWriter, r *http.Request, fl *flow) error {
		return s.requireLiveSession(w, r, fl, func() error { return h(w, r, fl) })
	})
}

// at is on for a handler that sees to it itself that the session lives: by requireLiveSession or finishInSession.
func (s *Server) at(want step, h flowHandler) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		fl, err := s.liveFlow(r)
		if err != nil {
			return err
		}
		owed, err := s.decide(r.Context(), fl)
		switch {
		case err != nil:
			return err
		case owed != want && r.Method == http.MethodPost && fl.ix.Version > 0:
			return s.lateForm(w, r, fl, want, h)
		case owed != want: // a late form uses nothing
			return s.redirectToStep(w, r, fl, owed)
		}
		return h(w, r, fl)
	}
}

// redirectToStep goes to the page that is owed. A form that is late does not end the sign-in: the page that it is sent on
// to does, and of many clicks only the last one's answer is followed.
func (s *Server) redirectToStep(w http.ResponseWriter, r *http.Request, fl *flow, owed step) error {
	if owed == stepDone && r.Method != http.MethodPost {
		return s.finishInSession(w, r, fl)
	}
	return s.redirectTo(w, r, fl, s.pathOf(fl, owed))
}
