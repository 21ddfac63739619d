package fetch

import (
	"context"
	"errors"
	"sync"
	"time"
)

const (
	atLeast  = time.Minute      // that something read is kept, whatever its host says
	usually  = 5 * time.Minute  // if it says nothing
	atMost   = 24 * time.Hour   // if it says more; and that it is good for while the host fails
	again    = 10 * time.Second // between two fetches of one address, whether they fail or not
	maxKnown = 1000             // addresses
)

// Cache remembers what was read at addresses, and fetches each once for all who ask at the same time.
type Cache[T any] struct {
	Fetcher *Fetcher
	Accept  string                          // the types that are asked for
	Parse   func(Document) (T, error)       // what cannot be read is an error of the host
	Now     func() time.Time                // the time
	Failed  func(address string, err error) // told of each fetch that fails; nil: nobody is

	mu    sync.Mutex
	known map[string]*entry[T]
}

// entry is what is known of one address.
type entry[T any] struct {
	value  T
	has    bool      // value was read at
	read   time.Time // and is fresh
	until  time.Time
	err    error         // of the last fetch
	asked  time.Time     // when that was
	flight chan struct{} // closed when the fetch under way is over; nil: none is
}

// Get returns what is at the address, as it was a day ago at most. While its host fails, what was read before is still good
// for a day. ErrBusy says nothing about the host.
func (c *Cache[T]) Get(ctx context.Context, address string) (T, error) {
	return c.get(ctx, address, func(e *entry[T], now time.Time) bool { return e.has && now.Before(e.until) })
}

// Renew is Get for somebody who misses something in what was got: it is fetched anew, unless that was done a moment ago.
func (c *Cache[T]) Renew(ctx context.Context, address string) (T, error) {
	return c.get(ctx, address, func(*entry[T], time.Time) bool { return false })
}

// get waits for the fetch that is under way, or makes one if enough does not say that it is not needed.
func (c *Cache[T]) get(ctx context.Context, address string, enough func(*entry[T], time.Time) bool) (T, error) {
	c.mu.Lock()
	e, now := c.entry(address), c.Now()
	flight := e.flight
	switch {
	case enough(e, now), flight == nil && !e.asked.IsZero() && now.Before(e.asked.Add(again)):
		defer c.mu.Unlock()
		return e.answer(now)
	case flight == nil:
		e.flight, e.asked = make(chan struct{}), now
		c.mu.Unlock()
		c.fill(context.WithoutCancel(ctx), address, e) // others wait for it when who asked first has gone
	default:
		c.mu.Unlock()
		select {
		case <-flight:
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return e.answer(now)
}

// entry is called with mu held. One of many goes where there are too many: strangers never push out all.
func (c *Cache[T]) entry(address string) *entry[T] {
	if e := c.known[address]; e != nil {
		return e
	}
	if c.known == nil {
		c.known = map[string]*entry[T]{}
	}
	for old := range c.known {
		if len(c.known) < maxKnown {
			break
		}
		delete(c.known, old)
	}
	e := &entry[T]{}
	c.known[address] = e
	return e
}

// fill fetches for everybody who waits.
func (c *Cache[T]) fill(ctx context.Context, address string, e *entry[T]) {
	var value T
	var fresh time.Duration
	err := errors.New("what is there could not be read") // should Parse panic
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		now := c.Now()
		if e.err = err; err == nil {
			e.value, e.has, e.read, e.until = value, true, now, now.Add(fresh)
		}
		if errors.Is(err, ErrBusy) { // the host was not asked
			e.asked = time.Time{}
		}
		close(e.flight)
		e.flight = nil
	}()
	value, fresh, err = c.read(ctx, address)
}

func (c *Cache[T]) read(ctx context.Context, address string) (value T, fresh time.Duration, err error) {
	document, err := c.Fetcher.Fetch(ctx, address, c.Accept)
	if err == nil {
		value, err = c.Parse(document)
	}
	if err != nil && c.Failed != nil && !errors.Is(err, ErrBusy) {
		c.Failed(address, err)
	}
	if fresh = document.Fresh; fresh < 0 {
		fresh = usually
	}
	return value, min(max(fresh, atLeast), atMost), err
}

// answer is what was read, or why nothing was.
func (e *entry[T]) answer(now time.Time) (T, error) {
	if e.has && (e.err == nil || now.Before(e.read.Add(atMost))) {
		return e.value, nil
	}
	var none T
	return none, e.err
}
