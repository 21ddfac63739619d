// Package jwkstest gives stores signing keys that cost little to make.
package jwkstest

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"sync"
	"time"

	"vestibule/provider/jwks"
)

// rsaKeys are those of all stores of a process: to make one costs more than all else that most tests do.
var rsaKeys = sync.OnceValues(func() (keys [2]*rsa.PrivateKey, err error) {
	for i := range keys {
		if keys[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			return keys, err
		}
	}
	return keys, nil
})

// Add gives the store the keys that a first server would take long to make, before it does.
func Add(ctx context.Context, store jwks.Store, sealer jwks.Sealer, now time.Time) error {
	private, err := rsaKeys()
	if err != nil {
		return err
	}
	for i, algorithm := range []string{"RS256", "PS256"} {
		key, err := jwks.SealedKey{Algorithm: algorithm, Number: 1, Created: now, Signs: now}.With(private[i], sealer)
		if err != nil {
			return err
		}
		if err := store.AddSigningKey(ctx, key); err != nil {
			return err
		}
	}
	return nil
}
