package resource

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	keysFresh = 5 * time.Minute  // how long the keys of the server are taken for those that it has
	keysStale = time.Hour        // how long they are used if it does not answer
	keysPause = 10 * time.Second // between two questions, however many tokens come with a key that is not known
	maxKeys   = 100
)

// keySet is the server's public keys (RFC 7517), as it published them a moment ago. It is safe for use by any number of
// goroutines, one of which asks while the others go on with what is known.
type keySet struct {
	address string
	client  *http.Client
	now     func() time.Time

	asking sync.Mutex // held while the server is asked
	mu     sync.Mutex // of what follows
	keys   []jose.JSONWebKey
	read   time.Time // when the server gave them
	tried  time.Time // when it was last asked
	fault  error     // what went wrong then
}

// find returns the key of that id and algorithm: ErrToken if the server has none, ErrUnavailable if that is not known.
func (k *keySet) find(ctx context.Context, id, algorithm string) (jose.JSONWebKey, error) {
	key, age, known := k.known(id, algorithm)
	if known && age < keysFresh {
		return key, nil
	}
	k.refresh(ctx, known && age < keysStale)
	key, age, known = k.known(id, algorithm)
	if known && age < keysStale {
		return key, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.fault != nil {
		return key, fmt.Errorf("%w: keys of the server: %w", ErrUnavailable, k.fault)
	}
	return key, ErrToken
}

// known returns the key, and how long ago the server gave it.
func (k *keySet) known(id, algorithm string) (key jose.JSONWebKey, age time.Duration, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	i := slices.IndexFunc(k.keys, func(key jose.JSONWebKey) bool {
		return key.KeyID == id && (key.Algorithm == "" || key.Algorithm == algorithm) && (key.Use == "" || key.Use == "sig")
	})
	if id == "" || i < 0 {
		return key, 0, false
	}
	return k.keys[i], k.now().Sub(k.read), true
}

// refresh asks the server, unless it was asked a moment ago. Whoever can do without does not wait for another who asks.
func (k *keySet) refresh(ctx context.Context, spare bool) {
	if spare && !k.asking.TryLock() {
		return
	}
	if !spare {
		k.asking.Lock()
	}
	defer k.asking.Unlock()
	k.mu.Lock()
	now := k.now()
	lately := !k.tried.IsZero() && now.Sub(k.tried) < keysPause
	k.mu.Unlock()
	if lately {
		return
	}
	keys, err := k.fetch(context.WithoutCancel(ctx)) // others may wait for it when this request has gone
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tried, k.fault = now, err
	if err == nil {
		k.keys, k.read = keys, now
	}
}

// fetch returns the keys that the server publishes, but for those of kinds that are not understood.
func (k *keySet) fetch(ctx context.Context) ([]jose.JSONWebKey, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, k.address, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json")
	resp, err := k.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answers %s", resp.Status)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&set); err != nil {
		return nil, fmt.Errorf("read the keys: %w", err)
	}
	var keys []jose.JSONWebKey
	for _, raw := range set.Keys[:min(len(set.Keys), maxKeys)] {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) == nil && key.Valid() && key.IsPublic() {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("there is no key at %s; is this the server's jwks_uri?", k.address)
	}
	return keys, nil
}
