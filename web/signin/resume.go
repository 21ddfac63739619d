package signin

import (
	"errors"
	"net/http"

	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

// resume returns the sign-in that the request belongs to, expired or not.
func (s *flows) resume(r *http.Request) (fl *flow, flow string, expired bool, err error) {
	flow = ui.Field(r, "flow")
	bindings := s.Cookies.Bindings(r)
	unbound := len(bindings) == 0
	if r.Method == http.MethodPost && unbound {
		return nil, flow, false, s.noCookie(flow)
	}
	if flow == "" {
		return nil, flow, false, ui.ErrUnknown
	}
	ix, err := s.Flows.Resume(r.Context(), flow)
	switch expired = errors.Is(err, interaction.ErrExpired); {
	case errors.Is(err, store.ErrNotFound):
		if err := s.endedBefore(r, ix); err != nil {
			return nil, flow, false, err
		}
		return nil, flow, false, s.gone(r, flow)
	case err != nil && !expired:
		return nil, flow, false, err
	}
	ui.Prefer(r, ix.Demand.UILocales)
	// Without any cookie an empty form may be shown, not sent: the answer to it says that cookies are blocked.
	stranger := unbound && ix.Version == 0
	if !stranger && !bindings.AreOf(ix.Browser) {
		return nil, flow, false, ui.ErrUnknown
	}
	if fl, err = newFlow(ix); err != nil {
		return nil, flow, expired, err
	}
	fl.value, fl.state.InPlace = flow, fl.state.InPlace || s.isFromPlace(r)
	if fl.rememberToken = s.Remembered.Token(r); stranger {
		fl.state = flowState{ownState: ownState{ReturnPath: fl.state.ReturnPath}}
	}
	return fl, flow, expired, nil
}

// sealed returns a flow that is no row; a row's is not repeated to whoever may be asking.
func sealed(flow string) string {
	if interaction.IsSealed(flow) {
		return flow
	}
	return ""
}

// gone tells a sign-in that has ended from one that never was, as far as that can be known without a row.
func (s *flows) gone(r *http.Request, flow string) error {
	if !interaction.IsRow(flow) {
		return ui.ErrUnknown
	}
	session, err := s.Sessions.CurrentOrNone(r.Context(), r)
	switch {
	case err != nil:
		return err
	case session == nil:
		return ui.ErrUnknown
	}
	return ui.Elsewhere("", "")
}

// liveFlow returns the sign-in that the request belongs to, if it can go on.
func (s *flows) liveFlow(r *http.Request) (*flow, error) {
	fl, flow, expired, err := s.resume(r)
	if err != nil {
		return nil, err
	}
	if expired {
		return nil, &ui.Problem{Status: http.StatusGone, State: "expired", Title: ui.Say("error.expired"), Client: fl.ix.ClientName, Flow: flow}
	}
	if err := s.dropStranger(r, fl); err != nil {
		return nil, err
	}
	return fl, s.dropEndedSession(r, fl)
}

// dropEndedSession takes a login back that was adopted from a session which has ended since.
func (s *flows) dropEndedSession(r *http.Request, fl *flow) error {
	if !fl.state.FromSession || fl.state.PasswordGiven || fl.state.SessionOpened || fl.ix.Login == nil {
		return nil
	}
	lives, err := s.Sessions.IsSame(r, fl.ix.Login)
	if err == nil && !lives {
		fl.forget()
	}
	return err
}

// requireLiveSession runs do, which uses what was proved or shows whose it is, unless the session that the sign-in has
// opened is over: then its proofs are over too, and the user begins at the password.
func (s *Server) requireLiveSession(w http.ResponseWriter, r *http.Request, fl *flow, do func() error) error {
	if !fl.state.SessionOpened {
		return do()
	}
	lives, err := s.Sessions.IsSame(r, fl.ix.Login)
	switch {
	case err != nil:
		return err
	case lives:
		return do()
	}
	return s.restartAtPassword(w, r, fl)
}

// endedBefore returns a *browser.Repeated if the request is one that has ended the sign-in, which is nil if nothing is left
// of it.
func (s *flows) endedBefore(r *http.Request, ix *interaction.Interaction) error {
	if ix == nil {
		return nil
	}
	return s.Answers.EndedBefore(r, ix.ID, ix.Answer)
}
