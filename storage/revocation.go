package storage

import (
	"context"
	"time"
)

// AddRevocation notes, in the commit of ctx, that Hydra has to end all that the subject has open.
func (s *Store) AddRevocation(ctx context.Context, id, subject string, at time.Time) error {
	return s.exec(ctx, nil, `INSERT INTO revocation (id, subject, created_at) VALUES ($1, $2, $3)`, id, subject, micros(at))
}

// Revocations implements hydra.Outbox.
func (s *Store) Revocations(ctx context.Context) (map[string]string, error) {
	subjects := map[string]string{}
	err := s.query(ctx, `SELECT id, subject FROM revocation ORDER BY created_at LIMIT 100`, nil, func(r row) error {
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
