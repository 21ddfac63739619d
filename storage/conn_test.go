package storage_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"vestibule/provider/account"
	"vestibule/provider/store"
	"vestibule/storage"
)

const insertThing = `INSERT INTO thing (id, n) VALUES ($1, $2)`

// things is each with a table to play with.
func things(t *testing.T, f func(t *testing.T, s *storage.Store)) {
	t.Helper()
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.Exec(t.Context(), nil, `CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL UNIQUE)`))
		f(t, s)
	})
}

func count(t *testing.T, s *storage.Store) int64 {
	t.Helper()
	return number(t, s, `SELECT count(*) FROM thing`)
}

// Some SQLite drivers bind $2 to the first argument when it comes first.
func TestArgumentsByPosition(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		got, err := s.Row(t.Context(), 3, `SELECT $2, $1, $2`, "one", "two")
		if want := []string{"two", "one", "two"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("SELECT $2, $1, $2 = %q, %v, want %q", got, err, want)
		}
	})
}

func TestExec(t *testing.T) {
	things(t, func(t *testing.T, s *storage.Store) {
		missed := errors.New("missed")
		for _, tt := range []struct {
			name   string
			missed error
			query  string
			args   []any
			want   error
		}{
			{"first", missed, insertThing, []any{"a", 1}, nil},
			{"same key", missed, insertThing, []any{"a", 2}, store.ErrConflict},
			{"same unique value", missed, insertThing, []any{"b", 1}, store.ErrConflict},
			{"hit", missed, `UPDATE thing SET n = 3 WHERE id = $1`, []any{"a"}, nil},
			{"miss", missed, `UPDATE thing SET n = 4 WHERE id = $1`, []any{"b"}, missed},
			{"miss that is fine", nil, `UPDATE thing SET n = 4 WHERE id = $1`, []any{"b"}, nil},
		} {
			if err := s.Exec(t.Context(), tt.missed, tt.query, tt.args...); err != tt.want {
				t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
			}
		}
	})
}

// A statement that is wrong is a fault of ours, not of the database.
func TestWrongStatement(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		_, err := s.Number(t.Context(), `SELECT n FROM nowhere`)
		if err == nil || errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrNotFound) {
			t.Errorf("read of a table that is not there: %v", err)
		}
		err = s.Exec(t.Context(), nil, `DELETE FROM nowhere`)
		if err == nil || errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrConflict) {
			t.Errorf("write to a table that is not there: %v", err)
		}
	})
}

// PostgreSQL refuses such texts, SQLite does not find them: to the caller they are unknown names.
func TestUntranslatableKey(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		for _, id := range []string{"a\x00b", "a\xffb"} {
			if _, err := s.Client(t.Context(), id); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Client(%q): %v, want %v", id, err, store.ErrNotFound)
			}
		}
	})
}

func TestAtomicCommitsAllInOneTrip(t *testing.T) {
	things(t, func(t *testing.T, s *storage.Store) {
		w := observe(s)
		err := s.Atomic(t.Context(), func(ctx context.Context) error {
			must(t, s.Exec(ctx, store.ErrConflict, insertThing, "a", 1))
			must(t, s.Exec(ctx, nil, `DELETE FROM thing WHERE id = $1`, "none"))
			return s.Atomic(ctx, func(ctx context.Context) error {
				return s.Exec(ctx, store.ErrConflict, insertThing, "b", 2)
			})
		})
		must(t, err)
		if got, want := w.counts(), [3]int{1, 3, 1}; got != want {
			t.Errorf("trips, statements, commits = %v, want %v", got, want)
		}
		if got := count(t, s); got != 2 {
			t.Errorf("%d rows, want 2", got)
		}
	})
}

func TestAtomicRollsAllBack(t *testing.T) {
	own := errors.New("own")
	for name, tt := range map[string]struct {
		query string
		args  []any
		fail  error
		want  error
	}{
		"a write that misses": {`UPDATE thing SET n = 9 WHERE id = $1`, []any{"none"}, nil, own},
		"a conflict":          {insertThing, []any{"old", 5}, nil, store.ErrConflict},
		"fn fails":            {insertThing, []any{"new", 5}, account.ErrBusy, account.ErrBusy},
	} {
		t.Run(name, func(t *testing.T) {
			things(t, func(t *testing.T, s *storage.Store) {
				must(t, s.Exec(t.Context(), nil, insertThing, "old", 0))
				err := s.Atomic(t.Context(), func(ctx context.Context) error {
					must(t, s.Exec(ctx, nil, insertThing, "before", 1))
					if err := s.Exec(ctx, own, tt.query, tt.args...); err != nil {
						t.Errorf("the write was not put off: %v", err)
					}
					must(t, s.Exec(ctx, nil, insertThing, "after", 2))
					return tt.fail
				})
				if err != tt.want {
					t.Errorf("Atomic: %v, want %v", err, tt.want)
				}
				if got := count(t, s); got != 1 {
					t.Errorf("%d rows, want 1", got)
				}
			})
		})
	}
}

