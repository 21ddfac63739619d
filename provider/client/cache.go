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
	// ClientOf returns the API that has registered the resource (RFC 8707), or ErrNotFound. At most one has.
	ClientOf(ctx context.Context, resource string) (Client, error)
}

// Cache remembers clients for a few seconds, so that a busy client costs no statement. A client that
// was deleted gets nothing meanwhile: its codes and tokens went with it, and new ones have no row to refer to.
type Cache struct {
	store Store
	now   func() time.Time
	mu    sync.Mutex
	known map[string]cached
	apis  map[string]cached // by resource
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
	return &Cache{store: store, now: now, known: map[string]cached{}, apis: map[string]cached{}}
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
	if len(id) > MaxAddress || strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r > '~' }) {
		return Client{}, store.ErrNotFound
	}
	return c.remember(c.known, id, func() (Client, error) { return c.store.Client(ctx, id) })
}

// Resource returns the API that has registered the resource, or ErrNotFound, which is not remembered.
func (c *Cache) Resource(ctx context.Context, resource string) (Client, error) {
	return c.remember(c.apis, resource, func() (Client, error) { return c.store.ClientOf(ctx, resource) })
}

// remember returns what is known under the key, or finds it.
func (c *Cache) remember(known map[string]cached, key string, find func() (Client, error)) (Client, error) {
	now := c.now()
	c.mu.Lock()
	hit, ok := known[key]
	c.mu.Unlock()
	if ok && now.Before(hit.until) {
		return hit.Client, nil
	}
	client, err := find()
	if err != nil {
		return Client{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(known) >= cacheSize {
		clear(known)
	}
	known[key] = cached{client, now.Add(cacheTime)}
	return client, nil
}
