package storage

import (
	"context"

	"vestibule/provider/jwks"
	"vestibule/provider/store"
)

const keyColumns = `id, algorithm, public, key_id, private, created_at, retired_at`

func scanKey(r row) (jwks.SealedKey, error) {
	var k jwks.SealedKey
	var created, retired int64
	err := r.Scan(&k.ID, &k.Algorithm, &k.Public, &k.KeyID, &k.Private, &created, &retired)
	k.Created, k.Retired = instant(created), instant(retired)
	return k, err
}

// SigningKeys returns all keys, newest first.
func (s *Store) SigningKeys(ctx context.Context) ([]jwks.SealedKey, error) {
	return all(ctx, s, scanKey, `SELECT `+keyColumns+` FROM signing_key ORDER BY created_at DESC, id`)
}

// AddSigningKey inserts the key; store.ErrConflict if its algorithm has one that is not retired.
func (s *Store) AddSigningKey(ctx context.Context, k jwks.SealedKey) error {
	return s.exec(ctx, store.ErrConflict, `INSERT INTO signing_key (`+keyColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		k.ID, k.Algorithm, k.Public, k.KeyID, k.Private, micros(k.Created), micros(k.Retired))
}
