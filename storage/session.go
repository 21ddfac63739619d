package storage

import (
	"context"
	"encoding/json"
	"time"

	"vestibule/provider"
	"vestibule/provider/store"
)

func scanSession(r row) (provider.Session, error) {
	var s provider.Session
	var login string
	var created, seen, expires int64
	err := r.Scan(&s.ID, &login, &created, &seen, &expires, &s.Version)
	if err != nil {
		return s, err
	}
	s.Created, s.Seen, s.Expires = instant(created), instant(seen), instant(expires)
	return s, json.Unmarshal([]byte(login), &s.Login)
}

const sessionColumns = `id, login, created_at, seen_at, expires_at, version`

// Session returns the session, expired or not, or store.ErrNotFound.
func (s *Store) Session(ctx context.Context, id []byte) (provider.Session, error) {
	return one(ctx, s, scanSession, `SELECT `+sessionColumns+` FROM session WHERE id = $1`, id)
}

// Sessions returns all sessions of the subject, expired or not, the oldest first.
func (s *Store) Sessions(ctx context.Context, subject string) ([]provider.Session, error) {
	return all(ctx, s, scanSession, `SELECT `+sessionColumns+` FROM session WHERE subject = $1 ORDER BY created_at, id`, subject)
}

// SaveSession inserts n if old is nil. Else it puts n in the place of the session old, which is gone
// from that instant: store.ErrConflict if it was gone before or has not n's Version. It raises
// n.Version.
func (s *Store) SaveSession(ctx context.Context, old []byte, n *provider.Session) error {
	login, err := json.Marshal(n.Login)
	if err != nil {
		return err
	}
	args := []any{n.ID, n.Login.Session, n.Login.Subject, string(login), micros(n.Created), micros(n.Seen), micros(n.Expires), n.Version}
	query := `INSERT INTO session (id, sid, subject, login, created_at, seen_at, expires_at, version)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8 + 1)`
	if old != nil {
		query = `UPDATE session SET id = $1, sid = $2, subject = $3, login = $4, created_at = $5, seen_at = $6,
			expires_at = $7, version = version + 1 WHERE id = $9 AND version = $8`
		args = append(args, old)
	}
	if err := s.exec(ctx, store.ErrConflict, query, args...); err != nil {
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
