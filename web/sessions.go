package web

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"vestibule/provider"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// others counts the live sessions that the user has beside this one.
func (s *Server) others(ctx context.Context, m *signedIn) (int, error) {
	all, err := s.Sessions.Sessions(ctx, m.account.Subject)
	if err != nil {
		return 0, err
	}
	now := s.Now()
	return len(slices.DeleteFunc(all, func(one provider.Session) bool {
		return one.Login.Session == m.session.Login.Session || s.expired(&one, now)
	})), nil
}

// postEndOthers signs the user out everywhere else. It needs no fresh proof: nobody gains anything by it.
func (s *Server) postEndOthers(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	var done response
	ended := m.event(r, audit.EventOthersEnded, "")
	err := s.recordWith(r.Context(), []audit.Event{ended}, func(ctx context.Context) (err error) {
		done, err = s.renewAlone(ctx, r, m, m.session.Login.Clone(), response{Note: &message{ID: "sessions.ended"}})
		return err
	})
	switch {
	case err == nil:
		return s.give(w, r, done)
	case loginIsOver(err), errors.Is(err, store.ErrConflict): // the session itself has ended, or another click was first
		if err := s.answeredBefore(r); err != nil {
			return err
		}
		return redirect(securityPath)(w, r)
	}
	return err
}
