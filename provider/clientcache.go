package provider

import (
	"context"
	"strings"
	"sync"
	"time"

	"vestibule/provider/store"
)

// clientCache remembers clients for a few seconds, so that a busy client costs no statement. A client that
// was deleted gets nothing meanwhile: its codes and tokens went with it, and new ones have no row to refer to.
type clientCache struct {
	store Clients
	now   func() time.Time
	mu    sync.Mutex
	known map[string]cachedClient
}

type cachedClient struct {
	Client
	until time.Time
}

const (
	clientCacheTime = 3 * time.Second
	clientCacheSize = 1024
)

func newClientCache(store Clients, now func() time.Time) *clientCache {
	return &clientCache{store: store, now: now, known: map[string]cachedClient{}}
}

// forget has the client read again.
func (c *clientCache) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, id)
}

// Client returns the client, or ErrNotFound. Unknown ids are not remembered. One with other characters than RFC 6749
// appendix A.1 allows is none, whatever a database would make of them.
func (c *clientCache) Client(ctx context.Context, id string) (Client, error) {
	if strings.ContainsFunc(id, func(r rune) bool { return r < ' ' || r > '~' }) {
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
	if len(c.known) >= clientCacheSize {
		clear(c.known)
	}
	c.known[id] = cachedClient{client, now.Add(clientCacheTime)}
	return client, nil
}
