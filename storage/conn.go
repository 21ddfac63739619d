package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"vestibule/provider/store"
)

// conn is one of the two databases. Its errors are an outcome, store.ErrConflict,
// store.ErrUnavailable, or what the driver said.
type conn interface {
	// query runs one statement, committed when it returns, and hands each row to scan.
	query(ctx context.Context, query string, args []any, scan func(row) error) error
	// commit runs the writes in their order in one transaction. It fails with the missed of the first
	// write that has one and changes no row, as an outcome.
	commit(ctx context.Context, writes []write) error
	migrator() migrator
	// clock is the query for the database's own time, in microseconds since 1970.
	clock() string
	// rowsOf is the condition that a row is one of those that a SELECT, which is given from its FROM on, finds first. The
	// database goes to them directly, however large the table is.
	rowsOf(from string) string
	close() error
}

// row is one result. Scan is called once.
type row interface {
	Scan(dest ...any) error
}

// write is a statement that waits for its commit. A SELECT among them is a condition of the commit.
type write struct {
	missed error // returned when no row is changed or found; nil: that is fine
	query  string
	args   []any
	rank   rank // of a lock
}

// rank is the order in which commits lock the rows that they rest on.
type rank int

const (
	accountRank rank = iota
	sessionRank
)

// outcome is an error of the caller's choice, which is no fault and goes back as it came.
type outcome struct{ error }

// miss is what becomes of a write that changed no row.
func (w write) miss() error {
	if w.missed == nil {
		return nil
	}
	return outcome{w.missed}
}

// Trip is one round trip to the database.
type Trip struct {
	Queries  []string // several only in a batch
	Writes   bool     // it ended with a commit
	Duration time.Duration
	Err      error // why it failed; nil also for an outcome that the caller asked about
}

// Observe calls f after each round trip from now on; nil ends it. f must be safe for concurrent use.
// Metrics and tests count with it.
func (s *Store) Observe(f func(Trip)) {
	if f == nil {
		s.observer.Store(nil)
		return
	}
	s.observer.Store(&f)
}

