package mfa

import (
	"context"
	"runtime"
	"sync"
)

// Gate lets so many slow hashes run at once as the machine bears.
type Gate interface {
	// Do runs f when there is a place. It fails, without f, when too many wait already or ctx ends.
	Do(ctx context.Context, f func()) error
}

// waiting is how many may stand before the gate. A hash takes about 25 ms, so the last of them
// waits for some seconds, and whoever comes later had better try again.
const waiting = 256

// gate is the Gate of a Service that was given none: one place for each core.
type gate struct {
	once   sync.Once
	places chan struct{}
	queue  chan struct{}
}

func (g *gate) Do(ctx context.Context, f func()) error {
	g.once.Do(func() {
		g.places = make(chan struct{}, runtime.GOMAXPROCS(0))
		g.queue = make(chan struct{}, cap(g.places)+waiting)
	})
	select {
	case g.queue <- struct{}{}:
		defer func() { <-g.queue }()
	default:
		return ErrBusy
	}
	select {
	case g.places <- struct{}{}:
		defer func() { <-g.places }()
	case <-ctx.Done():
		return ctx.Err()
	}
	f()
	return nil
}
