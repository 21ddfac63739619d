package signin

import (
	"errors"
	"net/http"

	"vestibule/web/ui"
)

// onResubmit is for a right password that met a sign-in which is a row by now, or another version of one, or has ended: the form
// was sent, gone back to, and sent again. What was proved before stays proved as long as it counts in this browser. Else the
// sign-in goes on with the password that was just given: it may be another user's, or the first answer was lost.
func (s *Server) onResubmit(w http.ResponseWriter, r *http.Request, fl *flow) error {
	row, gone := s.reload(r, fl)
	over, err := s.isOver(r, fl, row, gone)
	switch {
	case err != nil:
		gone = err
	case over && gone == nil:
		row.ix.Login, row.ix.Consented, row.ix.Waived, row.state = fl.ix.Login, false, false, fl.state
		row.guess, row.resubmitted = fl.guess, true
		return s.commitPasswordAndRedirect(w, r, row)
	case over:
		fresh := fl.clone()
		fresh.ix, fresh.binding, fresh.resubmitted = s.Flows.Another(fresh.ix), "", true
		return s.commitPasswordAndRedirect(w, r, fresh)
	}
	if err := s.passwordAlone(r, fl, fl.subject()); err != nil {
		return err
	}
	if gone != nil {
		return gone
	}
	s.Cookies.AddBinding(w, r, fl.binding)
	return s.redirectAfterReload(w, r, row)
}

// isOver reports whether nothing of what was proved before counts for the user who has just given a password: in the row, or in
// the sign-in that is gone. One that has ended is over where nobody is signed in: the browser never had its answer, or
// the user has left since. To follow a link is no reason to answer the client twice, though.
func (s *Server) isOver(r *http.Request, fl, row *flow, gone error) (bool, error) {
	switch {
	case gone == nil && row.subject() != fl.subject():
		return true, nil
	case gone == nil:
		d, err := s.decider.decide(r.Context(), row)
		if err != nil || d.owed == stepLogin {
			return err == nil, err
		}
		return s.lacksSession(r, row)
	case !isEnded(gone) || r.Method != http.MethodPost:
		return false, nil
	}
	session, err := s.Sessions.CurrentOrNone(r.Context(), r)
	return err == nil && session == nil, err
}

// isEnded reports whether the error is what ended returns.
func isEnded(err error) bool {
	var p *ui.Problem
	return errors.As(err, &p) && p.State == "elsewhere"
}

// lacksSession reports whether the sign-in has opened a session that is over, or whose cookie the browser does not have and does
// not get for this form either: the answer that brought it was lost.
func (s *Server) lacksSession(r *http.Request, fl *flow) (bool, error) {
	if !fl.state.SessionOpened || s.Answers.HasCookies(r, fl.ix.ID, fl.state.SealedCookies) {
		return false, nil
	}
	lives, err := s.Sessions.IsSame(r, fl.ix.Login)
	return err == nil && !lives, err
}

// lateForm answers a form for a step that is not owed any more: perhaps it is the second of two clicks. A password is taken all
// the same if the sign-in can only go on with one.
func (s *Server) lateForm(w http.ResponseWriter, r *http.Request, fl *flow, of step, h flowHandler) error {
	if of == stepLogin {
		lacks, err := s.lacksSession(r, fl)
		if err != nil {
			return err
		}
		if lacks {
			fl.forget()
			return h(w, r, fl)
		}
	}
	return s.redirectAfterConflict(w, r, fl)
}
