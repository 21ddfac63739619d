package storage

import (
	"context"
	"encoding/json"
	"time"

	"vestibule/provider/interaction"
	"vestibule/provider/store"
)

const sessionColumns = `session.id, session.login, session.agent, session.address, session.created_at, session.seen_at, session.expires_at, session.version`

// sessionScan takes in the columns of sessionColumns.
type sessionScan struct {
	interaction.Session
	login                  string
	created, seen, expires int64
}

func (s *sessionScan) dest() []any {
	return []any{&s.ID, &s.login, &s.Agent, &s.Address, &s.created, &s.seen, &s.expires, &s.Version}
}

func (s *sessionScan) session() (interaction.Session, error) {
	s.Created, s.Seen, s.Expires = instant(s.created), instant(s.seen), instant(s.expires)
	err := json.Unmarshal([]byte(s.login), &s.Login)
	return s.Session, err
}

func scanSession(r row) (interaction.Session, error) {
	var s sessionScan
	if err := r.Scan(s.dest()...); err != nil {
		return s.Session, err
	}
	return s.session()
}

// Session returns the session, expired or not, or store.ErrNotFound.
func (s *Store) Session(ctx context.Context, id []byte) (interaction.Session, error) {
	if g := grantAlong(ctx, id); g != nil {
		return g.session(ctx, s)
	}
	return one(ctx, s, scanSession, `SELECT `+sessionColumns+` FROM session WHERE id = $1`, id)
}

// Sessions returns all sessions of the subject, expired or not, the oldest first.
func (s *Store) Sessions(ctx context.Context, subject string) ([]interaction.Session, error) {
	return all(ctx, s, scanSession, `SELECT `+sessionColumns+` FROM session WHERE subject = $1 ORDER BY created_at, id`, subject)
}

// SaveSession inserts n if old is nil. Else it puts n in the place of the session old, which is gone
// from that instant: store.ErrConflict if it was gone before or has not n's Version. It raises
// n.Version.
func (s *Store) SaveSession(ctx context.Context, old []byte, n *interaction.Session) error {
	login, err := asText(n.Login)
	if err != nil {
		return err
	}
	args := []any{n.ID, n.Login.Session, n.Login.Subject, login, n.Agent, n.Address, micros(n.Created), micros(n.Seen), micros(n.Expires), n.Version}
	query, missed := `INSERT INTO session (id, sid, subject, login, agent, address, created_at, seen_at, expires_at, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10 + 1)`, error(nil) // it inserts, or fails by itself
	if old != nil {
		query = `UPDATE session SET id = $1, sid = $2, subject = $3, login = $4, agent = $5, address = $6, created_at = $7, seen_at = $8,
			expires_at = $9, version = version + 1 WHERE id = $11 AND version = $10`
		args, missed = append(args, old), store.ErrConflict
	}
	if err := s.execApart(ctx, missed, query, args...); err != nil {
		return err
	}
	n.Version++
	s.undo(ctx, func() { n.Version-- })
	return nil
}

// TouchSession notes that the session was in use. One that is gone stays so; the last use is never
// set back.
func (s *Store) TouchSession(ctx context.Context, id []byte, seen time.Time) error {
	return s.exec(ctx, nil, `UPDATE session SET seen_at = $2 WHERE id = $1 AND seen_at < $2`, id, micros(seen))
}

const browserColumns = `b.id, b.subject, b.epoch, b.agent, b.created_at, b.seen_at, b.expires_at`

func scanBrowser(r row) (interaction.Browser, error) {
	var b interaction.Browser
	var created, seen, expires int64
	err := r.Scan(&b.ID, &b.Subject, &b.Epoch, &b.Agent, &created, &seen, &expires)
	b.Created, b.Seen, b.Expires = instant(created), instant(seen), instant(expires)
	return b, err
}

// RememberBrowser inserts the browser, bound to the factors that its subject has at this instant, in the place of old,
// which is gone then (nil: there is none). store.ErrConflict if the subject has no factors.
func (s *Store) RememberBrowser(ctx context.Context, old []byte, b interaction.Browser) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.exec(ctx, nil, `DELETE FROM browser WHERE id = $1`, old); err != nil {
			return err
		}
		return s.exec(ctx, store.ErrConflict, `INSERT INTO browser
				(id, subject, generation, epoch, agent, created_at, seen_at, expires_at)
			SELECT $1, e.subject, e.generation, $7, $3, $4, $5, $6 FROM enrolment e
			WHERE e.subject = $2 AND EXISTS (SELECT 1 FROM authenticator a WHERE a.subject = e.subject)`,
			b.ID, b.Subject, b.Agent, micros(b.Created), micros(b.Seen), micros(b.Expires), b.Epoch)
	})
}

// Browser returns the remembered browser, or store.ErrNotFound. One whose time is over, or that was remembered with
// other factors than its subject has now, is none.
func (s *Store) Browser(ctx context.Context, id []byte, now time.Time) (interaction.Browser, error) {
	return one(ctx, s, scanBrowser, `SELECT `+browserColumns+` FROM browser b
			JOIN enrolment e ON e.subject = b.subject AND e.generation = b.generation
		WHERE b.id = $1 AND b.expires_at > $2`, id, micros(now))
}

// Browsers returns the subject's remembered browsers, the one that was used last first.
func (s *Store) Browsers(ctx context.Context, subject string, now time.Time) ([]interaction.Browser, error) {
	return all(ctx, s, scanBrowser, `SELECT `+browserColumns+` FROM browser b
			JOIN enrolment e ON e.subject = b.subject AND e.generation = b.generation
		WHERE b.subject = $1 AND b.expires_at > $2
		ORDER BY b.seen_at DESC, b.id`, subject, micros(now))
}

// TouchBrowser notes that the browser was in use. One that is gone stays so; the last use is never set back.
func (s *Store) TouchBrowser(ctx context.Context, id []byte, seen time.Time) error {
	return s.exec(ctx, nil, `UPDATE browser SET seen_at = $2 WHERE id = $1 AND seen_at < $2`, id, micros(seen))
}

// ForgetBrowser removes the browser if it is the subject's; store.ErrNotFound if it is not, or gone.
func (s *Store) ForgetBrowser(ctx context.Context, subject string, id []byte) error {
	return s.exec(ctx, store.ErrNotFound, `DELETE FROM browser WHERE id = $1 AND subject = $2`, id, subject)
}

// ForgetBrowsers removes all remembered browsers of the subject; none is no error. One that is being remembered rests on
// the account, so that it is among them or comes after them.
func (s *Store) ForgetBrowsers(ctx context.Context, subject string) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.lockAccount(ctx, subject); err != nil {
			return err
		}
		return s.exec(ctx, nil, `DELETE FROM browser WHERE subject = $1`, subject)
	})
}
