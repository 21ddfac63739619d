package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"vestibule/provider"
)

// Sessions keeps the browsers' single sign-on sessions.
type Sessions interface {
	// Session returns the session with that ID, or provider.ErrNotFound.
	Session(ctx context.Context, id []byte) (provider.Session, error)
	// SaveSession inserts session, or, if old is not nil, puts it in the place of the row that has the ID
	// old and session's Version. provider.ErrConflict reports that there is no such row.
	SaveSession(ctx context.Context, old []byte, session *provider.Session) error
	// TouchSession sets when the session was last used. A session that is gone is no error.
	TouchSession(ctx context.Context, id []byte, seen time.Time) error
	// DeleteSession ends a session; none is no error.
	DeleteSession(ctx context.Context, id []byte) error
}

// errIdle reports a session that was not used for too long, or has reached its end.
var errIdle = errors.New("session expired")

// stored returns the browser's session, live or not; nil if there is none.
func (s *Server) stored(ctx context.Context, r *http.Request) (*provider.Session, error) {
	value := token(r, s.cookies.session)
	if value == "" {
		return nil, nil
	}
	session, err := s.Sessions.Session(ctx, digest(value))
	if errors.Is(err, provider.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &session, nil
}

// live returns the browser's session, nil if there is none, or errIdle if it is over.
func (s *Server) live(ctx context.Context, r *http.Request) (*provider.Session, error) {
	session, err := s.stored(ctx, r)
	if err != nil || session == nil {
		return nil, err
	}
	now := s.Now()
	if s.over(session, now) {
		return nil, errIdle
	}
	if now.Sub(session.Seen) >= time.Minute {
		session.Seen = now
		return session, s.Sessions.TouchSession(ctx, session.ID, now)
	}
	return session, nil
}

// over reports whether a session was not used for too long, or has reached its end.
func (s *Server) over(session *provider.Session, now time.Time) bool {
	return !now.Before(session.Expires) || now.Sub(session.Seen) >= s.SessionIdle
}

// backed reports whether the browser's session is live and the one that the login belongs to.
func (s *Server) backed(r *http.Request, v *visit) (bool, error) {
	session, err := s.live(r.Context(), r)
	if errors.Is(err, errIdle) {
		return false, nil
	}
	return err == nil && session != nil && session.Login.Session == v.ix.Login.Session, err
}

// openSession writes the session of a login that is complete, under a cookie that was just made. The value changes
// each time, so that one that somebody saw before the password or the code was given is worth nothing after it.
// old, the session that the browser had, ends in the same commit; nil: it had none.
func (s *Server) openSession(ctx context.Context, old *provider.Session, cookie string, login *provider.Login) error {
	now := s.Now()
	session := &provider.Session{ID: digest(cookie), Login: *login.Clone(), Created: now, Seen: now, Expires: s.ends(login, now)}
	switch {
	case old == nil:
		return s.Sessions.SaveSession(ctx, nil, session)
	case old.Login.Session == login.Session:
		session.Created, session.Version = old.Created, old.Version
		return s.Sessions.SaveSession(ctx, old.ID, session)
	}
	if err := s.Sessions.DeleteSession(ctx, old.ID); err != nil {
		return err
	}
	return s.Sessions.SaveSession(ctx, nil, session)
}

// ends counts from the password: a step-up does not prolong a session.
func (s *Server) ends(login *provider.Login, now time.Time) time.Time {
	at, ok := login.Proved(provider.MethodPassword)
	if !ok {
		at = now
	}
	return at.Add(s.SessionLifetime)
}
