package storage_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"vestibule/storage"
)

// pair is a table beside thing.
func pair(t *testing.T, f func(t *testing.T, s *storage.Store)) {
	t.Helper()
	things(t, func(t *testing.T, s *storage.Store) {
		must(t, s.Exec(t.Context(), nil, `CREATE TABLE other (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)`))
		must(t, s.Exec(t.Context(), nil, insertThing, "a", 1))
		must(t, s.Exec(t.Context(), nil, `INSERT INTO other (id, n) VALUES ($1, $2)`, "a", 1))
		f(t, s)
	})
}

const (
	setThing = `UPDATE thing SET n = $2 WHERE id = $1 AND n < $2`
	setOther = `UPDATE other SET n = $2 WHERE id = $1 AND n < $2`
)

// Writes that stand apart are one statement with the write before them, unless one writes what another names.
func TestWritesThatStandApart(t *testing.T) {
	pair(t, func(t *testing.T, s *storage.Store) {
		w := observe(s)
		must(t, s.Atomic(t.Context(), func(ctx context.Context) error {
			must(t, s.Exec(ctx, nil, setThing, "a", 2))
			must(t, s.ExecApart(ctx, nil, setOther, "a", 3))
			return s.Insert(ctx, `INSERT INTO audit_waiting (id)`, "row")
		}))
		if got, want := w.counts(), [3]int{1, joined(t, 3), 1}; got != want {
			t.Errorf("trips, statements, commits = %v, want %v", got, want)
		}
		const elsewhere = `UPDATE other SET n = $2 WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM setup WHERE owner = $1)`
		w = observe(s)
		must(t, s.Atomic(t.Context(), func(ctx context.Context) error {
			must(t, s.ExecApart(ctx, nil, setThing, "a", 3))
			must(t, s.ExecApart(ctx, nil, elsewhere, "a", 3)) // joins what stands apart itself
			must(t, s.Exec(ctx, nil, setThing, "a", 3))
			must(t, s.ExecApart(ctx, nil, elsewhere, "a", 3)) // and not what may wait
			must(t, s.Exec(ctx, nil, `DELETE FROM thing WHERE id = $1`, "none"))
			return s.ExecApart(ctx, nil, setOther, "a", 3) // what a DELETE takes along nobody sees
		}))
		if got, want := w.counts(), [3]int{1, 4 + joined(t, 2), 1}; got != want {
			t.Errorf("trips, statements, commits = %v, want %v", got, want)
		}
		w = observe(s)
		must(t, s.Atomic(t.Context(), func(ctx context.Context) error {
			must(t, s.ExecApart(ctx, nil, setThing, "a", 4))
			must(t, s.ExecApart(ctx, nil, `UPDATE thing SET n = n + 1 WHERE id = $1`, "a"))                        // writes what that has written
			must(t, s.ExecApart(ctx, nil, `UPDATE other SET n = (SELECT n FROM thing WHERE id = $1) + 1`, "a"))    // reads it
			must(t, s.ExecApart(ctx, nil, `DELETE FROM thing WHERE n < (SELECT n FROM other WHERE id = $1)`, "a")) // the other way round
			return s.Exec(ctx, nil, `INSERT INTO thing (id, n) SELECT id, n FROM other WHERE n = 6`)
		}))
		if got, want := w.counts(), [3]int{1, 5, 1}; got != want {
			t.Errorf("trips, statements, commits = %v, want %v: they are not apart", got, want)
		}
		if got, want := [2]int64{number(t, s, `SELECT n FROM thing`), number(t, s, `SELECT n FROM other`)}, [2]int64{6, 6}; got != want {
			t.Errorf("thing and other are %v, want %v: each sees what those before it have written", got, want)
		}
	})
}

// Locks of rows of a key are one statement with the lock before them. What reads other tables is not part of it: it must see what
// was committed while they waited.
func TestLocksThatStandApart(t *testing.T) {
	late := errors.New("late")
	const elsewhere = `UPDATE other SET n = n + 1 WHERE id = $1 AND EXISTS (SELECT 1 FROM setup WHERE owner = $1)`
	pair(t, func(t *testing.T, s *storage.Store) {
		w := observe(s)
		err := s.Atomic(t.Context(), func(ctx context.Context) error {
			must(t, s.ExecApart(ctx, late, elsewhere, "a"))
			must(t, s.LockApart(ctx, nil, setOther, "a", 1))
			return s.LockFirst(ctx, nil, setThing, "a", 1)
		})
		if err != late {
			t.Errorf("Atomic: %v, want %v", err, late)
		}
		if got, want := w.counts(), [3]int{1, 1 + joined(t, 2), 1}; got != want {
			t.Errorf("trips, statements, commits = %v, want %v", got, want)
		}
		w = observe(s)
		err = s.Atomic(t.Context(), func(ctx context.Context) error {
			must(t, s.LockApart(ctx, nil, setThing, "a", 1))
			return s.ExecApart(ctx, late, elsewhere, "a")
		})
		if err != late {
			t.Errorf("Atomic: %v, want %v", err, late)
		}
		if got, want := w.counts(), [3]int{1, 2, 1}; got != want {
			t.Errorf("trips, statements, commits = %v, want %v: a lock that stands first is one all the same", got, want)
		}
	})
}

