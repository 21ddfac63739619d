package signin

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"

	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

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
	case errors.Is(err, store.ErrConflict) && !fl.resubmitted:
		return s.onResubmit(w, r, fl)
	case errors.Is(err, store.ErrUnavailable): // perhaps it was committed, and has recorded the password
		s.Passwords.Refund(r.Context(), fl.guess)
		return err
	}
	if err := s.passwordAlone(r, fl, fl.subject()); err != nil {
		return err
	}
	return s.onConflict(w, r, fl, err)
}

// commitPassword writes all that follows from the right password in one commit. A browser that has gone away by then
// gets none; later than that the commit is not given up, so that it is known whether it happened.
func (s *Server) commitPassword(w http.ResponseWriter, r *http.Request, fl *flow) (err error) {
	ctx := r.Context()
	fl.state.clearMessages()
	fl.state.Challenges = nil
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
		fl.sessionCookie = ui.NewToken()
		return s.tryFinish(w, r, fl, func(ctx context.Context) error { return s.recordPassword(ctx, r, fl) })
	}
	s.rebind(fl)
	return s.Journal.Atomic(r.Context(), func(ctx context.Context) error {
		if err := s.recordPassword(ctx, r, fl); err != nil {
			return err
		}
		return s.save(ctx, fl)
	})
}

// recordPassword records the password, and opens the session of whoever owes no code.
func (s *commits) recordPassword(ctx context.Context, r *http.Request, fl *flow) error {
	if err := s.passwordRight(ctx, r, fl); err != nil {
		return err
	}
	return s.openSession(ctx, r, fl)
}

// passwordRight records the password and takes back the count of the guess, which was right. What counts codes stays
// as it is: a password says nothing about them.
func (s *commits) passwordRight(ctx context.Context, r *http.Request, fl *flow) error {
	if s.Host != nil { // which has counted it, and knows of it
		return nil
	}
	if err := s.Passwords.TakeBack(ctx, fl.guess); err != nil {
		return err
	}
	return s.Journal.Record(ctx, fl.event(r, audit.EventPassword, assurance.MethodPassword))
}

// passwordAlone is passwordRight for the password of a subject that no sign-in goes on with.
func (s *commits) passwordAlone(r *http.Request, fl *flow, subject string) error {
	if s.Host != nil {
		return nil
	}
	e := fl.event(r, audit.EventPassword, assurance.MethodPassword)
	e.Subject, e.Session = subject, ""
	err := s.Journal.RecordWith(r.Context(), []audit.Event{e}, func(ctx context.Context) error { return s.Passwords.TakeBack(ctx, fl.guess) })
	if err != nil {
		s.Passwords.Refund(r.Context(), fl.guess)
	}
	return err
}

// rebind gives the sign-in to a browser that nobody knew before the password, in the commit that the password brings.
// One whose login came from a session stays where it is: it was made in the browser that has the user's session, for
// nobody else.
func (s *commits) rebind(fl *flow) {
	if fl.state.FromSession {
		return
	}
	fl.binding = s.Cookies.ProvenBinding(fl.ix.ID, fl.subject())
	fl.ix.Browser = ui.Digest(fl.binding)
}

// isBoundBy reports whether the password of this request brings the value that the hash was made of.
func (fl *flow) isBoundBy(hash []byte) bool {
	return fl.binding != "" && subtle.ConstantTimeCompare(ui.Digest(fl.binding), hash) == 1
}
