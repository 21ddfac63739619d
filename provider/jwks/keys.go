// Package jwks is the keys that sign ID tokens and all else that the server signs: made, sealed at rest, published before they sign and after, and replaced
// one by the next. What is published is a JSON Web Key Set (RFC 7517).
package jwks

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"vestibule/provider/store"
)

// Config is what Keys are made of. All must be set.
type Config struct {
	Store    Store
	Sealer   Sealer
	Schedule Schedule
	Now      func() time.Time
	Log      *slog.Logger
}

// Keys is the key set as the store had it a moment ago. Other processes make keys and operators remove them, while
// this one runs.
type Keys struct {
	Config
	set atomic.Pointer[set]

	mu    sync.Mutex // held while the store is asked
	asked time.Time
}

// Load returns the keys of the store, and makes what is missing.
func Load(ctx context.Context, c Config) (*Keys, error) {
	k := &Keys{Config: c}
	return k, k.Reload(ctx)
}

// Document is the public keys as they are published, in JSON.
func (k *Keys) Document() []byte { return k.set.Load().document }

// Reload reads the signing keys again, and makes what is due. It is to be called every few seconds: a new key may sign
// ten seconds after it was made, when every process should publish it.
func (k *Keys) Reload(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked = k.Now()
	rows, err := k.complete(ctx, k.asked)
	if err != nil {
		return err
	}
	if err := k.removeOld(ctx, rows, k.asked); err != nil {
		return err
	}
	old := k.set.Load()
	if old != nil && fingerprint(Terms(rows, k.asked), k.asked) == old.made {
		return nil
	}
	fresh, err := openKeys(rows, k.Sealer, k.asked)
	if err != nil {
		return err
	}
	k.set.Store(fresh)
	if old != nil {
		k.Log.InfoContext(ctx, "the signing keys have changed", "published", fresh.count)
	}
	return nil
}

// complete returns the keys of the store. It makes what is due; when another process makes one at the same time, both
// take the one that was stored first.
func (k *Keys) complete(ctx context.Context, now time.Time) ([]SealedKey, error) {
	for range 5 {
		rows, err := k.Store.SigningKeys(ctx)
		if err != nil {
			return nil, err
		}
		due := k.Schedule.Due(rows, now)
		if len(due) == 0 {
			return rows, nil
		}
		for _, next := range due {
			if err := k.add(ctx, next, now); err != nil && !errors.Is(err, store.ErrConflict) {
				return nil, err
			}
		}
	}
	return nil, errors.New("the keys that were added cannot be read back")
}

// removeOld removes what nobody needs any more.
func (k *Keys) removeOld(ctx context.Context, rows []SealedKey, now time.Time) error {
	for _, t := range Terms(rows, now) {
		if !t.over(now) {
			continue
		}
		if err := k.Store.DeleteSigningKey(ctx, t.ID); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	return nil
}

func (k *Keys) add(ctx context.Context, n Next, now time.Time) error {
	key, err := NewKey(n.Algorithm, n.Number, n.Signs, k.Sealer, now)
	if err != nil {
		return err
	}
	return k.Store.AddSigningKey(ctx, key)
}

// again reloads for a token whose key is not in the set, but not for each of the many that a stranger may send.
func (k *Keys) again(ctx context.Context) error {
	k.mu.Lock()
	lately := k.Now().Sub(k.asked) < time.Second
	k.mu.Unlock()
	if lately {
		return nil
	}
	return k.Reload(ctx)
}

// Sign returns the claims as a compact JWT.
func (k *Keys) Sign(ctx context.Context, algorithm string, claims any) (string, error) {
	return k.SignAs(ctx, usualType, algorithm, claims)
}

// SignAs is Sign for a token whose typ says what it is, so that it is taken for nothing else (RFC 8725 section 3.11).
func (k *Keys) SignAs(ctx context.Context, kind, algorithm string, claims any) (string, error) {
	token, err := k.set.Load().sign(kind, algorithm, claims)
	if !errors.Is(err, errNoSigner) {
		return token, err
	}
	if err := k.again(ctx); err != nil {
		return "", err
	}
	return k.set.Load().sign(kind, algorithm, claims)
}

// Verify checks the signature of a JWT that Sign made, with any key that was not removed, and reads its claims. It does not
// look at the times.
func (k *Keys) Verify(ctx context.Context, token string, claims any) error {
	return k.VerifyAs(ctx, usualType, token, claims)
}

// VerifyAs is Verify for a JWT that SignAs made: one of another type is none of ours.
func (k *Keys) VerifyAs(ctx context.Context, kind, token string, claims any) error {
	err := k.set.Load().verify(kind, token, claims)
	if !errors.Is(err, errStrangeKey) {
		return err
	}
	if err := k.again(ctx); err != nil {
		return err
	}
	return k.set.Load().verify(kind, token, claims)
}
