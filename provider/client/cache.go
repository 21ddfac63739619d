package client

import (
	"context"
	"strings"
	"sync"
	"time"

	"vestibule/provider/store"
)

// Store finds relying parties.
type Store interface {
	// Client returns the client, or ErrNotFound. Its Registration is not empty, and another one if the id was registered
	// anew: consents, codes and tokens are of one registration.
	Client(ctx context.Context, id string) (Client, error)
}

// Cache remembers clients for a few seconds, so that a busy client costs no statement. A client that
// was deleted gets nothing meanwhile: its codes and tokens went with it, and new ones have no row to refer to.
type Cache struct {
	store Store
	now   func() time.Time
	mu    sync.Mutex
	known map[string]cached
}

type cached struct {
	Client
	until time.Time
}

const (
	cacheTime = 3 * time.Second
	cacheSize = 1024
)

// NewCache returns a Cache of the clients in the store. now tells the time.
func NewCache(store Store, now func() time.Time) *Cache {
	return &Cache{store: store, now: now, known: map[string]cached{}}
}

// Forget has the client read again.
func (c *Cache) Forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, id)
}

// Client returns the client, or ErrNotFound. Unknown ids are not remembered. One with other characters than RFC 6749
// appendix A.1 allows, or longer than any, is none: no database is asked.
func (c *Cache) Client(ctx context.Context, id string) (Client, error) {
	if len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r > '~' }) {
		return Client{}, store.ErrNotFound
	}
	now := c.now()
	c.mu.Lock()
	hit, ok := c.known[id]
	c.mu.Unlock()
	if ok && now.Before(hit.until) {
		return hit.Client, nil
	}
	client, err := c.store.Client(ctx, id)
	if err != nil {
		return Client{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= cacheSize {
		clear(c.known)
	}
	c.known[id] = cached{client, now.Add(cacheTime)}
	return client, nil
}