// all runs a statement at once, inside Atomic too, and returns what scan makes of its rows: a SELECT,
// or a write with RETURNING that must be committed whatever becomes of the caller.
// A SELECT does not see what an Atomic around it has put off.
func all[T any](ctx context.Context, s *Store, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	var found []T
	err := s.query(ctx, query, args, func(r row) error {
		v, err := scan(r)
		found = append(found, v)
		return err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}

// one is all for at most one row: store.ErrNotFound if there is none.
func one[T any](ctx context.Context, s *Store, scan func(row) (T, error), query string, args ...any) (T, error) {
	found, err := all(ctx, s, scan, query, args...)
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		var none T
		return none, err
	}
	return found[0], nil
}

func (s *Store) query(ctx context.Context, query string, args []any, scan func(row) error) error {
	limited, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	began := time.Now()
	err := s.conn.query(limited, query, args, scan)
	s.observe(Trip{Queries: []string{query}, Writes: !reads(query), Duration: time.Since(began), Err: fault(err)})
	return explain(ctx, err, query)
}

func (s *Store) observe(t Trip) {
	if f := s.observer.Load(); f != nil {
		(*f)(t)
	}
}

// fault leaves out the errors that are answers.
func fault(err error) error {
	var o outcome
	if err == store.ErrConflict || errors.As(err, &o) {
		return nil
	}
	return err
}

// forShare ends a SELECT that keeps others from changing or deleting its rows until the commit.
const forShare = ` FOR SHARE`

// reads reports whether a query cannot write. What is not sure is taken for a write.
func reads(query string) bool {
	return strings.HasPrefix(query, "SELECT")
}

// exec runs a write and returns missed if it changed no row; nil means that this is fine.
// Inside Atomic it is put off and returns nil; Atomic returns what becomes of it.
func (s *Store) exec(ctx context.Context, missed error, query string, args ...any) error {
	w := write{missed: missed, query: query, args: args}
	if p := s.pending(ctx); p != nil {
		return p.add(w)
	}
	return s.commit(ctx, []write{w})
}

// lock is exec for a row that the commit rests on: an UPDATE, or a SELECT ... FOR SHARE, which only keeps others from
// changing the row. It comes before all other writes of the commit, and all commits take their locks in the same order, so
// that what follows sees what those before it have left, and no two wait for each other.
func (s *Store) lock(ctx context.Context, rank rank, missed error, query string, args ...any) error {
	w := write{missed: missed, query: query, args: args, rank: rank}
	if p := s.pending(ctx); p != nil {
		return p.addLock(w)
	}
	return s.commit(ctx, []write{w})
}

func (s *Store) commit(ctx context.Context, writes []write) error {
	if len(writes) == 0 {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	began := time.Now()
	err := s.conn.commit(limited, writes)
	s.observe(Trip{Queries: texts(writes), Writes: true, Duration: time.Since(began), Err: fault(err)})
	return explain(ctx, err, writes[0].query)
}

func texts(writes []write) []string {
	queries := make([]string, len(writes))
	for i, w := range writes {
		queries[i] = w.query
	}
	return queries
}

// explain says what was being done, and whose the fault is when time ran out: a caller that went
// away keeps its own error, all else is a database that is too slow.
func explain(ctx context.Context, err error, query string) error {
	var o outcome
	switch {
	case err == nil, err == store.ErrConflict:
		return err
	case errors.As(err, &o):
		return o.error
	case errors.Is(ctx.Err(), context.Canceled):
		err = ctx.Err()
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		err = fmt.Errorf("%w: no answer in time", store.ErrUnavailable)
	}
	return fmt.Errorf("%s: %w", firstLine(query), err)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	if len(line) > 60 {
		line = line[:60] + "..."
	}
	return line
}

// atomically is what an Atomic has put off.
type atomically struct {
	locks  []write // what it rests on
	writes []write
	undo   []func()
	over   bool
}

type atomicKey struct{ s *Store }

func (s *Store) pending(ctx context.Context) *atomically {
	p, _ := ctx.Value(atomicKey{s}).(*atomically)
	return p
}

// Atomic runs fn and then, in one transaction and one round trip, all that fn wrote through its
// context; if fn fails, nothing. An error of a write comes from Atomic, not from the call that put
// it off. A nested call joins the outer one, and when it fails takes only its own writes back.
// fn must not write from several goroutines.
func (s *Store) Atomic(ctx context.Context, fn func(ctx context.Context) error) error {
	if p := s.pending(ctx); p != nil {
		return p.join(ctx, fn)
	}
	p := &atomically{}
	defer func() { p.over = true }()
	err := fn(context.WithValue(ctx, atomicKey{s}, p))
	if err == nil {
		err = s.commit(ctx, p.all())
	}
	if err != nil {
		p.back(mark{})
	}
	return err
}

// all is what the commit consists of: first the locks, by their rank. Of those on one row the UPDATE comes first, lest two
// commits that share the row both want to change it.
func (p *atomically) all() []write {
	locks := slices.Clone(p.locks)
	slices.SortStableFunc(locks, func(a, b write) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), compareBool(reads(a.query), reads(b.query)))
	})
	return append(locks, p.writes...)
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

var errOver = errors.New("write through the context of an Atomic that is over")

func (p *atomically) add(w write) error {
	if p.over {
		return errOver
	}
	p.writes = append(p.writes, w)
	return nil
}

func (p *atomically) addLock(w write) error {
	if p.over {
		return errOver
	}
	p.locks = append(p.locks, w)
	return nil
}

// mark is how far an Atomic has come.
type mark struct{ locks, writes, undo int }

func (p *atomically) join(ctx context.Context, fn func(ctx context.Context) error) error {
	before := mark{len(p.locks), len(p.writes), len(p.undo)}
	err := fn(ctx)
	if err != nil {
		p.back(before)
	}
	return err
}

// back forgets all since the mark and runs the undo functions, last one first.
func (p *atomically) back(to mark) {
	for i := len(p.undo) - 1; i >= to.undo; i-- {
		p.undo[i]()
	}
	p.locks, p.writes, p.undo = p.locks[:to.locks], p.writes[:to.writes], p.undo[:to.undo]
}

// undo has f run if the Atomic around the caller fails: it takes back what a put-off write has
// promised in memory, such as a raised version.
func (s *Store) undo(ctx context.Context, f func()) {
	if p := s.pending(ctx); p != nil {
		p.undo = append(p.undo, f)
	}
}

// micros is how a time is kept: microseconds since 1970, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// instant is the reverse of micros.
func instant(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
