package database

import (
	"context"
	"sync/atomic"
)

// question is a statement and what becomes of its rows.
type question struct {
	query string
	args  []any
	scan  func(Row) error

	// single: it finds one row at most, by a key. Others may ask in the same round trip.
	single bool
}

// rider is a SELECT that goes along with another statement.
type rider struct {
	question
	boarded  atomic.Bool
	answered bool
}

type alongKey struct{ d *DB }

// Along has a SELECT go along with the first statement that All, One or Query run with the context that it returns: the
// two are one round trip, and what is written is asked first. found returns what it found. If it has not gone along, or
// that statement has failed, found asks by itself. Its answer is of that moment: what rests on it is checked in its commit, as
// always. One goroutine uses the context until found was called.
func Along[T any](ctx context.Context, d *DB, scan func(Row) (T, error), query string, args ...any) (_ context.Context, found func(context.Context) ([]T, error)) {
	var rows []T
	r := &rider{question: question{query: query, args: args, scan: into(&rows, scan)}}
	before, _ := ctx.Value(alongKey{d}).([]*rider)
	riders := append(before[:len(before):len(before)], r)
	return context.WithValue(ctx, alongKey{d}, riders), func(ctx context.Context) ([]T, error) {
		r.boarded.Store(true)
		if r.answered {
			return rows, nil
		}
		return All(ctx, d, scan, query, args...)
	}
}

// board returns the SELECTs that go along now: each does so once.
func (d *DB) board(ctx context.Context) []*rider {
	waiting, _ := ctx.Value(alongKey{d}).([]*rider)
	var along []*rider
	for _, r := range waiting {
		if r.boarded.CompareAndSwap(false, true) {
			along = append(along, r)
		}
	}
	return along
}