func TestAtomicNestedTakesBackItsOwn(t *testing.T) {
	things(t, func(t *testing.T, s *storage.Store) {
		must(t, s.Atomic(t.Context(), func(ctx context.Context) error {
			must(t, s.Exec(ctx, nil, insertThing, "outer", 1))
			err := s.Atomic(ctx, func(ctx context.Context) error {
				must(t, s.Exec(ctx, nil, insertThing, "inner", 2))
				return account.ErrBusy
			})
			if !errors.Is(err, account.ErrBusy) {
				t.Errorf("inner Atomic: %v", err)
			}
			return nil
		}))
		if got, err := s.Row(t.Context(), 1, `SELECT id FROM thing`); err != nil || got[0] != "outer" {
			t.Errorf("rows: %q, %v, want outer only", got, err)
		}
	})
}

func TestAtomicWithoutWrites(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		w := observe(s)
		must(t, s.Atomic(t.Context(), func(context.Context) error { return nil }))
		if got := w.counts(); got != [3]int{} {
			t.Errorf("trips, statements, commits = %v, want none", got)
		}
	})
}

// A write must not be lost in silence.
func TestWriteAfterAtomic(t *testing.T) {
	things(t, func(t *testing.T, s *storage.Store) {
		var late context.Context
		must(t, s.Atomic(t.Context(), func(ctx context.Context) error { late = ctx; return nil }))
		if err := s.Exec(late, nil, insertThing, "late", 1); err == nil {
			t.Error("a write through the context of an Atomic that is over succeeded")
		}
	})
}

// A read with RETURNING inside Atomic is committed whatever becomes of the rest.
func TestReturningIsCommittedAtOnce(t *testing.T) {
	things(t, func(t *testing.T, s *storage.Store) {
		err := s.Atomic(t.Context(), func(ctx context.Context) error {
			_, err := s.Number(ctx, insertThing+` RETURNING n`, "a", 7)
			must(t, err)
			return account.ErrBusy
		})
		if !errors.Is(err, account.ErrBusy) || count(t, s) != 1 {
			t.Errorf("Atomic: %v, %d rows, want %v and 1", err, count(t, s), account.ErrBusy)
		}
	})
}

// Two stores have nothing to do with each other's Atomic.
func TestAtomicIsOfItsStore(t *testing.T) {
	things(t, func(t *testing.T, s *storage.Store) {
		other, err := storage.Open(t.Context(), "sqlite:"+t.TempDir()+"/other.db")
		must(t, err)
		defer other.Close()
		must(t, other.Atomic(t.Context(), func(ctx context.Context) error {
			must(t, s.Exec(ctx, nil, insertThing, "a", 1))
			if got := count(t, s); got != 1 {
				t.Errorf("%d rows before the other store's Atomic is over, want 1", got)
			}
			return nil
		}))
	})
}

func TestManyWriters(t *testing.T) {
	things(t, func(t *testing.T, s *storage.Store) {
		won := race(t, 50, nil, func(i int) error {
			return s.Atomic(t.Context(), func(ctx context.Context) error {
				must(t, s.Exec(ctx, store.ErrConflict, insertThing, string(rune('0'+i)), i))
				return s.Exec(ctx, store.ErrConflict, `UPDATE thing SET n = n + 1000 WHERE n = $1`, i)
			})
		})
		if got := number(t, s, `SELECT count(*) FROM thing WHERE n >= 1000`); won != 50 || got != 50 {
			t.Errorf("%d succeeded, %d rows, want 50 and 50", won, got)
		}
	})
}

// Batches that lock the same rows in opposite orders run into deadlocks on PostgreSQL: the loser
// runs again.
func TestDeadlock(t *testing.T) {
	things(t, func(t *testing.T, s *storage.Store) {
		must(t, s.Exec(t.Context(), nil, insertThing, "a", -1))
		must(t, s.Exec(t.Context(), nil, insertThing, "b", -2))
		race(t, 2, nil, func(i int) error {
			ids := []string{"a", "b", "a"}[i:]
			return s.Atomic(t.Context(), func(ctx context.Context) error {
				must(t, s.Exec(ctx, store.ErrConflict, `UPDATE thing SET n = n - 10 WHERE id = $1`, ids[0]))
				return s.Exec(ctx, store.ErrConflict, `UPDATE thing SET n = n - 10 WHERE id = $1`, ids[1])
			})
		})
		if got := number(t, s, `SELECT max(n) FROM thing`); got != -21 {
			t.Errorf("the larger n is %d, want -21", got)
		}
	})
}

