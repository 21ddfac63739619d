package storage

import (
	"context"
	"time"

	"vestibule/provider/store"
)

// SpendAssertion implements clientjwt.Store.
func (s *Store) SpendAssertion(ctx context.Context, client, id string, until time.Time) error {
	return s.exec(ctx, store.ErrConflict, `INSERT INTO client_assertion (client, id, expires_at) VALUES ($1, $2, $3)
		ON CONFLICT (client, id) DO NOTHING`, client, id, micros(until))
}
