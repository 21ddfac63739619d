package interaction

import "context"

// Store keeps sign-ins between the right password and the answer to the client. interactiontest.TestStore proves one.
type Store interface {
	// Interaction returns the interaction, or ErrNotFound.
	Interaction(ctx context.Context, id string) (*Interaction, error)
	// SaveInteraction stores ix. With Version 0 it inserts, else it updates the row that has
	// this Version; it fails with ErrConflict if the row exists already or was changed or deleted
	// since. On success it raises ix.Version.
	SaveInteraction(ctx context.Context, ix *Interaction) error
	// DeleteInteraction removes the row that has this version, or fails with ErrConflict: an
	// interaction ends once.
	DeleteInteraction(ctx context.Context, id string, version int64) error
	// Atomic runs fn and commits all that it writes through the context that it is given, or nothing.
	// Inside fn an implementation may put writes off until fn returns: their errors,
	// ErrConflict among them, are then returned by Atomic. A nested call joins the outer one.
	Atomic(ctx context.Context, fn func(ctx context.Context) error) error
}

// Sealer encrypts what must not lie in the database in the clear.
type Sealer interface {
	// Seal encrypts plaintext, bound to aad, and names the key that it used.
	Seal(plaintext []byte, aad string) (keyID string, sealed []byte, err error)
	// Open decrypts what Seal made of the same aad.
	Open(keyID string, sealed []byte, aad string) ([]byte, error)
}
