package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"vestibule/consent"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// clone returns a flow to write a proof into: the commit that spends the code may still fail, and then
// the original is what is true.
func (fl *flow) clone() *flow {
	c := *fl
	ix := *fl.ix
	ix.Login = fl.ix.Login.Clone()
	c.ix = &ix
	c.state.Errors, c.state.Notes = slices.Clone(fl.state.Errors), slices.Clone(fl.state.Notes)
	return &c
}

// commitProof decides what is owed after a proof and writes all that follows from it. It runs inside the commit that
// spends what was proved.
func (s *Server) commitProof(ctx context.Context, r *http.Request, fl *flow) error {
	fl.state.clearMessages()
	owed, err := s.decide(ctx, fl)
	if err != nil {
		return err
	}
	fl.owed = owed
	if err := s.continueSession(ctx, r, fl); err != nil {
		return err
	}
	if err := s.openSession(ctx, r, fl); err != nil {
		return err
	}
	return s.save(ctx, fl)
}

// restsOnSession reports whether a proof of the login is good only as long as the session that it came from, or that it
// has opened: that is all but a login that began with the password in this sign-in.
func (fl *flow) restsOnSession() bool {
	return !fl.state.PasswordGiven || fl.state.FromSession || fl.state.SessionOpened
}

// continueSession makes a login that is about to have a session part of the one that its user has in this browser,
// perhaps from another tab: a sign-in there goes on, and signing out ends both. A login that rests on a session has one already.
func (s *Server) continueSession(ctx context.Context, r *http.Request, fl *flow) error {
	if !fl.owed.signedIn() {
		return nil
	}
	session, err := s.lookupSession(ctx, r)
	if err != nil {
		return err
	}
	fl.browserSession = session
	if !fl.restsOnSession() && session != nil && !s.expired(session, s.Now()) && session.Login.Subject == fl.subject() {
		fl.ix.Login.Session = session.Login.Session
	}
	return nil
}

// openSession opens the session once the user has proved all that there is to prove. Before that there is no session,
// so that no cookie is worth anything. join comes before it.
func (s *Server) openSession(ctx context.Context, r *http.Request, fl *flow) error {
	if !fl.owed.signedIn() {
		return nil
	}
	if fl.sessionCookie == "" {
		fl.sessionCookie = randomToken()
	}
	if err := s.keepCookies(r, fl); err != nil {
		return err
	}
	if err := s.requireBasis(ctx, fl); err != nil {
		return err
	}
	fl.state.SessionOpened = true
	if err := s.writeSession(ctx, fl.browserSession, fl.sessionCookie, fl.ix.Login); err != nil {
		return err
	}
	if err := s.Audit.Record(ctx, fl.signedInEvent(r)); err != nil {
		return err
	}
	if fl.remembered {
		return s.Browsers.TouchBrowser(ctx, fl.rememberToken, s.Now())
	}
	return nil
}

// requireBasis makes the commit rest on what the login does: the account in the epoch of its password and, if it
// rests on one, the session. openSession replaces that one by its version, so that it is there until then.
func (s *Server) requireBasis(ctx context.Context, fl *flow) error {
	login := fl.ix.Login
	if fl.restsOnSession() {
		if fl.browserSession == nil || s.expired(fl.browserSession, s.Now()) || fl.browserSession.Login.Session != login.Session {
			return provider.ErrSessionEnded
		}
		login.Epoch = fl.browserSession.Login.Epoch
	}
	if fl.state.PasswordGiven {
		return s.Accounts.NoteSignIn(ctx, login.Subject, login.Epoch, s.Now())
	}
	return s.Accounts.RequireAccount(ctx, login.Subject, login.Epoch)
}

// redirectAfterProof sends the browser on after commitProof was committed. Even when nothing is owed it goes over a GET
// first: if the button was pressed twice, the second answer is as good as the first.
func (s *Server) redirectAfterProof(w http.ResponseWriter, r *http.Request, fl *flow) error {
	s.Provider.Saved(fl.ix)
	s.setBinding(w, r, fl)
	if fl.sessionCookie != "" {
		s.setCookie(w, s.cookies.session, fl.sessionCookie)
		s.issueDeviceCookie(w, r, fl)
	}
	s.setRememberCookie(w, fl.newRememberToken)
	return s.redirectTo(w, r, fl, steps[fl.owed].path)
}

