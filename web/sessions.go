package web

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"vestibule/provider"
)

// others counts the live sessions that the user has beside this one.
func (s *Server) others(ctx context.Context, m *member) (int, error) {
	all, err := s.Sessions.Sessions(ctx, m.account.Subject)
	if err != nil {
		return 0, err
	}
	now := s.Now()
	return len(slices.DeleteFunc(all, func(one provider.Session) bool {
		return one.Login.Session == m.session.Login.Session || s.over(&one, now)
	})), nil
}

// endOthers signs the user out everywhere else. It needs no fresh proof: nobody gains anything by it.
func (s *Server) endOthers(w http.ResponseWriter, r *http.Request, m *member) error {
	var cookie string
	ended := m.event(r, provider.EventOthersEnded, "")
	err := s.recordWith(r.Context(), []provider.Event{ended}, func(ctx context.Context) (err error) {
		cookie, err = s.renewAlone(ctx, m, m.session.Login.Clone())
		return err
	})
	switch {
	case loginIsOver(err), errors.Is(err, provider.ErrConflict): // the session itself has ended, or another click was first
		return redirect(securityPath)(w, r)
	case err != nil:
		return err
	}
	s.setCookie(w, s.cookies.session, cookie)
	return s.note(w, r, securityPath, "sessions.ended", nil)
}

// renewAlone is renew that ends all that the user has open elsewhere.
func (s *Server) renewAlone(ctx context.Context, m *member, login *provider.Login) (cookie string, err error) {
	if err := s.Sessions.EndOthers(ctx, login.Subject, login.Epoch, login.Session); err != nil {
		return "", err
	}
	login.Epoch++
	return s.renew(ctx, m, login)
}
