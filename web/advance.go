package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"vestibule/consent"
	"vestibule/provider"
)

// clone returns a visit to write a proof into: the commit that spends the code may still fail, and then
// the original is what is true.
func (v *visit) clone() *visit {
	c := *v
	ix := *v.ix
	ix.Login = v.ix.Login.Clone()
	c.ix = &ix
	c.mem.Faults, c.mem.Notes = slices.Clone(v.mem.Faults), slices.Clone(v.mem.Notes)
	return &c
}

// settle decides what is owed after a proof and writes all that follows from it. It runs inside the commit that
// spends what was proved.
func (s *Server) settle(ctx context.Context, r *http.Request, v *visit) error {
	v.mem.calm()
	owed, err := s.decide(ctx, v)
	if err != nil {
		return err
	}
	v.owed = owed
	if err := s.join(ctx, r, v); err != nil {
		return err
	}
	if err := s.admit(ctx, r, v); err != nil {
		return err
	}
	return s.save(ctx, v)
}

// borrowed reports whether a proof of the login is good only as long as the session that it came from, or that it has
// opened: that is all but a login that began with the password in this sign-in.
func (v *visit) borrowed() bool { return !v.mem.Typed || v.mem.Lent || v.mem.Admitted }

// join makes a login that is about to be admitted part of the session that its user has in this browser, perhaps from
// another tab: a sign-in there goes on, and signing out ends both. A borrowed login has a session already.
func (s *Server) join(ctx context.Context, r *http.Request, v *visit) error {
	if !v.owed.signedIn() {
		return nil
	}
	session, err := s.stored(ctx, r)
	if err != nil {
		return err
	}
	v.before = session
	if !v.borrowed() && session != nil && !s.over(session, s.Now()) && session.Login.Subject == v.subject() {
		v.ix.Login.Session = session.Login.Session
	}
	return nil
}

// admit opens the session once the user has proved all that there is to prove. Before that there is no session, so that
// no cookie is worth anything. join comes before it.
func (s *Server) admit(ctx context.Context, r *http.Request, v *visit) error {
	if !v.owed.signedIn() {
		return nil
	}
	if v.cookie == "" {
		v.cookie = randomToken()
	}
	if err := s.keepCookies(r, v); err != nil {
		return err
	}
	if err := s.rest(ctx, v); err != nil {
		return err
	}
	v.mem.Admitted = true
	if err := s.openSession(ctx, v.before, v.cookie, v.ix.Login); err != nil {
		return err
	}
	if err := s.Audit.Record(ctx, v.signedInEvent(r)); err != nil {
		return err
	}
	if v.remembered {
		return s.Browsers.TouchBrowser(ctx, v.device, s.Now())
	}
	return nil
}

// rest makes the commit rest on what the login does: the account in the epoch of its password and, if it is borrowed, the
// session. openSession replaces that one by its version, so that it is there until then.
func (s *Server) rest(ctx context.Context, v *visit) error {
	login := v.ix.Login
	if v.borrowed() {
		if v.before == nil || s.over(v.before, s.Now()) || v.before.Login.Session != login.Session {
			return provider.ErrSessionEnded
		}
		login.Epoch = v.before.Login.Epoch
	}
	if v.mem.Typed {
		return s.Accounts.NoteSignIn(ctx, login.Subject, login.Epoch, s.Now())
	}
	return s.Accounts.RequireAccount(ctx, login.Subject, login.Epoch)
}

// settled sends the browser on after settle was committed. Even when nothing is owed it goes over a GET first: if
// the button was pressed twice, the second answer is as good as the first.
func (s *Server) settled(w http.ResponseWriter, r *http.Request, v *visit) error {
	s.Provider.Saved(v.ix)
	s.setBinding(w, r, v)
	if v.cookie != "" {
		s.setCookie(w, s.cookies.session, v.cookie)
		s.know(w, r, v)
	}
	s.setDevice(w, v.keep)
	return s.send(w, r, v, steps[v.owed].path)
}

