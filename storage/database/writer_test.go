package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"vestibule/provider/store"
)

// crowd has writes to a SQLite file meet: another process keeps the file until let is called, and one write is at it.
type crowd struct {
	*testing.T
	db  *DB
	let func()
	all sync.WaitGroup
}

func newCrowd(t *testing.T, before ...string) *crowd {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	d, err := OpenPatient(t.Context(), "sqlite:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	exec(t, d, `CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)`)
	exec(t, d, `CREATE TABLE part (of TEXT NOT NULL REFERENCES thing (id) DEFERRABLE INITIALLY DEFERRED)`)
	for _, statement := range before {
		exec(t, d, statement)
	}
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	other.SetMaxOpenConns(1)
	if _, err := other.Exec(`BEGIN IMMEDIATE`); err != nil {
		t.Fatal(err)
	}
	c := &crowd{T: t, db: d, let: func() {
		if _, err := other.Exec(`ROLLBACK`); err != nil {
			t.Fatal(err)
		}
	}}
	c.adds("first", nil)
	Until(c.T, "a write is at the file", func() bool { return d.conn.(*sqlite).writer.Stats().InUse == 1 })
	return c
}

// comes has one more write wait, which is to end with that error.
func (c *crowd) comes(what string, want error, write func(ctx context.Context) error) {
	c.all.Go(func() {
		if err := write(c.Context()); !errors.Is(err, want) {
			c.Errorf("%s: %v, want %v", what, err, want)
		}
	})
}

func (c *crowd) waiting(n int) {
	c.Helper()
	Until(c.T, fmt.Sprint(n, " writes wait"), func() bool { return c.db.conn.(*sqlite).writes.wait() == n })
}

const addThing = `INSERT INTO thing (id, n) VALUES ($1, 1)`

// adds is a commit of two statements.
func (c *crowd) adds(id string, want error) {
	c.comes("add "+id, want, func(ctx context.Context) error {
		return c.db.Atomic(ctx, func(ctx context.Context) error {
			c.db.Exec(ctx, nil, addThing, id)
			return c.db.Exec(ctx, nil, `UPDATE thing SET n = 2 WHERE id = $1`, id)
		})
	})
}

// has fails the test unless there are those things, each whole.
func (c *crowd) has(ids ...string) {
	c.Helper()
	found, err := All(c.Context(), c.db, func(r Row) (id string, err error) {
		var n int64
		if err := r.Scan(&id, &n); err != nil || n != 2 {
			return "", fmt.Errorf("%s has %d, want 2: %w", id, n, err)
		}
		return id, nil
	}, `SELECT id, n FROM thing ORDER BY id`)
	if err != nil {
		c.Error(err)
	}
	if fmt.Sprint(found) != fmt.Sprint(ids) {
		c.Errorf("there are %v, want %v", found, ids)
	}
}

var errMissed = errors.New("no row")

// TestWritesFailAlone has writes meet some that fail, each in its way: these leave nothing behind and the others do not hear of
// it. Rows are handed on once.
func TestWritesFailAlone(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	c.adds("a", nil)
	c.waiting(1)
	rows := 0
	c.comes("return", nil, func(ctx context.Context) error {
		return c.db.Query(ctx, `INSERT INTO thing (id, n) VALUES ('b', 2) RETURNING n`, nil, func(Row) error { rows++; return nil })
	})
	c.waiting(2)
	c.comes("miss", errMissed, func(ctx context.Context) error {
		return c.db.Atomic(ctx, func(ctx context.Context) error {
			c.db.Exec(ctx, nil, addThing, "gone")
			return c.db.Exec(ctx, errMissed, `UPDATE thing SET n = 2 WHERE id = 'none'`)
		})
	})
	c.waiting(3)
	c.comes("conflict of what returns", store.ErrConflict, func(ctx context.Context) error {
		return c.db.Query(ctx, `INSERT INTO thing (id, n) VALUES ('a', 3) RETURNING n`, nil, func(Row) error { return nil })
	})
	c.adds("c", nil)
	c.waiting(5)
	c.comes("conflict", store.ErrConflict, func(ctx context.Context) error {
		return c.db.Exec(ctx, nil, `INSERT INTO thing (id, n) VALUES ('a', 4)`)
	})
	c.comes("miss of one statement", errMissed, func(ctx context.Context) error {
		return c.db.Exec(ctx, errMissed, `UPDATE thing SET n = 5 WHERE id = 'none'`)
	})
	c.waiting(7)
	c.let()
	c.all.Wait()
	c.has("a", "b", "c", "first")
	if rows != 1 {
		t.Errorf("what returns a row has handed on %d", rows)
	}
}

// TestWritesOfOneTransaction has a transaction fail in its commit, and one that fills the file: nobody is told that he has
// written.
func TestWritesOfOneTransaction(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]struct {
		before []string
		write  string
		want   error
	}{
		"commit": {nil, `INSERT INTO part (of) VALUES ('none')`, nil},
		"full":   {[]string{`PRAGMA max_page_count = 20`}, `INSERT INTO thing (id, n) VALUES (hex(zeroblob(1000000)), 2)`, store.ErrUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCrowd(t, bad.before...)
			fails := func(what string, write func(ctx context.Context) error) {
				c.all.Go(func() {
					if err := write(t.Context()); err == nil || !errors.Is(err, bad.want) && bad.want != nil {
						t.Errorf("%s: %v, want %v", what, err, bad.want)
					}
				})
			}
			fails("add", func(ctx context.Context) error { return c.db.Exec(ctx, nil, addThing, "a") })
			c.waiting(1)
			fails("miss", func(ctx context.Context) error {
				return c.db.Exec(ctx, errMissed, `UPDATE thing SET n = 2 WHERE id = 'none'`)
			})
			c.waiting(2)
			fails("bad", func(ctx context.Context) error { return c.db.Exec(ctx, nil, bad.write) })
			c.waiting(3)
			c.let()
			c.all.Wait()
			c.has("first")
		})
	}
}