// commitPasswordAndRedirect goes on after the right password. If that cannot be committed, the password was right all
// the same: that is recorded, and its guess is taken back.
func (s *Server) commitPasswordAndRedirect(w http.ResponseWriter, r *http.Request, fl *flow) error {
	done := fl.clone()
	err := s.commitPassword(w, r, done)
	fl.binding = done.binding
	switch {
	case err == nil && done.owed == stepDone: // finish has answered
		return nil
	case err == nil:
		return s.redirectAfterProof(w, r, done)
	case undecided(err):
		if err := s.decideAnew(r.Context(), fl); err != nil {
			return err
		}
		return s.commitPasswordAndRedirect(w, r, fl)
	case errors.Is(err, store.ErrConflict) && fl.ix.Version == 0:
		return s.onResubmit(w, r, fl)
	case errors.Is(err, store.ErrUnavailable): // perhaps it was committed, and has recorded the password
		s.refund(r.Context(), fl.guess)
		return err
	}
	if err := s.passwordAlone(r, fl, fl.subject()); err != nil {
		return err
	}
	return s.onConflict(w, r, fl, err)
}

// onConflict answers a form whose commit did not happen, because what it rested on has changed meanwhile.
func (s *Server) onConflict(w http.ResponseWriter, r *http.Request, fl *flow, err error) error {
	switch {
	case errors.Is(err, store.ErrConflict):
		return s.redirectAfterConflict(w, r, fl)
	case loginIsOver(err):
		return s.restartAtPassword(w, r, fl)
	}
	return err
}

// commitPassword writes all that follows from the right password in one commit. A browser that has gone away by then
// gets none; later than that the commit is not given up, so that it is known whether it happened.
func (s *Server) commitPassword(w http.ResponseWriter, r *http.Request, fl *flow) (err error) {
	ctx := r.Context()
	fl.state.clearMessages()
	if fl.owed, err = s.decide(ctx, fl); err != nil {
		return err
	}
	if err := s.continueSession(ctx, r, fl); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r = whole(r)
	if fl.owed == stepDone { // there is no row, and none is needed
		fl.sessionCookie = randomToken()
		return s.tryFinish(w, r, fl, func(ctx context.Context) error { return s.recordPassword(ctx, r, fl) })
	}
	s.rebind(fl)
	return s.Atomic(r.Context(), func(ctx context.Context) error {
		if err := s.recordPassword(ctx, r, fl); err != nil {
			return err
		}
		return s.save(ctx, fl)
	})
}

// loginIsOver reports that what a sign-in has proved no longer counts: the password was changed, the account disabled, or
// the session has ended.
func loginIsOver(err error) bool {
	return errors.Is(err, account.ErrPassword) || errors.Is(err, provider.ErrSessionEnded)
}

// restartAtPassword is for a login that is over.
func (s *Server) restartAtPassword(w http.ResponseWriter, r *http.Request, fl *flow) error {
	fl.forget()
	if fl.ix.Demand.PromptNone {
		return s.refuse(w, r, fl, steps[stepLogin].refusal)
	}
	fl.state.clearMessages()
	fl.state.Notes = []message{{ID: "login.again"}}
	return s.saveAndShow(w, r, fl, "/login")
}

// undecided reports that what the pages had decided on has changed before it was committed: the client, or what the user
// has allowed it.
func undecided(err error) bool {
	return errors.Is(err, provider.ErrClientChanged) || errors.Is(err, consent.ErrNotFound)
}

// maxDecisions is how often a request decides anew before it gives up.
const maxDecisions = 5