// signIn goes on after the right password. If that cannot be committed, the password was right all the same: that is
// recorded, and its guess is taken back.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, v *visit) error {
	done := v.clone()
	err := s.commitPassword(w, r, done)
	v.binding = done.binding
	switch {
	case err == nil && done.owed == stepDone: // finish has answered
		return nil
	case err == nil:
		return s.settled(w, r, done)
	case undecided(err):
		if err := s.follow(r.Context(), v); err != nil {
			return err
		}
		return s.signIn(w, r, v)
	case errors.Is(err, provider.ErrConflict) && v.ix.Version == 0:
		return s.signInAgain(w, r, v)
	case errors.Is(err, provider.ErrUnavailable): // perhaps it was committed, and has recorded the password
		s.refund(r.Context(), v.guess)
		return err
	}
	if err := s.passwordAlone(r, v, v.subject()); err != nil {
		return err
	}
	return s.unsettled(w, r, v, err)
}

// unsettled answers a form whose commit did not happen, because what it rested on has changed meanwhile.
func (s *Server) unsettled(w http.ResponseWriter, r *http.Request, v *visit, err error) error {
	switch {
	case errors.Is(err, provider.ErrConflict):
		return s.overtaken(w, r, v)
	case loginIsOver(err):
		return s.beginAtPassword(w, r, v)
	}
	return err
}

// commitPassword writes all that follows from the right password in one commit. A browser that has gone away by then
// gets none; later than that the commit is not given up, so that it is known whether it happened.
func (s *Server) commitPassword(w http.ResponseWriter, r *http.Request, v *visit) (err error) {
	ctx := r.Context()
	v.mem.calm()
	if v.owed, err = s.decide(ctx, v); err != nil {
		return err
	}
	if err := s.join(ctx, r, v); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r = whole(r)
	if v.owed == stepDone { // there is no row, and none is needed
		v.cookie = randomToken()
		return s.tryFinish(w, r, v, func(ctx context.Context) error { return s.enter(ctx, r, v) })
	}
	s.rebind(v)
	return s.Atomic(r.Context(), func(ctx context.Context) error {
		if err := s.enter(ctx, r, v); err != nil {
			return err
		}
		return s.save(ctx, v)
	})
}

// loginIsOver reports that what a sign-in has proved no longer counts: the password was changed, the account disabled, or
// the session has ended.
func loginIsOver(err error) bool {
	return errors.Is(err, provider.ErrPassword) || errors.Is(err, provider.ErrSessionEnded)
}

// beginAtPassword is for a login that is over.
func (s *Server) beginAtPassword(w http.ResponseWriter, r *http.Request, v *visit) error {
	v.forget()
	if v.ix.Demand.None {
		return s.refuse(w, r, v, steps[stepLogin].refusal)
	}
	v.mem.calm()
	v.mem.Notes = []fault{{ID: "login.again"}}
	return s.store(w, r, v, "/login")
}

// undecided reports that what the pages had decided on has changed before it was committed: the client, or what the user
// has allowed it.
func undecided(err error) bool {
	return errors.Is(err, provider.ErrClientChanged) || errors.Is(err, consent.ErrNotFound)
}

// decisions is how often a request decides anew before it gives up.
const decisions = 5

// follow has the sign-in be decided anew, for the client as it is registered now.
func (s *Server) follow(ctx context.Context, v *visit) error {
	if v.decided++; v.decided > decisions {
		return fmt.Errorf("%w: client %s changes all the time", provider.ErrUnavailable, v.ix.Client)
	}
	client, err := s.Provider.Client(ctx, v.ix.Client)
	if err != nil && !errors.Is(err, provider.ErrNotFound) { // Finish has an answer to a client that is gone
		return err
	}
	v.ix.Follow(client)
	v.ix.Consented, v.mem.Asking = v.allowed, false
	return nil
}

