package database

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"vestibule/provider/store"
)

// conn is one of the two databases. Its errors are an outcome, store.ErrConflict,
// store.ErrUnavailable, or what the driver said.
type conn interface {
	// query runs one statement, committed when it returns, and hands each row to scan. The SELECTs that go along come after
	// it: where there are round trips, in the same one, and all fail if one does.
	query(ctx context.Context, q question, along []*rider) error
	// commit runs the writes in their order in one transaction. It fails with the missed of the first
	// write that has one and changes no Row, as an outcome.
	commit(ctx context.Context, writes []write) error
	migrator() migrator
	// clock is the query for the database's own time, in microseconds since 1970.
	clock() string
	// rowsOf is the condition that a row is one of those that a SELECT, which is given from its FROM on, finds first. The
	// database goes to them directly, however large the table is.
	rowsOf(from string) string
	// join makes the statements that the writes of a commit are run by.
	join(writes []write) []write
	close() error
}

// Row is one result. Scan is called once.
type Row interface {
	Scan(dest ...any) error
}

// write is a statement that waits for its commit. A SELECT among them is a condition of the commit.
type write struct {
	missed error // returned when no row is changed or found; nil: that is fine
	query  string
	args   []any
	rank   Rank    // of a lock
	lock   bool    // the commit rests on its rows, for which it may wait
	row    bool    // query is an INSERT of values, until gather up to VALUES, of which args are one row
	list   string  // of a row: the table that its id goes into as well; empty: none
	apart  bool    // it may be part of the statement of those before it
	one    string  // the key of the one row that it changes and locks; empty: there may be others
	parts  []write // of a statement that is made of several; it fails by itself when one of them misses
}

// Rank is the order in which commits lock the rows that they rest on.
type Rank int

// outcome is an error of the caller's choice, which is no fault and goes back as it came.
type outcome struct{ error }

// miss is what becomes of a write that changed no row.
func (w write) miss() error {
	if w.missed == nil {
		return nil
	}
	return outcome{w.missed}
}

// Trip is one round trip to the database, as the one who asks sees it: others may share it.
type Trip struct {
	Queries  []string // several only in a batch
	Writes   bool     // it ended with a commit
	Duration time.Duration
	Err      error // why it failed; nil also for an outcome that the caller asked about
}

// Observe calls f after each round trip from now on; nil ends it. f must be safe for concurrent use.
// Metrics and tests count with it.
func (d *DB) Observe(f func(Trip)) {
	if f == nil {
		d.observer.Store(nil)
		return
	}
	d.observer.Store(&f)
}

// All runs a statement at once, inside Atomic too, and returns what scan makes of its rows: a SELECT,
// or a write with RETURNING that must be committed whatever becomes of the caller.
// A SELECT does not see what an Atomic around it has put off.
func All[T any](ctx context.Context, d *DB, scan func(Row) (T, error), query string, args ...any) ([]T, error) {
	var found []T
	if err := d.Query(ctx, query, args, into(&found, scan)); err != nil {
		return nil, err
	}
	return found, nil
}

// into appends what scan makes of each row.
func into[T any](found *[]T, scan func(Row) (T, error)) func(Row) error {
	return func(r Row) error {
		v, err := scan(r)
		*found = append(*found, v)
		return err
	}
}

// One is All for at most one row, which is found by a key: store.ErrNotFound if there is none. SELECTs that come at the same
// time share round trips to PostgreSQL.
func One[T any](ctx context.Context, d *DB, scan func(Row) (T, error), query string, args ...any) (T, error) {
	return first(ctx, d, scan, question{query: query, args: args, single: true})
}

// Number is the one number that a query is for, or store.ErrNotFound. It may count a whole table: nobody shares its trip.
func Number(ctx context.Context, d *DB, query string, args ...any) (int64, error) {
	return first(ctx, d, func(r Row) (n int64, err error) {
		err = r.Scan(&n)
		return n, err
	}, question{query: query, args: args})
}

func first[T any](ctx context.Context, d *DB, scan func(Row) (T, error), q question) (T, error) {
	var found []T
	q.scan = into(&found, scan)
	err := d.ask(ctx, q)
	if err == nil && len(found) == 0 {
		err = store.ErrNotFound
	}
	if err != nil {
		var none T
		return none, err
	}
	return found[0], nil
}

// Query runs a statement at once, as All does, and hands each row to scan. What Along has put off goes along.
func (d *DB) Query(ctx context.Context, query string, args []any, scan func(Row) error) error {
	return d.ask(ctx, question{query: query, args: args, scan: scan})
}