// Conditions on one table are a statement each, lest a commit of many of them be one that takes long to plan.
func TestConditionsOnOneTable(t *testing.T) {
	pair(t, func(t *testing.T, s *storage.Store) {
		w := observe(s)
		must(t, s.Atomic(t.Context(), func(ctx context.Context) error {
			for range 3 {
				must(t, s.ExecApart(ctx, errors.New("missed"), `SELECT 1 FROM thing WHERE id = $1`, "a"))
			}
			return s.ExecApart(ctx, nil, setOther, "a", 2)
		}))
		if got, want := w.counts(), [3]int{1, 2 + joined(t, 2), 1}; got != want {
			t.Errorf("trips, statements, commits = %v, want %v", got, want)
		}
	})
}

// Whichever write of a statement misses, its own error comes back and nothing is left; one that may miss does.
func TestWhichWriteHasMissed(t *testing.T) {
	first, second := errors.New("first"), errors.New("second")
	for _, tt := range []struct {
		thing, other           string
		thingMissed, otherMiss error
		want                   error
	}{
		{"none", "a", first, second, first},
		{"a", "none", first, second, second},
		{"none", "none", first, second, first},
		{"none", "a", first, nil, first},
		{"a", "none", nil, second, second},
		{"none", "a", nil, second, nil},
		{"none", "none", nil, nil, nil},
		{"a", "a", first, second, nil},
	} {
		t.Run(fmt.Sprintf("%s %s %v %v", tt.thing, tt.other, tt.thingMissed, tt.otherMiss), func(t *testing.T) {
			pair(t, func(t *testing.T, s *storage.Store) {
				err := s.Atomic(t.Context(), func(ctx context.Context) error {
					must(t, s.Exec(ctx, tt.thingMissed, setThing, tt.thing, 2))
					must(t, s.ExecApart(ctx, tt.otherMiss, setOther, tt.other, 2))
					return s.Insert(ctx, `INSERT INTO audit_waiting (id)`, "row")
				})
				if err != tt.want {
					t.Errorf("Atomic: %v, want %v", err, tt.want)
				}
				rows := number(t, s, `SELECT count(*) FROM audit_waiting`)
				changed := number(t, s, `SELECT (SELECT count(*) FROM thing WHERE n = 2) + (SELECT count(*) FROM other WHERE n = 2)`)
				if tt.want != nil && rows+changed != 0 {
					t.Errorf("%d rows and %d changes are left of a commit that failed", rows, changed)
				}
				if tt.want == nil && rows != 1 {
					t.Errorf("%d rows, want 1", rows)
				}
			})
		})
	}
}

// A write of a statement sees the last state of its own rows, whatever those before it have waited for: of many commits that
// change both tables from one number to the next, each number has one winner, and the tables never differ.
func TestStatementSeesTheLastState(t *testing.T) {
	late := errors.New("late")
	pair(t, func(t *testing.T, s *storage.Store) {
		for n := 2; n < 12; n++ {
			won := race(t, 8, late, func(i int) error {
				return s.Atomic(t.Context(), func(ctx context.Context) error {
					must(t, s.Exec(ctx, nil, `UPDATE thing SET n = n + 1000 WHERE id = $1`, "a"))
					must(t, s.ExecApart(ctx, late, setOther, "a", n))
					return s.Insert(ctx, `INSERT INTO audit_waiting (id)`, fmt.Sprint(n, i))
				})
			})
			if won != 1 {
				t.Fatalf("%d commits set n to %d, want 1", won, n)
			}
		}
		if got := number(t, s, `SELECT n FROM thing`); got != 1+10*1000 {
			t.Errorf("thing is %d, want one change for each winner", got)
		}
		if got := number(t, s, `SELECT count(*) FROM audit_waiting`); got != 10 {
			t.Errorf("%d rows, want one for each winner", got)
		}
	})
}
