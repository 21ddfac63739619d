package storage

import (
	"context"
	"fmt"
	"time"

	"vestibule/provider/jwks"
	"vestibule/provider/operator"
	"vestibule/provider/store"
)

const keyColumns = `id, algorithm, number, public, key_id, private, created_at, signs_at, retired_at`

func scanKey(r row) (jwks.SealedKey, error) {
	var k jwks.SealedKey
	var created, signs, retired int64
	err := r.Scan(&k.ID, &k.Algorithm, &k.Number, &k.Public, &k.KeyID, &k.Private, &created, &signs, &retired)
	k.Created, k.Signs, k.Retired = instant(created), instant(signs), instant(retired)
	return k, err
}

// SigningKeys returns all keys, those of an algorithm by their numbers.
func (s *Store) SigningKeys(ctx context.Context) ([]jwks.SealedKey, error) {
	return all(ctx, s, scanKey, `SELECT `+keyColumns+` FROM signing_key ORDER BY algorithm, number`)
}

// AddSigningKey inserts the key; store.ErrConflict if its algorithm has one with its number.
func (s *Store) AddSigningKey(ctx context.Context, k jwks.SealedKey) error {
	return s.exec(ctx, store.ErrConflict, `INSERT INTO signing_key (`+keyColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		k.ID, k.Algorithm, k.Number, k.Public, k.KeyID, k.Private, micros(k.Created), micros(k.Signs), micros(k.Retired))
}

// AdvanceSigningKey has the key sign from then on; store.ErrConflict if it does already, or was
// taken away.
func (s *Store) AdvanceSigningKey(ctx context.Context, id string, signs time.Time) error {
	return s.exec(ctx, store.ErrConflict, `UPDATE signing_key SET signs_at = $2 WHERE id = $1 AND signs_at > $2 AND retired_at = 0`, id, micros(signs))
}

// RetireSigningKey takes the key away; store.ErrConflict if somebody has, or it signs from another time on.
func (s *Store) RetireSigningKey(ctx context.Context, k jwks.SealedKey, at time.Time) error {
	return s.exec(ctx, store.ErrConflict, `UPDATE signing_key SET retired_at = $3 WHERE id = $1 AND signs_at = $2 AND retired_at = 0`,
		k.ID, micros(k.Signs), micros(at))
}

// DeleteSigningKey removes the key, or store.ErrNotFound.
func (s *Store) DeleteSigningKey(ctx context.Context, id string) error {
	return s.exec(ctx, store.ErrNotFound, `DELETE FROM signing_key WHERE id = $1`, id)
}

// sealedColumns are the names of ID, Subject, Kind and Sealed.
var sealedColumns = map[string]struct{ id, subject, kind, sealed string }{
	operator.SealedAuthenticators: {"id", "subject", "kind", "secret"},
	operator.SealedSetups:         {"owner", "subject", "''", "sealed"},
	operator.SealedSigningKeys:    {"id", "''", "''", "private"},
	operator.SealedPairwiseKeys:   {"id", "''", "''", "sealed"},
}

// KeyIDs returns the ids of the secret keys that have sealed any row, by table. It jumps from one id to the next in the
// index, so that it costs as much as there are ids, however many rows there are.
func (s *Store) KeyIDs(ctx context.Context) (map[string][]string, error) {
	type found struct{ table, id string }
	rows, err := all(ctx, s, func(r row) (f found, err error) {
		err = r.Scan(&f.table, &f.id)
		return f, err
	}, `SELECT place, key_id FROM (
		WITH RECURSIVE a (k) AS (
			SELECT min(key_id) FROM authenticator
			UNION ALL SELECT (SELECT min(key_id) FROM authenticator WHERE key_id > a.k) FROM a WHERE a.k IS NOT NULL),
		s (k) AS (
			SELECT min(key_id) FROM setup
			UNION ALL SELECT (SELECT min(key_id) FROM setup WHERE key_id > s.k) FROM s WHERE s.k IS NOT NULL)
		SELECT 'authenticator' AS place, k AS key_id FROM a WHERE k IS NOT NULL
		UNION ALL SELECT 'setup', k FROM s WHERE k IS NOT NULL
		UNION ALL SELECT DISTINCT 'signing_key', key_id FROM signing_key
		UNION ALL SELECT DISTINCT 'pairwise_key', key_id FROM pairwise_key) AS sealed
		ORDER BY place, key_id`)
	if err != nil {
		return nil, err
	}
	ids := map[string][]string{}
	for _, f := range rows {
		ids[f.table] = append(ids[f.table], f.id)
	}
	return ids, nil
}

// SealedWith returns at most so many rows of a table that the key has sealed, in the order of their IDs, from the one
// after the given ID on.
func (s *Store) SealedWith(ctx context.Context, table, keyID, after string, most int) ([]operator.SealedRow, error) {
	c, ok := sealedColumns[table]
	if !ok {
		return nil, fmt.Errorf("table %s holds nothing sealed", table)
	}
	return all(ctx, s, func(r row) (f operator.SealedRow, err error) {
		err = r.Scan(&f.ID, &f.Subject, &f.Kind, &f.KeyID, &f.Sealed)
		return f, err
	}, `SELECT `+c.id+`, `+c.subject+`, `+c.kind+`, key_id, `+c.sealed+` FROM `+table+`
		WHERE key_id = $1 AND `+c.id+` > $2 ORDER BY `+c.id+` LIMIT $3`, keyID, after, most)
}

// Reseal puts what fresh holds, with its key, in the place of what old holds. A row that was changed or deleted since
// old was read stays as it is.
func (s *Store) Reseal(ctx context.Context, table string, old, fresh operator.SealedRow) error {
	c, ok := sealedColumns[table]
	if !ok {
		return fmt.Errorf("table %s holds nothing sealed", table)
	}
	return s.exec(ctx, nil, `UPDATE `+table+` SET key_id = $3, `+c.sealed+` = $4 WHERE `+c.id+` = $1 AND `+c.sealed+` = $2`,
		old.ID, old.Sealed, fresh.KeyID, fresh.Sealed)
}
