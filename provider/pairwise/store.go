package pairwise

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"vestibule/provider/store"
)

// SealedKey is the secret of all pairwise subjects at rest.
type SealedKey struct {
	ID      string // KeyID, for there is one
	KeyID   string // which secret key sealed it
	Sealed  []byte // bound to AAD
	Created time.Time
}

// KeyID is the id of the one there is.
const KeyID = "pairwise"

// AAD is what Sealed is bound to.
func (k SealedKey) AAD() string { return "pairwise key|" + k.ID }

// Store keeps the secret. With another one all clients would know all users by other subjects: nothing removes it.
type Store interface {
	// PairwiseKey returns it, or store.ErrNotFound.
	PairwiseKey(ctx context.Context) (SealedKey, error)
	// AddPairwiseKey inserts it, and fails with store.ErrConflict if there is one: processes that make one at the same time
	// agree.
	AddPairwiseKey(ctx context.Context, k SealedKey) error
}

// Sealer encrypts the secret, which must not lie in the database in the clear.
type Sealer interface {
	// Seal encrypts plaintext, bound to about, and names the key that it used.
	Seal(plaintext []byte, about string) (keyID string, sealed []byte, err error)
	// Open decrypts what Seal made of the same about.
	Open(keyID string, sealed []byte, about string) ([]byte, error)
}

// Load returns the key of the store, and makes one where there is none.
func Load(ctx context.Context, s Store, sealer Sealer, now time.Time) (*Key, error) {
	row, err := s.PairwiseKey(ctx)
	if errors.Is(err, store.ErrNotFound) {
		row, err = add(ctx, s, sealer, now)
	}
	if err != nil {
		return nil, err
	}
	return Open(row, sealer)
}

// Open returns the key that a row holds.
func Open(row SealedKey, sealer Sealer) (*Key, error) {
	secret, err := sealer.Open(row.KeyID, row.Sealed, row.AAD())
	if err != nil {
		return nil, fmt.Errorf("open the secret of pairwise subjects: %w", err)
	}
	return NewKey(secret)
}

func add(ctx context.Context, s Store, sealer Sealer, now time.Time) (SealedKey, error) {
	secret := make([]byte, keySize)
	rand.Read(secret) // never fails
	row := SealedKey{ID: KeyID, Created: now}
	var err error
	if row.KeyID, row.Sealed, err = sealer.Seal(secret, row.AAD()); err != nil {
		return row, err
	}
	err = s.AddPairwiseKey(ctx, row)
	if errors.Is(err, store.ErrConflict) { // another process was faster
		return s.PairwiseKey(ctx)
	}
	return row, err
}
