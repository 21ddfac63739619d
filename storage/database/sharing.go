package database

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// freeTrips is how many round trips of single reads are under way before those who come wait for one of them. It is what
	// keeps a machine of two cores busy; with one, whoever comes second waits although nobody is in the way.
	freeTrips = 2
	// mostShare is how many reads share a round trip.
	mostShare = 32
	// shareTime is how long a trip of several may take. It is for rows by their keys; one may be of a table that is locked.
	shareTime = time.Second
	// patience is how long a read or a commit waits for others before it goes by itself: they may have met a connection that
	// is dead, or a row that is kept.
	patience = 100 * time.Millisecond
)

// sharing has single reads that meet share round trips to PostgreSQL: a trip costs both ends more than the row does that it
// is made for. Each read has an answer of its own. If a trip of several fails, each is asked by itself, so that none fails by
// another.
type sharing struct {
	pool *pgxpool.Pool
	groups[sharer]
}

// sharer is a read and what became of it.
type sharer struct {
	question
	answered bool
	scanned  bool
	err      error
}

func newSharing(pool *pgxpool.Pool) *sharing {
	s := &sharing{pool: pool}
	s.groups = groups[sharer]{most: freeTrips, size: mostShare, patience: patience, do: s.askFor}
	return s
}

// ask reads one row. It reports whether the row was handed on, and the error of that or of the database.
func (s *sharing) ask(ctx context.Context, q question) (scanned bool, err error) {
	r := &sharer{question: q}
	if err := s.join(ctx, r); err != nil {
		return false, err
	}
	if !r.answered {
		return askAlone(ctx, s.pool, q)
	}
	return r.scanned, r.err
}

func (s *sharing) askFor(ctx context.Context, group []*sharer) {
	if len(group) == 1 {
		r := group[0]
		r.scanned, r.err = askAlone(ctx, s.pool, r.question)
		r.answered = true
		return
	}
	s.askTogether(ctx, group)
}

// askTogether reads rows until there is an error: what follows it in a batch is not run.
func (s *sharing) askTogether(ctx context.Context, group []*sharer) {
	b := &pgx.Batch{}
	for _, r := range group {
		b.Queue(r.query, r.args...)
	}
	ctx, cancel := context.WithTimeout(ctx, shareTime)
	defer cancel()
	results := s.pool.SendBatch(ctx, b)
	defer results.Close()
	for _, r := range group {
		rows, err := results.Query()
		if err != nil {
			return
		}
		r.scanned, r.err = r.read(rows)
		if r.err != nil && !r.scanned {
			return
		}
		r.answered = true
	}
}

func askAlone(ctx context.Context, pool *pgxpool.Pool, q question) (scanned bool, err error) {
	rows, err := pool.Query(ctx, q.query, q.args...)
	if err != nil {
		return false, err
	}
	return q.read(rows)
}