// TestWritesSurvivePanic has what reads the rows of one write panic. Who leads hears of it; of the others nobody is told that he
// has written, and the next one can.
func TestWritesSurvivePanic(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	for i, id := range []string{"a", "panic", "b"} {
		c.all.Go(func() {
			defer func() { recover() }()
			err := c.db.Query(t.Context(), `INSERT INTO thing (id, n) VALUES ($1, 2) RETURNING id`, []any{id}, func(Row) error {
				if id == "panic" {
					panic("a fault of the caller")
				}
				return nil
			})
			if !errors.Is(err, store.ErrUnavailable) {
				t.Errorf("%s: %v, want %v", id, err, store.ErrUnavailable)
			}
		})
		c.waiting(i + 1)
	}
	c.let()
	c.all.Wait()
	c.adds("next", nil)
	c.all.Wait()
	c.has("first", "next")
}

// TestWritersComeAndGo has writers by the dozen, of which some fail and some go away: what was said to be written is there, and
// nothing else is.
func TestWritersComeAndGo(t *testing.T) {
	t.Parallel()
	c := newCrowd(t)
	c.let()
	var mu sync.Mutex
	written := map[string]bool{"first": true}
	for n := range 24 {
		c.all.Go(func() {
			for i := range 60 {
				ctx, cancel := context.WithCancel(t.Context())
				kind, id := rand.IntN(4), fmt.Sprint(n, " ", i)
				if kind == 3 {
					time.AfterFunc(rand.N(3*time.Millisecond), cancel)
				}
				var missed error
				if kind == 2 {
					missed = errMissed
				}
				err := c.db.Atomic(ctx, func(ctx context.Context) error {
					c.db.Exec(ctx, nil, addThing, id)
					c.db.Exec(ctx, nil, `UPDATE thing SET n = 2 WHERE id = $1`, id)
					return c.db.Exec(ctx, missed, `UPDATE thing SET n = 3 WHERE id = 'none'`)
				})
				cancel()
				switch {
				case err == nil && kind != 2:
					mu.Lock()
					written[id] = true
					mu.Unlock()
				case kind == 2 && !errors.Is(err, errMissed), kind < 2 && err != nil, kind == 3 && !errors.Is(err, context.Canceled):
					t.Errorf("kind %d: %v", kind, err)
				}
			}
		})
	}
	c.all.Wait()
	err := c.db.Query(t.Context(), `SELECT id, n FROM thing`, nil, func(r Row) error {
		var id string
		var n int64
		if err := r.Scan(&id, &n); err != nil {
			return err
		}
		if !written[id] || n != 2 {
			t.Errorf("%q is there with %d, written: %v", id, n, written[id])
		}
		delete(written, id)
		return nil
	})
	if err != nil || len(written) != 0 {
		t.Errorf("not there: %v (%v)", written, err)
	}
}
