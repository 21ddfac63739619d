package storage

import (
	"context"
	"time"

	"vestibule/provider/backchannel"
	"vestibule/provider/store"
)

// What is to be told of ended sessions is written by end.

// DueClients implements backchannel.Outbox.
func (s *Store) DueClients(ctx context.Context, now time.Time, limit int) ([]string, error) {
	return all(ctx, s, func(r row) (client string, err error) {
		err = r.Scan(&client)
		return client, err
	}, `SELECT client FROM logout_notice WHERE due_at <= $1 GROUP BY client ORDER BY min(due_at), client LIMIT $2`, micros(now), limit)
}

// DueLogouts implements backchannel.Outbox.
func (s *Store) DueLogouts(ctx context.Context, client string, now time.Time, limit int) ([]backchannel.Notice, error) {
	return all(ctx, s, func(r row) (n backchannel.Notice, err error) {
		var first, due int64
		err = r.Scan(&n.Session, &n.Client, &n.Registration, &n.Subject, &first, &due)
		n.First, n.Due = instant(first), instant(due)
		return n, err
	}, `SELECT session, client, registration, subject, first_at, due_at FROM logout_notice
		WHERE client = $1 AND due_at <= $2 ORDER BY due_at, session LIMIT $3`, client, micros(now), limit)
}

// MoveLogout implements backchannel.Outbox.
func (s *Store) MoveLogout(ctx context.Context, n backchannel.Notice, first, due time.Time) error {
	return s.exec(ctx, store.ErrConflict, `UPDATE logout_notice SET first_at = $4, due_at = $5
		WHERE session = $1 AND client = $2 AND due_at = $3`, n.Session, n.Client, micros(n.Due), micros(first), micros(due))
}

// PutOffLogouts implements backchannel.Outbox.
func (s *Store) PutOffLogouts(ctx context.Context, client string, now, due time.Time) error {
	return s.exec(ctx, nil, `UPDATE logout_notice SET due_at = $3, first_at = CASE first_at WHEN 0 THEN $2 ELSE first_at END
		WHERE client = $1 AND due_at <= $2`, client, micros(now), micros(due))
}

// DeleteLogout implements backchannel.Outbox.
func (s *Store) DeleteLogout(ctx context.Context, n backchannel.Notice) error {
	return s.exec(ctx, nil, `DELETE FROM logout_notice WHERE session = $1 AND client = $2`, n.Session, n.Client)
}

// WaitingLogouts counts the clients that are still to hear of the end of a session, once for each session.
func (s *Store) WaitingLogouts(ctx context.Context) (int64, error) {
	return s.number(ctx, `SELECT count(*) FROM logout_notice`)
}
