package storage

import (
	"context"
	"time"

	"vestibule/provider/outbox"
)

// AddRevocation notes, in the commit of ctx, what Hydra has to end, once it is due.
func (s *Store) AddRevocation(ctx context.Context, r outbox.Revocation, at, due time.Time) error {
	return s.exec(ctx, nil, `INSERT INTO revocation (id, subject, client, due_at, created_at) VALUES ($1, $2, $3, $4, $5)`,
		r.ID, r.Subject, r.Client, micros(due), micros(at))
}

// Revocations implements hydra.Outbox.
func (s *Store) Revocations(ctx context.Context, now time.Time) ([]outbox.Revocation, error) {
	return all(ctx, s, func(r row) (found outbox.Revocation, err error) {
		err = r.Scan(&found.ID, &found.Subject, &found.Client)
		return found, err
	}, `SELECT id, subject, client FROM revocation WHERE due_at <= $1 ORDER BY due_at LIMIT 100`, micros(now))
}

// DeleteRevocation implements hydra.Outbox.
func (s *Store) DeleteRevocation(ctx context.Context, id string) error {
	return s.exec(ctx, nil, `DELETE FROM revocation WHERE id = $1`, id)
}
