package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"vestibule/provider"
	"vestibule/provider/store"
)

// Sessions keeps the browsers' single sign-on sessions.
type Sessions interface {
	// Session returns the session with that ID, or store.ErrNotFound.
	Session(ctx context.Context, id []byte) (provider.Session, error)
	// Sessions returns all sessions of the subject, over or not.
	Sessions(ctx context.Context, subject string) ([]provider.Session, error)
	// SaveSession inserts session, or, if old is not nil, puts it in the place of the row that has the ID
	// old and session's Version. store.ErrConflict reports that there is no such row.
	SaveSession(ctx context.Context, old []byte, session *provider.Session) error
	// TouchSession sets when the session was last used. A session that is gone is no error.
	TouchSession(ctx context.Context, id []byte, seen time.Time) error
	// RequireSession makes the commit of ctx rest on the session with that sid: provider.ErrSessionEnded, and nothing
	// of the commit, if it has ended. Whoever ends it waits for the commit, and it for them.
	RequireSession(ctx context.Context, sid string) error
	// EndSession ends the session with that sid and what rests on it: codes, and tokens of clients without
	// offline_access. No such session is no error.
	EndSession(ctx context.Context, sid string) error
	// EndOthers ends all that the subject has open but for the session with that sid and what rests on it: sessions,
	// sign-ins under way, codes, tokens. The account comes into the epoch that is returned, and the session's login has
	// to follow in the same commit; if the account is kept elsewhere that is the given one, and its directory ends what
	// is under way. account.ErrPassword if the account is disabled or in another epoch by now.
	EndOthers(ctx context.Context, subject string, epoch int64, sid string) (next int64, err error)
}

// errIdle reports a session that was not used for too long, or has reached its end.
var errIdle = errors.New("session expired")

// lookupSession returns the browser's session, live or not; nil if there is none.
func (s *Server) lookupSession(ctx context.Context, r *http.Request) (*provider.Session, error) {
	value := token(r, s.cookies.session)
	if value == "" {
		return nil, nil
	}
	session, err := s.Sessions.Session(ctx, digest(value))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &session, nil
}

// currentSession returns the browser's session, nil if there is none, or errIdle if it is over.
func (s *Server) currentSession(ctx context.Context, r *http.Request) (*provider.Session, error) {
	session, err := s.lookupSession(ctx, r)
	if err != nil || session == nil {
		return nil, err
	}
	now := s.Now()
	if s.expired(session, now) {
		return nil, errIdle
	}
	if now.Sub(session.Seen) >= time.Minute {
		session.Seen = now
		return session, s.Sessions.TouchSession(ctx, session.ID, now)
	}
	return session, nil
}

// expired reports whether a session was not used for too long, or has reached its end.
func (s *Server) expired(session *provider.Session, now time.Time) bool {
	return !now.Before(session.Expires) || now.Sub(session.Seen) >= s.SessionIdle
}

// sameSession reports whether the browser's session is live and the one that the login belongs to. The session says in
// which epoch of the account it lives on: that of the login is from before its user ended all others.
func (s *Server) sameSession(r *http.Request, fl *flow) (bool, error) {
	session, err := s.currentSession(r.Context(), r)
	if errors.Is(err, errIdle) {
		return false, nil
	}
	if err != nil || session == nil || session.Login.Session != fl.ix.Login.Session {
		return false, err
	}
	fl.ix.Login.Epoch = session.Login.Epoch
	return true, nil
}

// writeSession writes the session of a login that is complete, under a cookie that was just made. The value changes
// each time, so that one that somebody saw before the password or the code was given is worth nothing after it.
// old, the session that the browser had, ends in the same commit; nil: it had none.
func (s *Server) writeSession(ctx context.Context, old *provider.Session, cookie string, login *provider.Login) error {
	now := s.Now()
	session := &provider.Session{ID: digest(cookie), Login: *login.Clone(), Created: now, Seen: now, Expires: s.ends(login, now)}
	switch {
	case old == nil:
		return s.Sessions.SaveSession(ctx, nil, session)
	case old.Login.Session == login.Session:
		session.Created, session.Version = old.Created, old.Version
		return s.Sessions.SaveSession(ctx, old.ID, session)
	}
	if err := s.Sessions.EndSession(ctx, old.Login.Session); err != nil {
		return err
	}
	return s.Sessions.SaveSession(ctx, nil, session)
}

// renew replaces the user's session, in the commit of ctx, by one with a new id and the login. What is returned answers
// the form: a's note on the security page, with the cookie. store.ErrConflict if the session has ended or was
// changed since it was read, account.ErrPassword if the account does not let its user in any more.
func (s *Server) renew(ctx context.Context, r *http.Request, m *signedIn, login *provider.Login, a response) (response, error) {
	if err := s.Accounts.RequireAccount(ctx, login.Subject, login.Epoch); err != nil {
		return response{}, err
	}
	a.Session, a.To = randomToken(), securityPath
	if err := s.writeSession(ctx, &m.session, a.Session, login); err != nil {
		return response{}, err
	}
	return a, s.keepAnswer(ctx, r, a)
}

// renewAlone is renew that ends all that the user has open elsewhere. A browser that the account knows stays known.
func (s *Server) renewAlone(ctx context.Context, r *http.Request, m *signedIn, login *provider.Login, a response) (response, error) {
	before := login.Epoch
	var err error
	if login.Epoch, err = s.Sessions.EndOthers(ctx, login.Subject, before, login.Session); err != nil {
		return response{}, err
	}
	if known, ok := s.deviceCookie(r, login.Subject, before); ok {
		a.Device = s.withDeviceCookie(r, known, login.Subject, before, login.Epoch)
	}
	return s.renew(ctx, r, m, login, a)
}

// ends counts from the password: a step-up does not prolong a session.
func (s *Server) ends(login *provider.Login, now time.Time) time.Time {
	at, ok := login.AuthenticatedAt(provider.MethodPassword)
	if !ok {
		at = now
	}
	return at.Add(s.SessionLifetime)
}
