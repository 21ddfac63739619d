package signin

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/web/browser"
	"vestibule/web/ui"
)

// ended says that the sign-in is over and offers another for the same request.
func (s *flows) ended(fl *flow) error {
	fresh, err := s.anew(fl)
	if err != nil {
		return err
	}
	flow, err := s.Flows.Flow(fresh.ix)
	if err != nil {
		return err
	}
	return ui.Elsewhere(fl.ix.ClientName, flow)
}

// anew returns a new sign-in for the same request, with nobody signed in.
func (s *flows) anew(fl *flow) (*flow, error) {
	fresh := &flow{ix: s.Flows.Restart(fl.ix), state: flowState{ownState: fl.state.ownState}}
	fresh.state.setEnrolmentLink(fl.state.EnrolmentLink)
	return fresh, fresh.pack()
}

// refuse answers the client with an OAuth error. The events are recorded in the same commit.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, fl *flow, code string, events ...audit.Event) error {
	s.keepEnd(r, fl)
	before := slices.Clone(w.Header()["Set-Cookie"])
	s.noteAnswered(w, r, fl)
	err := s.Engine.Refuse(w, r, fl.ix, code, func(ctx context.Context) error { return s.Journal.RecordWith(ctx, events, nil) })
	if err != nil {
		w.Header()["Set-Cookie"] = before
	}
	if errors.Is(err, store.ErrConflict) {
		return s.endedOr(r, fl)
	}
	return err
}

// finish ends the sign-in at the client, or at the page of ours that asked for it.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, fl *flow, with ...func(context.Context) error) error {
	return s.onUnfinished(w, r, fl, s.tryFinish(w, r, fl, with...), with)
}

// finishInSession is finish for a sign-in that may have opened a session, which requireLiveSession has not read: the commit
// finds out whether it lives. Only if there is none is the session read, to bring the sign-in into its epoch or to the password.
func (s *Server) finishInSession(w http.ResponseWriter, r *http.Request, fl *flow, with ...func(context.Context) error) error {
	finish := func() error { return s.finish(w, r, fl, with...) }
	if !s.CommitsAnswers || fl.isOwn() {
		return s.requireLiveSession(w, r, fl, finish)
	}
	err := s.tryFinish(w, r, fl, with...)
	if fl.state.SessionOpened && (browser.LoginIsOver(err) || undecided(err)) {
		return s.requireLiveSession(w, r, fl, finish)
	}
	return s.onUnfinished(w, r, fl, err, with)
}

// onUnfinished goes on after tryFinish; without an error nothing is left to do.
func (s *Server) onUnfinished(w http.ResponseWriter, r *http.Request, fl *flow, err error, with []func(context.Context) error) error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return s.endedOr(r, fl)
	case undecided(err):
		if err := s.decideAnew(r.Context(), fl); err != nil {
			return err
		}
		return s.saveAndRedirect(w, r, fl, with...)
	case err != nil:
		return s.onConflict(w, r, fl, err)
	}
	return nil
}

// tryFinish is finish for a caller that has an answer of its own to what went wrong.
func (s *Server) tryFinish(w http.ResponseWriter, r *http.Request, fl *flow, with ...func(context.Context) error) error {
	before := slices.Clone(w.Header()["Set-Cookie"])
	if fl.sessionCookie != "" {
		s.Answers.Give(w, fl.sessionCookie, "")
		s.issueDeviceCookie(w, r, fl)
	}
	s.noteAnswered(w, r, fl)
	err := s.end(w, r, fl, with)
	if err != nil {
		w.Header()["Set-Cookie"] = before // there is no such session
	}
	return err
}

// endedOr is for a sign-in that could not end, because it has ended or changed: by the same form, or otherwise.
func (s *flows) endedOr(r *http.Request, fl *flow) error {
	if _, err := s.reload(whole(r), fl); err != nil {
		return err
	}
	return s.ended(fl)
}

func (s *Server) end(w http.ResponseWriter, r *http.Request, fl *flow, with []func(context.Context) error) error {
	with = append(slices.Clone(with), s.report(r, fl))
	s.keepEnd(r, fl)
	if !fl.isOwn() {
		return s.Engine.Finish(w, r, fl.ix, fl.decidedAt, append(with, s.requireAnswerBasis(r, fl))...)
	}
	to := s.OwnPage(fl.state.ReturnPath)
	if err := s.Flows.EndAt(r.Context(), fl.ix, to, with...); err != nil {
		return err
	}
	return s.Redirect(w, r, to)
}

// requireAnswerBasis makes the commit that answers a client rest on the session, unless that is opened in it, and on
// what the user has allowed the client, unless that was just now.
func (s *commits) requireAnswerBasis(r *http.Request, fl *flow) func(context.Context) error {
	return func(ctx context.Context) error {
		if err := s.requireAnswerSession(ctx, r, fl); err != nil {
			return err
		}
		if fl.consentGiven || !fl.asksConsent() {
			return nil
		}
		return s.Consent.Require(ctx, fl.subject(), fl.client(), fl.ix.ToRemember())
	}
}

// requireAnswerSession makes the commit rest on the session. That it is live and the browser's was read by whoever has
// adopted it; of one that the sign-in has opened, the commit asks that too: finishInSession counts on it.
func (s *commits) requireAnswerSession(ctx context.Context, r *http.Request, fl *flow) error {
	switch sid := fl.ix.Login.Session; {
	case fl.sessionCookie != "":
		return nil
	case fl.state.SessionOpened:
		return s.Sessions.Require(ctx, r, sid)
	default:
		return s.Sessions.Store.RequireSession(ctx, sid)
	}
}

// keepEnd has the engine keep where the sign-in ends, for the session that it was for or, without one, for the form.
// Whoever asks again begins anew where that does no harm: a request that has no form, and a sign-in to our own pages that
// was no row.
func (s *commits) keepEnd(r *http.Request, fl *flow) {
	session := fl.sessionCookie
	if session == "" {
		session = s.Cookies.Session(r)
	}
	if session == "" && !browser.IsOfPage(r) || fl.ix.Version == 0 && (fl.isOwn() || r.Method != http.MethodPost) {
		return
	}
	fl.ix.Keep = func(to string) ([]byte, error) {
		if err := s.keepCookies(r, fl); err != nil {
			return nil, err
		}
		return s.Answers.SealEnd(r, fl.ix.ID, session, to, fl.state.SealedCookies)
	}
}

// keepCookies keeps the cookies that the form will be answered with in the sign-in that goes on.
func (s *commits) keepCookies(r *http.Request, fl *flow) error {
	sealed, err := s.Answers.SealCookies(r, fl.ix.ID, fl.sessionCookie, fl.newRememberToken)
	if sealed != nil {
		fl.state.SealedCookies = sealed
	}
	return err
}