// decideAnew has the sign-in be decided anew, for the client as it is registered now.
func (s *Server) decideAnew(ctx context.Context, fl *flow) error {
	if fl.decisions++; fl.decisions > maxDecisions {
		return fmt.Errorf("%w: client %s changes all the time", store.ErrUnavailable, fl.ix.Client)
	}
	client, err := s.Provider.Client(ctx, fl.ix.Client)
	if err != nil && !errors.Is(err, store.ErrNotFound) { // Finish has an answer to a client that is gone
		return err
	}
	fl.ix.Follow(client)
	fl.ix.Consented, fl.state.ConsentOwed = fl.consentGiven, false
	return nil
}

// recordPassword records the password, and opens the session of whoever owes no code.
func (s *Server) recordPassword(ctx context.Context, r *http.Request, fl *flow) error {
	if err := s.passwordRight(ctx, r, fl); err != nil {
		return err
	}
	return s.openSession(ctx, r, fl)
}

// passwordRight records the password and takes back the count of the guess, which was right. What counts codes stays
// as it is: a password says nothing about them.
func (s *Server) passwordRight(ctx context.Context, r *http.Request, fl *flow) error {
	if err := s.takeBack(ctx, fl.guess); err != nil {
		return err
	}
	return s.Audit.Record(ctx, fl.event(r, audit.EventPassword, provider.MethodPassword))
}

// passwordAlone is passwordRight for the password of a subject that no sign-in goes on with.
func (s *Server) passwordAlone(r *http.Request, fl *flow, subject string) error {
	e := fl.event(r, audit.EventPassword, provider.MethodPassword)
	e.Subject, e.Session = subject, ""
	err := s.recordWith(r.Context(), []audit.Event{e}, func(ctx context.Context) error { return s.takeBack(ctx, fl.guess) })
	if err != nil {
		s.refund(r.Context(), fl.guess)
	}
	return err
}

// onResubmit is for the form that was sent, gone back to, and sent again: the sign-in is a row by now. The user
// who has just given a password may be another than before.
func (s *Server) onResubmit(w http.ResponseWriter, r *http.Request, fl *flow) error {
	row, gone := s.reload(r, fl)
	if gone == nil && row.subject() != fl.subject() {
		row.ix.Login, row.ix.Consented, row.ix.Demand.Waived, row.state = fl.ix.Login, false, false, fl.state
		row.guess = fl.guess
		return s.commitPasswordAndRedirect(w, r, row)
	}
	if err := s.passwordAlone(r, fl, fl.subject()); err != nil {
		return err
	}
	if gone != nil {
		return gone
	}
	s.setBinding(w, r, fl)
	return s.redirectAfterReload(w, r, row)
}

// redirectAfterConflict is for a form of a sign-in that another request has changed meanwhile.
func (s *Server) redirectAfterConflict(w http.ResponseWriter, r *http.Request, fl *flow) error {
	row, err := s.reload(r, fl)
	if err != nil {
		return err
	}
	s.setBinding(w, r, fl)
	return s.redirectAfterReload(w, r, row)
}

// redirectAfterReload decides anew where a reloaded sign-in stands, and goes there.
func (s *Server) redirectAfterReload(w http.ResponseWriter, r *http.Request, row *flow) error {
	if err := s.cookiesAgain(w, r, row); err != nil {
		return err
	}
	owed, err := s.decide(r.Context(), row)
	if err != nil {
		return err
	}
	return s.redirectToStep(w, r, row, owed)
}

func (s *Server) reload(r *http.Request, fl *flow) (*flow, error) {
	ix, err := s.Provider.Resume(r.Context(), fl.ix.ID)
	switch {
	case errors.Is(err, store.ErrNotFound), errors.Is(err, provider.ErrExpired):
		if err := s.endedBefore(r, ix); err != nil {
			return nil, err
		}
		return nil, s.ended(fl)
	case err != nil:
		return nil, err
	case !s.sameBrowser(r, ix.Browser) && !fl.boundBy(ix.Browser):
		return nil, errUnknown
	}
	row, err := newFlow(ix)
	if err != nil {
		return nil, err
	}
	row.rememberToken = s.rememberToken(r)
	return row, nil
}

// commitForm stores what a form has changed that proves nothing, and goes on.
func (s *Server) commitForm(w http.ResponseWriter, r *http.Request, fl *flow) error {
	owed, err := s.decide(r.Context(), fl)
	switch {
	case err != nil:
		return err
	case owed == stepDone:
		return s.finish(w, r, fl)
	}
	return s.saveAndShow(w, r, fl, steps[owed].path)
}

