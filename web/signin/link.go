package signin

import (
	"net/http"

	"vestibule/provider"
	"vestibule/provider/audit"
	"vestibule/web/enrol"
	"vestibule/web/ui"
)

// enrolStart begins a sign-in of our own with a link. The token leaves the address at once; what travels on is its
// hash, sealed. The link is not used up before the new authenticator is on, so that a program that looks at links in
// mail does no harm.
func (s *Server) enrolStart(w http.ResponseWriter, r *http.Request) error {
	token := ui.Field(r, "token")
	if !ui.IsToken(token) {
		return s.Enrol.ShowLink(w, enrol.LinkUnknown, enrol.Enrolment{})
	}
	id := ui.Digest(token)
	state, err := s.Enrol.LinkState(r.Context(), id, "")
	switch {
	case err != nil:
		return err
	case state != enrol.LinkGood:
		return s.Enrol.ShowLink(w, state, enrol.Enrolment{})
	}
	fl := s.ownFlow(provider.Demand{}, "")
	fl.state.setEnrolmentLink(id)
	return s.begin(w, r, fl)
}

// requireEnrolmentAllowed keeps those from the set-up who have a link that does not work, or have none and are blocked.
// A form never shows a page: it leads to the one that says why. Whoever cancels needs no leave.
func (s *Server) requireEnrolmentAllowed(h flowHandler) flowHandler {
	return func(w http.ResponseWriter, r *http.Request, fl *flow) error {
		if r.Method == http.MethodPost && ui.Field(r, "action") == "cancel" {
			fl.state.EnrolmentLink = nil // it can still be opened again
			return h(w, r, fl)
		}
		state, blocked, err := s.Enrol.Allowed(r.Context(), fl.state.EnrolmentLink, fl.subject())
		switch {
		case err != nil:
			return err
		case state == enrol.LinkUsed:
			return s.linkIsUsed(w, r, fl)
		case state == enrol.LinkGood && !blocked:
			return h(w, r, fl)
		case r.Method == http.MethodPost:
			return s.redirectTo(w, r, fl, "/login/setup")
		case blocked:
			return s.Enrol.ShowBlocked(w, fl.enrolment(ui.Field(r, "flow")))
		}
		return s.Enrol.ShowLink(w, state, fl.enrolment(ui.Field(r, "flow")))
	}
}

// linkIsUsed is for the second of two clicks, which goes where the first one went, and for whoever comes too late.
func (s *Server) linkIsUsed(w http.ResponseWriter, r *http.Request, fl *flow) error {
	row, err := s.reload(r, fl)
	switch {
	case err != nil:
		return err
	case row.ix.Version != fl.ix.Version:
		return s.redirectAfterReload(w, r, row)
	case r.Method == http.MethodPost:
		return s.redirectTo(w, r, fl, "/login/setup")
	}
	return s.Enrol.ShowLink(w, enrol.LinkUsed, fl.enrolment(ui.Field(r, "flow")))
}

// linked notes in an event that a link allowed what it tells of.
func linked(e audit.Event, link []byte) audit.Event {
	if link != nil {
		e.Detail["link"] = "yes"
	}
	return e
}