func (d *DB) ask(ctx context.Context, q question) error {
	limited, cancel := context.WithTimeout(ctx, d.limit)
	defer cancel()
	along := d.board(ctx)
	queries := []string{q.query}
	for _, r := range along {
		queries = append(queries, r.query)
	}
	began := time.Now()
	err := d.conn.query(limited, q, along)
	d.observe(Trip{Queries: queries, Writes: !reads(q.query), Duration: time.Since(began), Err: fault(err)})
	return explain(ctx, err, q.query)
}

func (d *DB) observe(t Trip) {
	if f := d.observer.Load(); f != nil {
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

// ForShare ends a SELECT that keeps others from changing or deleting its rows until the commit.
const ForShare = ` FOR SHARE`

// reads reports whether a query cannot write. What is not sure is taken for a write.
func reads(query string) bool {
	return strings.HasPrefix(query, "SELECT")
}

// Exec runs a write and returns missed if it changed no row; nil means that this is fine.
// Inside Atomic it is put off and returns nil; Atomic returns what becomes of it.
func (d *DB) Exec(ctx context.Context, missed error, query string, args ...any) error {
	w := write{missed: missed, query: query, args: args}
	if p := d.pending(ctx); p != nil {
		return p.add(w)
	}
	return d.commit(ctx, []write{w})
}

// ExecApart is Exec of a write that stands apart from all others of its commit: one of rows that it names by their keys, with
// conditions on these rows. It may become part of the statement of those before it. Then it does not see what was committed
// while they waited for others' locks; of its own rows it sees the last state all the same. One that reads another table as
// well does not become part of what may have waited.
func (d *DB) ExecApart(ctx context.Context, missed error, query string, args ...any) error {
	w := write{missed: missed, query: query, args: args, apart: true}
	if p := d.pending(ctx); p != nil {
		return p.add(w)
	}
	return d.commit(ctx, []write{w})
}

// ExecOne is Exec of an UPDATE that changes and locks one row at most, by a key, which is its first argument. A commit of it and
// of rows that are inserted may share a transaction of PostgreSQL with others of its kind: each has an outcome of its own.
func (d *DB) ExecOne(ctx context.Context, missed error, query, key string, args ...any) error {
	w := write{missed: missed, query: query, args: append([]any{key}, args...), one: key}
	if p := d.pending(ctx); p != nil {
		return p.add(w)
	}
	return d.commit(ctx, []write{w})
}

// Insert is Exec of an INSERT of one row: into is the text up to VALUES, with all columns. The rows that an Atomic inserts by
// the same text are one statement, in the place of the first of them.
func (d *DB) Insert(ctx context.Context, into string, values ...any) error {
	return d.insert(ctx, write{query: into, args: values, row: true})
}

// InsertListed is Insert of a row whose id is the first value, which goes into the column id of the table list as well.
func (d *DB) InsertListed(ctx context.Context, list, into string, values ...any) error {
	return d.insert(ctx, write{query: into, args: values, row: true, list: list})
}

func (d *DB) insert(ctx context.Context, w write) error {
	if p := d.pending(ctx); p != nil {
		return p.add(w)
	}
	return d.commit(ctx, []write{w})
}

// Lock is Exec for a row that the commit rests on: an UPDATE, or a SELECT ... FOR SHARE, which only keeps others from
// changing the row. It comes before all other writes of the commit, and all commits take their locks in the same order, so
// that what follows sees what those before it have left, and no two wait for each other.
func (d *DB) Lock(ctx context.Context, rank Rank, missed error, query string, args ...any) error {
	return d.addLock(ctx, write{missed: missed, query: query, args: args, rank: rank, lock: true})
}

// LockApart is Lock of rows that are named by a key which no other row will ever have. It may become part of the statement of the
// locks before it: it does not see rows that were made while they waited, and of its own the last state all the same.
func (d *DB) LockApart(ctx context.Context, rank Rank, missed error, query string, args ...any) error {
	return d.addLock(ctx, write{missed: missed, query: query, args: args, rank: rank, lock: true, apart: true})
}

func (d *DB) addLock(ctx context.Context, w write) error {
	if p := d.pending(ctx); p != nil {
		return p.addLock(w)
	}
	return d.commit(ctx, []write{w})
}

func (d *DB) commit(ctx context.Context, writes []write) error {
	if len(writes) == 0 {
		return nil
	}
	limited, cancel := context.WithTimeout(ctx, d.limit)
	defer cancel()
	writes = d.conn.join(gather(writes))
	began := time.Now()
	err := d.conn.commit(limited, writes)
	d.observe(Trip{Queries: texts(writes), Writes: true, Duration: time.Since(began), Err: fault(err)})
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
