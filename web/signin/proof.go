package signin

import (
	"context"
	"net/http"
	"slices"

	"vestibule/provider/interaction"
	"vestibule/web/ui"
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
func (s *commits) commitProof(ctx context.Context, r *http.Request, fl *flow) error {
	fl.state.clearMessages()
	fl.state.Challenges = nil
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
	if err := s.keepResult(ctx, fl); err != nil {
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
func (s *commits) continueSession(ctx context.Context, r *http.Request, fl *flow) error {
	if !fl.owed.signedIn() {
		return nil
	}
	session, err := s.Sessions.Lookup(ctx, r)
	if err != nil {
		return err
	}
	fl.browserSession = session
	if !fl.restsOnSession() && session != nil && !s.Sessions.Expired(session, s.Now()) && session.Login.Subject == fl.subject() {
		fl.ix.Login.Session = session.Login.Session
	}
	return nil
}

// openSession opens the session once the user has proved all that there is to prove. Before that there is no session,
// so that no cookie is worth anything. join comes before it.
func (s *commits) openSession(ctx context.Context, r *http.Request, fl *flow) error {
	if !fl.owed.signedIn() {
		return nil
	}
	if fl.sessionCookie == "" {
		fl.sessionCookie = ui.NewToken()
	}
	if err := s.keepCookies(r, fl); err != nil {
		return err
	}
	if err := s.requireBasis(ctx, fl); err != nil {
		return err
	}
	fl.state.SessionOpened = true
	if err := s.Sessions.Write(ctx, r, fl.browserSession, fl.sessionCookie, fl.ix.Login); err != nil {
		return err
	}
	if err := s.Journal.Record(ctx, s.signedInEvent(r, fl)); err != nil {
		return err
	}
	if fl.remembered {
		return s.Remembered.Store.TouchBrowser(ctx, fl.rememberToken, s.Now())
	}
	return nil
}

// requireBasis makes the commit rest on what the login does: the account in the epoch of its password and, if it
// rests on one, the session. openSession replaces that one by its version, so that it is there until then.
func (s *commits) requireBasis(ctx context.Context, fl *flow) error {
	login := fl.ix.Login
	if fl.restsOnSession() {
		if fl.browserSession == nil || s.Sessions.Expired(fl.browserSession, s.Now()) || fl.browserSession.Login.Session != login.Session {
			return interaction.ErrSessionEnded
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
	s.Flows.Saved(fl.ix)
	s.Cookies.AddBinding(w, r, fl.binding)
	s.Answers.Give(w, fl.sessionCookie, fl.newRememberToken)
	if fl.sessionCookie != "" {
		s.issueDeviceCookie(w, r, fl)
	}
	return s.redirectTo(w, r, fl, s.pathOf(fl, fl.owed))
}

// issueDeviceCookie makes the browser known to the account that has signed in with its password.
func (s *commits) issueDeviceCookie(w http.ResponseWriter, r *http.Request, fl *flow) {
	if fl.state.PasswordGiven {
		s.Devices.Issue(w, r, fl.subject(), fl.ix.Login.Epoch)
	}
}