// enter records the password and admits whoever owes no code.
func (s *Server) enter(ctx context.Context, r *http.Request, v *visit) error {
	if err := s.passwordRight(ctx, r, v); err != nil {
		return err
	}
	return s.admit(ctx, r, v)
}

// passwordRight records the password and takes back the count of the guess, which was right. What counts codes stays
// as it is: a password says nothing about them.
func (s *Server) passwordRight(ctx context.Context, r *http.Request, v *visit) error {
	if err := s.takeBack(ctx, v.guess); err != nil {
		return err
	}
	return s.Audit.Record(ctx, v.event(r, provider.EventPassword, provider.MethodPassword))
}

// passwordAlone is passwordRight for the password of a subject that no sign-in goes on with.
func (s *Server) passwordAlone(r *http.Request, v *visit, subject string) error {
	e := v.event(r, provider.EventPassword, provider.MethodPassword)
	e.Subject, e.Session = subject, ""
	err := s.recordWith(r.Context(), []provider.Event{e}, func(ctx context.Context) error { return s.takeBack(ctx, v.guess) })
	if err != nil {
		s.refund(r.Context(), v.guess)
	}
	return err
}

// signInAgain is for the form that was sent, gone back to, and sent again: the sign-in is a row by now. The user
// who has just given a password may be another than before.
func (s *Server) signInAgain(w http.ResponseWriter, r *http.Request, v *visit) error {
	row, gone := s.reload(r, v)
	if gone == nil && row.subject() != v.subject() {
		row.ix.Login, row.ix.Consented, row.ix.Demand.Waived, row.mem = v.ix.Login, false, false, v.mem
		row.guess = v.guess
		return s.signIn(w, r, row)
	}
	if err := s.passwordAlone(r, v, v.subject()); err != nil {
		return err
	}
	if gone != nil {
		return gone
	}
	s.setBinding(w, r, v)
	return s.onward(w, r, row)
}

// overtaken is for a form of a sign-in that another request has changed meanwhile.
func (s *Server) overtaken(w http.ResponseWriter, r *http.Request, v *visit) error {
	row, err := s.reload(r, v)
	if err != nil {
		return err
	}
	s.setBinding(w, r, v)
	return s.onward(w, r, row)
}

// onward decides anew where a reloaded sign-in stands, and goes there.
func (s *Server) onward(w http.ResponseWriter, r *http.Request, row *visit) error {
	if err := s.cookiesAgain(w, r, row); err != nil {
		return err
	}
	owed, err := s.decide(r.Context(), row)
	if err != nil {
		return err
	}
	return s.forward(w, r, row, owed)
}

func (s *Server) reload(r *http.Request, v *visit) (*visit, error) {
	ix, err := s.Provider.Resume(r.Context(), v.ix.ID)
	switch {
	case errors.Is(err, provider.ErrNotFound), errors.Is(err, provider.ErrExpired):
		if err := s.endedBefore(r, ix); err != nil {
			return nil, err
		}
		return nil, s.ended(v)
	case err != nil:
		return nil, err
	case !s.sameBrowser(r, ix.Browser) && !v.boundBy(ix.Browser):
		return nil, errUnknown
	}
	row, err := newVisit(ix)
	if err != nil {
		return nil, err
	}
	row.device = s.device(r)
	return row, nil
}

// advance stores what a form has changed that proves nothing, and goes on.
func (s *Server) advance(w http.ResponseWriter, r *http.Request, v *visit) error {
	owed, err := s.decide(r.Context(), v)
	switch {
	case err != nil:
		return err
	case owed == stepDone:
		return s.finish(w, r, v)
	}
	return s.store(w, r, v, steps[owed].path)
}

