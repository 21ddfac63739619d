package browser

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

// SessionStore keeps the browsers' single sign-on sessions.
type SessionStore interface {
	// Session returns the session with that ID, or store.ErrNotFound.
	Session(ctx context.Context, id []byte) (interaction.Session, error)
	// Sessions returns all sessions of the subject, over or not.
	Sessions(ctx context.Context, subject string) ([]interaction.Session, error)
	// SaveSession inserts session, or, if old is not nil, puts it in the place of the row that has the ID
	// old and session's Version. store.ErrConflict reports that there is no such row.
	SaveSession(ctx context.Context, old []byte, session *interaction.Session) error
	// TouchSession sets when the session was last used. A session that is gone is no error.
	TouchSession(ctx context.Context, id []byte, seen time.Time) error
	// RequireSession makes the commit of ctx rest on the session with that sid: interaction.ErrSessionEnded, and nothing
	// of the commit, if it has ended. Whoever ends it waits for the commit, and it for them.
	RequireSession(ctx context.Context, sid string) error
	// UseSession is RequireSession for the session that has this ID too, and that is not over: its end is after now, and
	// it was last used after since. It is noted as in use at now.
	UseSession(ctx context.Context, id []byte, sid string, now, since time.Time) error
	// EndSession ends the session with that sid and what rests on it: codes, and tokens of clients without
	// offline_access. No such session is no error.
	EndSession(ctx context.Context, sid string) error
	// EndSessionOf ends the session of the subject with that sid and all that has come of it: codes, and tokens, also those of
	// clients with offline_access. store.ErrNotFound if there is no such session.
	EndSessionOf(ctx context.Context, subject, sid string) error
	// EndOthers ends all that the subject has open but for the session with that sid and what rests on it: sessions,
	// sign-ins under way, codes, tokens. The account comes into the epoch that is returned, and the session's login has
	// to follow in the same commit; if the account is kept elsewhere that is the given one, and its directory ends what
	// is under way. Browsers stay remembered, in the epoch that is returned. account.ErrPassword if the account is
	// disabled or in another epoch by now.
	EndOthers(ctx context.Context, subject string, epoch int64, sid string) (next int64, err error)
}

// ErrIdle reports a session that was not used for too long, or has reached its end.
var ErrIdle = errors.New("session expired")

// Sessions are the sessions of the pages.
type Sessions struct {
	Store    SessionStore
	Cookies  *Cookies
	Idle     time.Duration // how long one lives without being used
	Lifetime time.Duration // from the password on
	Now      func() time.Time
}

// Lookup returns the browser's session, live or not; nil if there is none.
func (s *Sessions) Lookup(ctx context.Context, r *http.Request) (*interaction.Session, error) {
	value := s.Cookies.Session(r)
	if value == "" {
		return nil, nil
	}
	session, err := s.Store.Session(ctx, ui.Digest(value))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &session, nil
}

// Current returns the browser's session, nil if there is none, or ErrIdle if it is over.
func (s *Sessions) Current(ctx context.Context, r *http.Request) (*interaction.Session, error) {
	session, err := s.Lookup(ctx, r)
	if err != nil || session == nil {
		return nil, err
	}
	now := s.Now()
	if s.Expired(session, now) {
		return nil, ErrIdle
	}
	if now.Sub(session.Seen) >= time.Minute {
		session.Seen = now
		return session, s.Store.TouchSession(ctx, session.ID, now)
	}
	return session, nil
}

// CurrentOrNone is Current for whoever makes no difference between a session that is over and none: nil.
func (s *Sessions) CurrentOrNone(ctx context.Context, r *http.Request) (*interaction.Session, error) {
	session, err := s.Current(ctx, r)
	if errors.Is(err, ErrIdle) {
		return nil, nil
	}
	return session, err
}

