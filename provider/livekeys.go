package provider

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// liveKeys is the key set as the store had it a moment ago. Other processes make keys and operators retire them, while
// this one runs.
type liveKeys struct {
	store  Keys
	sealer Sealer
	now    func() time.Time
	log    *slog.Logger
	set    atomic.Pointer[keySet]

	mu    sync.Mutex // held while the store is asked
	asked time.Time
}

// ReloadKeys reads the signing keys again, and makes what is missing. It is to be called every few seconds: a new key
// signs ten seconds after it was made, when every process should publish it.
func (p *Provider) ReloadKeys(ctx context.Context) error { return p.keys.reload(ctx) }

func (k *liveKeys) reload(ctx context.Context) error {
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
func (k *liveKeys) again(ctx context.Context) error {
	k.mu.Lock()
	lately := k.now().Sub(k.asked) < time.Second
	k.mu.Unlock()
	if lately {
		return nil
	}
	return k.reload(ctx)
}

// sign is that of the set.
func (k *liveKeys) sign(ctx context.Context, algorithm string, claims any) (string, error) {
	token, err := k.set.Load().sign(algorithm, claims)
	if !errors.Is(err, errNoSigner) {
		return token, err
	}
	if err := k.again(ctx); err != nil {
		return "", err
	}
	return k.set.Load().sign(algorithm, claims)
}

// verify is that of the set.
func (k *liveKeys) verify(ctx context.Context, token string, claims any) error {
	err := k.set.Load().verify(token, claims)
	if !errors.Is(err, errStrangeKey) {
		return err
	}
	if err := k.again(ctx); err != nil {
		return err
	}
	return k.set.Load().verify(token, claims)
}

// jwks serves the public keys.
func (k *liveKeys) jwks(w http.ResponseWriter, _ *http.Request) {
	writeDocument(w, k.set.Load().document)
}