// A caller that went away is not a database that is down.
func TestCancelledCaller(t *testing.T) {
	things(t, func(t *testing.T, s *storage.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := s.Number(ctx, `SELECT count(*) FROM thing`)
		if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("read: %v, want %v", err, context.Canceled)
		}
		err = s.Exec(ctx, nil, insertThing, "a", 1)
		if !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("write: %v, want %v", err, context.Canceled)
		}
	})
}

func TestDeadline(t *testing.T) {
	things(t, func(t *testing.T, s *storage.Store) {
		ctx, cancel := context.WithTimeout(t.Context(), 0)
		defer cancel()
		if err := s.Exec(ctx, nil, insertThing, "a", 1); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("write: %v, want %v", err, store.ErrUnavailable)
		}
	})
}

// What is inserted by one text is one statement, wherever in the Atomic it was; all else stays in its order.
func TestInsertsAreOneStatement(t *testing.T) {
	things(t, func(t *testing.T, s *storage.Store) {
		const into = `INSERT INTO thing (id, n)`
		must(t, s.Insert(t.Context(), into, "alone", 0))
		w := observe(s)
		must(t, s.Atomic(t.Context(), func(ctx context.Context) error {
			must(t, s.Insert(ctx, into, "a", 1))
			must(t, s.Exec(ctx, nil, `UPDATE thing SET n = 5 WHERE id = 'b'`))
			if err := s.Atomic(ctx, func(ctx context.Context) error {
				return errors.Join(s.Insert(ctx, into, "taken back", 3), errors.New("taken back"))
			}); err == nil {
				t.Error("an Atomic that failed did not")
			}
			for i := range 100 {
				must(t, s.Insert(ctx, into, string(rune('b'+i)), 10+i))
			}
			return nil
		}))
		if got, want := w.counts(), [3]int{1, 3, 1}; got != want { // 64 rows, the update, 37 rows
			t.Errorf("trips, statements, commits = %v, want %v", got, want)
		}
		if got := count(t, s); got != 102 {
			t.Errorf("%d rows, want 102", got)
		}
		if got := number(t, s, `SELECT n FROM thing WHERE id = 'b'`); got != 5 {
			t.Errorf("n = %d: the rows do not stand in the place of the first", got)
		}
		err := s.Atomic(t.Context(), func(ctx context.Context) error {
			return errors.Join(s.Insert(ctx, into, "new", 200), s.Insert(ctx, into, "a", 201))
		})
		if !errors.Is(err, store.ErrConflict) || count(t, s) != 102 {
			t.Errorf("one row of two is there already: %v, want ErrConflict and no row", err)
		}
	})
}

// A SELECT that goes along costs no round trip, sees what was written, and is asked by itself if it was not answered.
func TestAlong(t *testing.T) {
	things(t, func(t *testing.T, s *storage.Store) {
		const write = `INSERT INTO thing (id, n) VALUES ($1, $2) RETURNING n`
		ctx, rows := s.CountAlong(t.Context())
		ctx, again := s.CountAlong(ctx)
		w := observe(s)
		if n, err := s.Number(ctx, write, "a", 7); n != 7 || err != nil {
			t.Errorf("the write returns %d, %v", n, err)
		}
		for _, found := range []func(context.Context) (int64, error){rows, again, rows} {
			if n, err := found(t.Context()); n != 1 || err != nil {
				t.Errorf("%d rows, %v, want 1", n, err)
			}
		}
		if got, want := w.counts(), [3]int{1, 3, 1}; got != want {
			t.Errorf("trips, statements, commits = %v, want %v", got, want)
		}
		if _, err := s.Number(ctx, `SELECT 1`); err != nil || w.counts() != [3]int{2, 4, 1} {
			t.Errorf("trips, statements, commits = %v, %v: it goes along once", w.counts(), err)
		}

		ctx, rows = s.CountAlong(t.Context())
		if _, err := s.Number(ctx, write, "a", 8); !errors.Is(err, store.ErrConflict) {
			t.Errorf("a write that fails: %v", err)
		}
		if n, err := rows(t.Context()); n != 1 || err != nil {
			t.Errorf("%d rows, %v, want 1", n, err)
		}
		_, rows = s.CountAlong(t.Context())
		if n, err := rows(t.Context()); n != 1 || err != nil {
			t.Errorf("%d rows, %v, want 1", n, err)
		}
	})
}