// Expired reports whether a session was not used for too long, or has reached its end.
func (s *Sessions) Expired(session *interaction.Session, now time.Time) bool {
	return !now.Before(session.Expires) || now.Sub(session.Seen) >= s.Idle
}

// IsSame reports whether the browser's session is live and the one that the login belongs to. The session says in
// which epoch of the account it lives on, and the login is brought into it: its own is from before its user ended all
// others.
func (s *Sessions) IsSame(r *http.Request, login *assurance.Login) (bool, error) {
	session, err := s.CurrentOrNone(r.Context(), r)
	if err != nil || session == nil || session.Login.Session != login.Session {
		return false, err
	}
	login.Epoch = session.Login.Epoch
	return true, nil
}

// Require makes the commit of ctx rest on what IsSame asks for, but for the epoch: interaction.ErrSessionEnded, and nothing of
// the commit, unless the browser's session is live and the one with that sid.
func (s *Sessions) Require(ctx context.Context, r *http.Request, sid string) error {
	now := s.Now()
	return s.Store.UseSession(ctx, ui.Digest(s.Cookies.Session(r)), sid, now, now.Add(-s.Idle))
}

// Write writes the session of a login that is complete, in the browser that has sent the request, under a cookie that was just
// made. The value changes
// each time, so that one that somebody saw before the password or the code was given is worth nothing after it.
// old, the session that the browser had, ends in the same commit; nil: it had none.
func (s *Sessions) Write(ctx context.Context, r *http.Request, old *interaction.Session, cookie string, login *assurance.Login) error {
	now := s.Now()
	session := &interaction.Session{
		ID: ui.Digest(cookie), Login: *login.Clone(), Agent: ui.Agent(r.UserAgent()), Address: spelling.HostOf(r.RemoteAddr),
		Created: now, Seen: now, Expires: s.ends(login, now),
	}
	switch {
	case old == nil:
		return s.Store.SaveSession(ctx, nil, session)
	case old.Login.Session == login.Session:
		session.Created, session.Version = old.Created, old.Version
		return s.Store.SaveSession(ctx, old.ID, session)
	}
	if err := s.Store.EndSession(ctx, old.Login.Session); err != nil {
		return err
	}
	return s.Store.SaveSession(ctx, nil, session)
}

// ends counts from the password: a step-up does not prolong a session.
func (s *Sessions) ends(login *assurance.Login, now time.Time) time.Time {
	at, ok := login.AuthenticatedAt(assurance.MethodPassword)
	if !ok {
		at = now
	}
	return at.Add(s.Lifetime)
}

// Others are the live sessions that the user of this one has beside it, the one that was used last first.
func (s *Sessions) Others(ctx context.Context, this *interaction.Session) ([]interaction.Session, error) {
	all, err := s.Store.Sessions(ctx, this.Login.Subject)
	now := s.Now()
	others := slices.DeleteFunc(all, func(one interaction.Session) bool {
		return one.Login.Session == this.Login.Session || s.Expired(&one, now)
	})
	slices.SortStableFunc(others, func(a, b interaction.Session) int { return b.Seen.Compare(a.Seen) })
	return others, err
}

// goesOn reports false if the session of the cookie is over or has another cookie by now.
func (s *Sessions) goesOn(ctx context.Context, cookie string) (bool, error) {
	return s.lives(ctx, ui.Digest(cookie))
}

// Lives reports false if the session, as it was read, has ended or has another id by now.
func (s *Sessions) Lives(ctx context.Context, session *interaction.Session) (bool, error) {
	return s.lives(ctx, session.ID)
}

func (s *Sessions) lives(ctx context.Context, id []byte) (bool, error) {
	_, err := s.Store.Session(ctx, id)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// LoginIsOver reports an error that says that what a login has proved no longer counts: the password was changed, the
// account disabled, or the session has ended.
func LoginIsOver(err error) bool {
	return errors.Is(err, account.ErrPassword) || errors.Is(err, interaction.ErrSessionEnded)
}
