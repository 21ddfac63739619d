// Package limiter lets a few things happen at once, and a bounded number wait for their turn. All waiting rooms of the
// program are made of it: before slow hashes, for the passwords of a name and of an address, for the recovery codes of a
// user and the secrets of a client. It is a leaf that knows none of them, so that any package may use it.
package limiter

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"sync"

	"golang.org/x/sync/semaphore"
)

// ErrBusy reports that as many wait already as may. Nothing was begun; the caller may try again in a few seconds.
var ErrBusy = errors.New("too many at once")

const defaultWaiting = 256

// Limiter is a line for each key, such as the name that passwords are tried for. Who comes first has its turn first, and
// no line waits for another. The zero value works. The fields do not change once it is in use.
type Limiter struct {
	AtOnce  int // of one key; 0: one for each core
	Waiting int // how many of one key may wait for their turn before ErrBusy; 0: 256

	mu    sync.Mutex
	lines map[string]*line // those with somebody in it
}

type line struct {
	turns *semaphore.Weighted // which wakes in the order of arrival
	users int                 // who have a turn, or wait for one
}

// Do runs f when it is its turn, in a line that has no key. It fails without f with ErrBusy, or when ctx ends.
func (l *Limiter) Do(ctx context.Context, f func()) error {
	done, err := l.Take(ctx, "")
	if err != nil {
		return err
	}
	defer done()
	f()
	return nil
}

// Take waits for a turn of the key. Whoever gets one calls done once. It fails with ErrBusy, or when ctx ends.
func (l *Limiter) Take(ctx context.Context, key string) (done func(), err error) {
	p, err := l.Join(key)
	if err != nil {
		return nil, err
	}
	if err := p.Wait(ctx); err != nil {
		p.Leave()
		return nil, err
	}
	return p.Leave, nil
}

// Place is one in the line of a key. It is for one goroutine at a time.
type Place struct {
	limiter *Limiter
	key     string
	line    *line
	turn    bool
}

// Join returns a place in the line of the key, or ErrBusy. It waits for nobody. Whoever gets one calls Leave once.
func (l *Limiter) Join(key string) (*Place, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	atOnce := l.atOnce()
	found := l.lines[key]
	if found == nil {
		found = &line{turns: semaphore.NewWeighted(int64(atOnce))}
		if l.lines == nil {
			l.lines = map[string]*line{}
		}
		l.lines[key] = found
	}
	if found.users >= atOnce+cmp.Or(l.Waiting, defaultWaiting) {
		return nil, ErrBusy
	}
	found.users++
	return &Place{limiter: l, key: key, line: found}, nil
}

// Wait waits for the turn, or until ctx ends, whose error it returns then.
func (p *Place) Wait(ctx context.Context) error {
	err := p.line.turns.Acquire(ctx, 1)
	p.turn = err == nil
	return err
}

// Leave gives the place back, and the turn if it has come.
func (p *Place) Leave() {
	if p.turn {
		p.line.turns.Release(1)
	}
	p.limiter.mu.Lock()
	defer p.limiter.mu.Unlock()
	if p.line.users--; p.line.users == 0 {
		delete(p.limiter.lines, p.key)
	}
}

// InLine returns how many have a turn of the key, or wait for one.
func (l *Limiter) InLine(key string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if found := l.lines[key]; found != nil {
		return found.users
	}
	return 0
}

// Lines returns how many keys have somebody in their line.
func (l *Limiter) Lines() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.lines)
}

func (l *Limiter) atOnce() int { return cmp.Or(l.AtOnce, runtime.GOMAXPROCS(0)) }
