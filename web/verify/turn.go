package verify

import (
	"context"
	"sync"

	"vestibule/provider/account"
)

// turns lets things of one kind be checked a few at a time. A guess is counted before it is compared, and
// a right one is taken back afterwards: without turns a user who signs in from many tabs at once, as a
// load test does, would be locked out with right passwords under way.
type turns struct {
	atOnce int
	queued int // waiting in one line

	mu    sync.Mutex
	lines map[string]*line
}

type line struct {
	free  chan struct{}
	users int
}

// take waits for a turn. Whoever gets one calls done once.
func (t *turns) take(ctx context.Context, key string) (done func(), err error) {
	l, err := t.join(key)
	if err != nil {
		return nil, err
	}
	select {
	case l.free <- struct{}{}:
		return func() { <-l.free; t.leave(key, l) }, nil
	case <-ctx.Done():
		t.leave(key, l)
		return nil, ctx.Err()
	}
}

func (t *turns) join(key string) (*line, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lines[key]
	if l == nil {
		l = &line{free: make(chan struct{}, t.atOnce)}
		if t.lines == nil {
			t.lines = map[string]*line{}
		}
		t.lines[key] = l
	}
	if l.users >= t.atOnce+t.queued {
		return nil, account.ErrBusy
	}
	l.users++
	return l, nil
}

func (t *turns) leave(key string, l *line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(t.lines, key)
	}
}
