package storage

import (
	"context"

	"vestibule/provider/pairwise"
	"vestibule/provider/store"
)

// PairwiseKey returns what pairwise subjects are made with, or store.ErrNotFound.
func (s *Store) PairwiseKey(ctx context.Context) (pairwise.SealedKey, error) {
	return one(ctx, s, func(r row) (k pairwise.SealedKey, err error) {
		var created int64
		err = r.Scan(&k.ID, &k.KeyID, &k.Sealed, &created)
		k.Created = instant(created)
		return k, err
	}, `SELECT id, key_id, sealed, created_at FROM pairwise_key WHERE id = $1`, pairwise.KeyID)
}

// AddPairwiseKey inserts it; store.ErrConflict if there is one.
func (s *Store) AddPairwiseKey(ctx context.Context, k pairwise.SealedKey) error {
	return s.exec(ctx, store.ErrConflict, `INSERT INTO pairwise_key (id, key_id, sealed, created_at) VALUES ($1, $2, $3, $4)`,
		k.ID, k.KeyID, k.Sealed, micros(k.Created))
}
