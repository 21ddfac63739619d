package storage

import (
	"context"
	"errors"

	"vestibule/mfa"
	"vestibule/provider/store"
)

func scanSetup(r row) (mfa.Setup, error) {
	var p mfa.Setup
	var created, expires int64
	err := r.Scan(&p.Owner, &p.Subject, &p.ID, &p.Kind, &p.Basis, &p.KeyID, &p.Sealed, &p.Confirmed, &p.Name, &created, &expires)
	p.Created, p.Expires = instant(created), instant(expires)
	return p, err
}

// Setup returns the owner's set-up, expired or not, or mfa.ErrNoSetup.
func (s *Store) Setup(ctx context.Context, owner string) (mfa.Setup, error) {
	p, err := one(ctx, s, scanSetup, `SELECT owner, subject, authenticator, kind, basis, key_id, sealed, confirmed, name,
		created_at, expires_at FROM setup WHERE owner = $1`, owner)
	if errors.Is(err, store.ErrNotFound) {
		err = mfa.ErrNoSetup
	}
	return p, err
}

// SaveSetup inserts or replaces the owner's set-up.
func (s *Store) SaveSetup(ctx context.Context, p mfa.Setup) error {
	return s.exec(ctx, nil, `INSERT INTO setup (owner, subject, authenticator, kind, basis, key_id, sealed, confirmed, name,
			created_at, expires_at, name_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (owner) DO UPDATE SET subject = excluded.subject, authenticator = excluded.authenticator, kind = excluded.kind,
			basis = excluded.basis, key_id = excluded.key_id, sealed = excluded.sealed, confirmed = excluded.confirmed,
			name = excluded.name, name_key = excluded.name_key, created_at = excluded.created_at, expires_at = excluded.expires_at`,
		p.Owner, p.Subject, p.ID, p.Kind, p.Basis, p.KeyID, p.Sealed, p.Confirmed, p.Name, micros(p.Created), micros(p.Expires),
		mfa.NameKey(p.Name))
}

// ConfirmSetup replaces the owner's set-up by what a right answer has made of it. mfa.ErrNoSetup if it is gone, or
// another: cancelled meanwhile, say, in another tab.
func (s *Store) ConfirmSetup(ctx context.Context, p mfa.Setup) error {
	return s.exec(ctx, mfa.ErrNoSetup, `UPDATE setup SET key_id = $4, sealed = $5, confirmed = $6, name = $7, name_key = $8
		WHERE owner = $1 AND subject = $2 AND authenticator = $3`,
		p.Owner, p.Subject, p.ID, p.KeyID, p.Sealed, p.Confirmed, p.Name, mfa.NameKey(p.Name))
}

// DeleteSetup removes the owner's set-up; none is no error.
func (s *Store) DeleteSetup(ctx context.Context, owner string) error {
	return s.exec(ctx, nil, `DELETE FROM setup WHERE owner = $1`, owner)
}