// saveAndShow saves what a form has changed, be it only what is wrong with it, together with the record of it, and shows
// the page at path.
func (s *Server) saveAndShow(w http.ResponseWriter, r *http.Request, fl *flow, path string, events ...audit.Event) error {
	save := func(ctx context.Context) error { return nil }
	if fl.ix.Version > 0 {
		save = func(ctx context.Context) error { return s.save(ctx, fl) }
	}
	switch err := s.recordWith(r.Context(), events, save); {
	case errors.Is(err, store.ErrConflict): // what happened, happened: only the page is another's
		if err := s.recordWith(r.Context(), events, nil); err != nil {
			return err
		}
		return s.redirectAfterConflict(w, r, fl)
	case err != nil:
		return err
	}
	return s.redirectTo(w, r, fl, path)
}

// ended says that the sign-in is over and offers another for the same request.
func (s *Server) ended(fl *flow) error {
	fresh, err := s.anew(fl)
	if err != nil {
		return err
	}
	flow, err := s.Provider.Flow(fresh.ix)
	if err != nil {
		return err
	}
	return elsewhere(fl.ix.ClientName, flow)
}

// anew returns a new sign-in for the same request, with nobody signed in.
func (s *Server) anew(fl *flow) (*flow, error) {
	ix, err := s.Provider.Restart(fl.ix)
	if err != nil {
		return nil, err
	}
	fresh := &flow{ix: ix, state: flowState{ReturnPath: fl.state.ReturnPath, Reauth: fl.state.Reauth}}
	fresh.state.setEnrolmentLink(fl.state.EnrolmentLink)
	return fresh, fresh.pack()
}

// refuse answers the client with an OAuth error. The events are recorded in the same commit.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, fl *flow, code string, events ...audit.Event) error {
	s.keepEnd(r, fl)
	err := s.Provider.Refuse(w, r, fl.ix, code, func(ctx context.Context) error { return s.recordWith(ctx, events, nil) })
	if errors.Is(err, store.ErrConflict) {
		return s.endedOr(r, fl)
	}
	return err
}

// finish ends the sign-in at the client, or at the page of ours that asked for it.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, fl *flow, with ...func(context.Context) error) error {
	err := s.tryFinish(w, r, fl, with...)
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
		s.setCookie(w, s.cookies.session, fl.sessionCookie)
		s.issueDeviceCookie(w, r, fl)
	}
	err := s.end(w, r, fl, with)
	if err != nil {
		w.Header()["Set-Cookie"] = before // there is no such session
	}
	return err
}

// endedOr is for a sign-in that could not end, because it has ended or changed: by the same form, or otherwise.
func (s *Server) endedOr(r *http.Request, fl *flow) error {
	if _, err := s.reload(whole(r), fl); err != nil {
		return err
	}
	return s.ended(fl)
}

func (s *Server) end(w http.ResponseWriter, r *http.Request, fl *flow, with []func(context.Context) error) error {
	with = append(slices.Clone(with), s.report(r, fl))
	s.keepEnd(r, fl)
	if !fl.isOwn() {
		return s.Provider.Finish(w, r, fl.ix, fl.decidedAt, append(with, s.requireAnswerBasis(fl))...)
	}
	to := ownPath(fl.state.ReturnPath)
	if err := s.Provider.EndAt(r.Context(), fl.ix, to, with...); err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// requireAnswerBasis makes the commit that answers a client rest on the session, unless that is opened in it, and on
// what the user has allowed the client, unless that was just now.
func (s *Server) requireAnswerBasis(fl *flow) func(context.Context) error {
	return func(ctx context.Context) error {
		if fl.sessionCookie == "" {
			if err := s.Sessions.RequireSession(ctx, fl.ix.Login.Session); err != nil {
				return err
			}
		}
		if fl.consentGiven {
			return nil
		}
		return s.Consent.Require(ctx, fl.subject(), fl.ix.Client, fl.ix.Scopes)
	}
}
