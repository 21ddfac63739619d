package database

import (
	"context"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// freeTrips is how many round trips of single reads are under way before those who come wait for one of them. It is what
	// keeps a machine of two cores busy; with one, whoever comes second waits although nobody is in the way.
	freeTrips = 2
	// mostShare is how many reads share a round trip at most, so that none waits long for the others' rows.
	mostShare = 32
)

// sharing has single reads share round trips to PostgreSQL. One by itself goes at once. Those that come while freeTrips are
// under way wait for the first to come back and go together in the next one: a trip costs both ends more than the rows do that
// it is made for.
//
// Each read has an answer of its own. If their trip fails, each is asked by itself, so that none fails by another.
type sharing struct {
	pool *pgxpool.Pool

	mu      sync.Mutex
	trips   int // under way
	waiting []*sharer
}

// sharer is a read that waits.
type sharer struct {
	question
	turn     chan []*sharer // gets the reads that this one is to ask for, itself first; none: another one has asked
	answered bool
	scanned  bool
	err      error
}

// ask reads one row. It reports whether the row was handed on, and the error of that or of the database.
func (s *sharing) ask(ctx context.Context, q question) (scanned bool, err error) {
	if s.free() {
		defer s.next()
		return askAlone(ctx, s.pool, q)
	}
	w := s.wait(q)
	select {
	case share := <-w.turn:
		s.lead(ctx, share)
	case <-ctx.Done():
		if s.leave(w) {
			return false, ctx.Err()
		}
		s.lead(ctx, <-w.turn) // its row is being read; the others' too, if it is the first of them
	}
	if w.answered {
		return w.scanned, w.err
	}
	return askAlone(ctx, s.pool, q)
}

// free takes one of the trips, if one is left.
func (s *sharing) free() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.trips == freeTrips {
		return false
	}
	s.trips++
	return true
}

func (s *sharing) wait(q question) *sharer {
	w := &sharer{question: q, turn: make(chan []*sharer, 1)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting = append(s.waiting, w)
	return w
}

// leave gives a place up. It reports false if it was the read's turn meanwhile.
func (s *sharing) leave(w *sharer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.Index(s.waiting, w)
	if at < 0 {
		return false
	}
	s.waiting = slices.Delete(s.waiting, at, at+1)
	return true
}

// next gives a trip that is over to those who wait.
func (s *sharing) next() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 {
		s.trips--
		return
	}
	n := min(len(s.waiting), mostShare)
	share := s.waiting[:n:n]
	s.waiting = slices.Clone(s.waiting[n:])
	share[0].turn <- share
}

// lead asks for all that share a trip and tells them. Whoever leads may have gone away: the others' reads are no part of that.
func (s *sharing) lead(ctx context.Context, share []*sharer) {
	if share == nil {
		return
	}
	defer func() {
		s.next()
		for _, w := range share[1:] {
			w.turn <- nil
		}
	}()
	limited := context.WithoutCancel(ctx)
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		limited, cancel = context.WithDeadline(limited, deadline)
		defer cancel()
	}
	askTogether(limited, s.pool, share)
}

// askTogether reads rows until there is an error: what follows it in a batch is not run.
func askTogether(ctx context.Context, pool *pgxpool.Pool, share []*sharer) {
	b := &pgx.Batch{}
	for _, w := range share {
		b.Queue(w.query, w.args...)
	}
	results := pool.SendBatch(ctx, b)
	defer results.Close()
	for _, w := range share {
		rows, err := results.Query()
		if err != nil {
			return
		}
		w.scanned, w.err = w.read(rows)
		if w.err != nil && !w.scanned {
			return
		}
		w.answered = true
	}
}

func askAlone(ctx context.Context, pool *pgxpool.Pool, q question) (scanned bool, err error) {
	rows, err := pool.Query(ctx, q.query, q.args...)
	if err != nil {
		return false, err
	}
	return q.read(rows)
}
