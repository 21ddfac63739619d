package storage

import (
	"context"
	"time"
)

// AddRevocation notes, in the commit of ctx, that Hydra has to end all that the subject has open, once it is due.
func (s *Store) AddRevocation(ctx context.Context, id, subject string, at, due time.Time) error {
	return s.exec(ctx, nil, `INSERT INTO revocation (id, subject, due_at, created_at) VALUES ($1, $2, $3, $4)`,
		id, subject, micros(due), micros(at))
}

// Revocations implements hydra.Outbox.
func (s *Store) Revocations(ctx context.Context, now time.Time) (map[string]string, error) {
	subjects := map[string]string{}
	err := s.query(ctx, `SELECT id, subject FROM revocation WHERE due_at <= $1 ORDER BY due_at LIMIT 100`, []any{micros(now)}, func(r row) error {
		var id, subject string
		err := r.Scan(&id, &subject)
		subjects[id] = subject
		return err
	})
	return subjects, err
}

// DeleteRevocation implements hydra.Outbox.
func (s *Store) DeleteRevocation(ctx context.Context, id string) error {
	return s.exec(ctx, nil, `DELETE FROM revocation WHERE id = $1`, id)
}