// store saves what a form has changed, be it only what is wrong with it, together with the record of it, and shows
// the page at path.
func (s *Server) store(w http.ResponseWriter, r *http.Request, v *visit, path string, events ...provider.Event) error {
	save := func(ctx context.Context) error { return nil }
	if v.ix.Version > 0 {
		save = func(ctx context.Context) error { return s.save(ctx, v) }
	}
	switch err := s.recordWith(r.Context(), events, save); {
	case errors.Is(err, provider.ErrConflict): // what happened, happened: only the page is another's
		if err := s.recordWith(r.Context(), events, nil); err != nil {
			return err
		}
		return s.overtaken(w, r, v)
	case err != nil:
		return err
	}
	return s.send(w, r, v, path)
}

// ended says that the sign-in is over and offers another for the same request.
func (s *Server) ended(v *visit) error {
	fresh, err := s.anew(v)
	if err != nil {
		return err
	}
	flow, err := s.Provider.Flow(fresh.ix)
	if err != nil {
		return err
	}
	return elsewhere(v.ix.ClientName, flow)
}

// anew returns a new sign-in for the same request, with nobody signed in.
func (s *Server) anew(v *visit) (*visit, error) {
	ix, err := s.Provider.Again(v.ix)
	if err != nil {
		return nil, err
	}
	fresh := &visit{ix: ix, mem: memory{Return: v.mem.Return, Sudo: v.mem.Sudo}}
	fresh.mem.follow(v.mem.Link)
	return fresh, fresh.pack()
}

// refuse answers the client with an OAuth error. The events are recorded in the same commit.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, v *visit, code string, events ...provider.Event) error {
	s.keepEnd(r, v)
	err := s.Provider.Refuse(w, r, v.ix, code, func(ctx context.Context) error { return s.recordWith(ctx, events, nil) })
	if errors.Is(err, provider.ErrConflict) {
		return s.endedOr(r, v)
	}
	return err
}

// finish ends the sign-in at the client, or at the page of ours that asked for it.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, v *visit, with ...func(context.Context) error) error {
	err := s.tryFinish(w, r, v, with...)
	switch {
	case errors.Is(err, provider.ErrConflict):
		return s.endedOr(r, v)
	case undecided(err):
		if err := s.follow(r.Context(), v); err != nil {
			return err
		}
		return s.proceed(w, r, v, with...)
	case err != nil:
		return s.unsettled(w, r, v, err)
	}
	return nil
}

// tryFinish is finish for a caller that has an answer of its own to what went wrong.
func (s *Server) tryFinish(w http.ResponseWriter, r *http.Request, v *visit, with ...func(context.Context) error) error {
	before := slices.Clone(w.Header()["Set-Cookie"])
	if v.cookie != "" {
		s.setCookie(w, s.cookies.session, v.cookie)
		s.know(w, r, v)
	}
	err := s.end(w, r, v, with)
	if err != nil {
		w.Header()["Set-Cookie"] = before // there is no such session
	}
	return err
}

// endedOr is for a sign-in that could not end, because it has ended or changed: by the same form, or otherwise.
func (s *Server) endedOr(r *http.Request, v *visit) error {
	if _, err := s.reload(whole(r), v); err != nil {
		return err
	}
	return s.ended(v)
}

func (s *Server) end(w http.ResponseWriter, r *http.Request, v *visit, with []func(context.Context) error) error {
	with = append(slices.Clone(with), s.report(r, v))
	s.keepEnd(r, v)
	if !v.own() {
		return s.Provider.Finish(w, r, v.ix, v.at, append(with, s.basis(v))...)
	}
	to := ownPath(v.mem.Return)
	if err := s.Provider.EndAt(r.Context(), v.ix, to, with...); err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// basis makes the commit that answers a client rest on the session, unless that is opened in it, and on what the user has
// allowed the client, unless that was just now.
func (s *Server) basis(v *visit) func(context.Context) error {
	return func(ctx context.Context) error {
		if v.cookie == "" {
			if err := s.Sessions.RequireSession(ctx, v.ix.Login.Session); err != nil {
				return err
			}
		}
		if v.allowed {
			return nil
		}
		return s.Consent.Require(ctx, v.subject(), v.ix.Client, v.ix.Scopes)
	}
}
