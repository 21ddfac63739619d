// Package jwks is the keys that sign ID tokens: made, sealed at rest, announced before they sign, retired, and published
// as a JSON Web Key Set (RFC 7517).
package jwks

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Keys is the key set as the store had it a moment ago. Other processes make keys and operators retire them, while
// this one runs.
type Keys struct {
	store  Store
	sealer Sealer
	now    func() time.Time
	log    *slog.Logger
	set    atomic.Pointer[set]

	mu    sync.Mutex // held while the store is asked
	asked time.Time
}

// Load returns the keys of the store, and makes what is missing.
func Load(ctx context.Context, store Store, sealer Sealer, now func() time.Time, log *slog.Logger) (*Keys, error) {
	k := &Keys{store: store, sealer: sealer, now: now, log: log}
	return k, k.Reload(ctx)
}

// Document is the public keys as they are published, in JSON.
func (k *Keys) Document() []byte { return k.set.Load().document }

// Reload reads the signing keys again, and makes what is missing. It is to be called every few seconds: a new key
// signs ten seconds after it was made, when every process should publish it.
func (k *Keys) Reload(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = k.now()
	rows, err := k.store.SigningKeys(ctx)
	if err != nil {
		return err
	}
	old := k.set.Load()
	if old != nil && len(missingAlgorithms(rows)) == 0 && keysOf(rows, k.asked) == old.made {
		return nil
	}
	fresh, err := loadKeys(ctx, k.store, k.sealer, k.asked)
	if err != nil {
		return err
	}
	k.set.Store(fresh)
	if old != nil {
		k.log.InfoContext(ctx, "the signing keys have changed", "published", len(fresh.public.Keys))
	}
	return nil
}

// again reloads for a token whose key is not in the set, but not for each of the many that a stranger may send.
func (k *Keys) again(ctx context.Context) error {
	k.mu.Lock()
	lately := k.now().Sub(k.asked) < time.Second
	k.mu.Unlock()
	if lately {
		return nil
	}
	return k.Reload(ctx)
}

// Sign returns the claims as a compact JWT, signed with RS256 or ES256.
func (k *Keys) Sign(ctx context.Context, algorithm string, claims any) (string, error) {
	token, err := k.set.Load().sign(algorithm, claims)
	if !errors.Is(err, errNoSigner) {
		return token, err
	}
	if err := k.again(ctx); err != nil {
		return "", err
	}
	return k.set.Load().sign(algorithm, claims)
}

// Verify checks the signature of a JWT that we made, with any key that is still published, and reads its claims. It does
// not look at the times.
func (k *Keys) Verify(ctx context.Context, token string, claims any) error {
	err := k.set.Load().verify(token, claims)
	if !errors.Is(err, errStrangeKey) {
		return err
	}
	if err := k.again(ctx); err != nil {
		return err
	}
	return k.set.Load().verify(token, claims)
}
