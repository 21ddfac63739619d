package storage_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/provider/operator"
	"vestibule/storage"
)

func TestBudgets(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		limit := mfa.Limit{Guesses: 2, Window: time.Minute, Lock: time.Hour}
		for key, n := range map[string]int{
			"totp:ana": 2, "pwd:ana": 1, "pwd:ana|b1": 1, "recovery:ben": 1, "pwd:ana2": 1, "address:2001:db8::/64": 1,
		} {
			for range n {
				_, err := s.Attempt(t.Context(), key, limit, noon)
				must(t, err)
			}
		}
		tally, err := s.Attempt(t.Context(), "recovery:ana", limit, noon)
		must(t, err)
		must(t, s.RefundAttempt(t.Context(), "recovery:ana", tally.ID)) // was right: nothing is counted
		ana := []operator.Budget{
			{Kind: "pwd", InARow: 1}, {Kind: "pwd", Part: "b1", InARow: 1}, {Kind: "totp", InARow: 2, LockedUntil: noon.Add(time.Hour)},
		}
		checkBudgets(t, s, "ana", noon, ana...)
		checkBudgets(t, s, "ana", noon.Add(time.Hour))
		must(t, s.Unlock(t.Context(), "ana"))
		checkBudgets(t, s, "ana", noon)
		checkBudgets(t, s, "ben", noon, operator.Budget{Kind: "recovery", InARow: 1})
		if tally, err := s.Attempt(t.Context(), "totp:ana", limit, noon); err != nil || tally.Left != 1 {
			t.Errorf("Attempt after Unlock = %+v, %v, want one left", tally, err)
		}
	})
}

func checkBudgets(t *testing.T, s *storage.Store, owner string, at time.Time, want ...operator.Budget) {
	t.Helper()
	got, err := s.Budgets(t.Context(), owner, at)
	must(t, err)
	left := append([]operator.Budget{}, want...)
	for _, b := range got {
		found := false
		for i, w := range left {
			if found = b.Kind == w.Kind && b.Part == w.Part && b.InARow == w.InARow && b.LockedUntil.Equal(w.LockedUntil); found {
				left = append(left[:i], left[i+1:]...)
				break
			}
		}
		if !found {
			t.Errorf("Budgets of %s has %+v", owner, b)
		}
	}
	for _, w := range left {
		t.Errorf("Budgets of %s has no %+v", owner, w)
	}
}

// What was taken back in a commit that failed stays counted.
func TestReturnThatWasNotCommitted(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		limit := mfa.Limit{Guesses: 2, Window: time.Minute, Lock: time.Hour}
		errAbort := errors.New("abort")
		err := s.Atomic(t.Context(), func(ctx context.Context) error {
			tally, err := s.Attempt(ctx, "pwd:ana", limit, noon)
			must(t, err)
			must(t, s.RefundAttempt(ctx, "pwd:ana", tally.ID))
			return errAbort
		})
		if !errors.Is(err, errAbort) {
			t.Fatalf("Atomic: %v, want %v", err, errAbort)
		}
		checkBudgets(t, s, "ana", noon, operator.Budget{Kind: "pwd", InARow: 1})
	})
}

// Each guess writes its row anew, which must not grow with what a window allows.
func TestGuessesStaySmall(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		limit := mfa.Limit{Guesses: 100_000, Window: time.Hour, Lock: time.Hour}
		var sizes []int64
		for range 2 {
			for range mfa.Returnable {
				_, err := s.Attempt(t.Context(), "address:a", limit, noon)
				must(t, err)
			}
			sizes = append(sizes, number(t, s, `SELECT length(ids) FROM guess`))
		}
		if sizes[0] != sizes[1] || sizes[1] > 2000 {
			t.Errorf("the ids of %d and of twice as many guesses have %v bytes, want as many and fewer than 2000", mfa.Returnable, sizes)
		}
	})
}

// What usercode.Counter says of a lock: it is told without a guess, as long as it holds.
func TestLockedUntil(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		limit := mfa.Limit{Guesses: 2, Window: time.Minute, Lock: time.Hour}
		check := func(key string, at, want time.Time) {
			t.Helper()
			if got, err := s.LockedUntil(t.Context(), key, at); err != nil || !got.Equal(want) {
				t.Errorf("LockedUntil(%s) = %v, %v, want %v", key, got, err, want)
			}
		}
		check("device:ana", noon, time.Time{})
		for range 2 {
			check("device:ana", noon, time.Time{})
			_, err := s.Attempt(t.Context(), "device:ana", limit, noon)
			must(t, err)
		}
		end := noon.Add(limit.Lock)
		check("device:ana", noon, end)
		check("device:ana", end.Add(-time.Microsecond), end)
		check("device:ana", end, time.Time{})
		check("device:ben", noon, time.Time{})
		checkBudgets(t, s, "ana", noon, operator.Budget{Kind: "device", InARow: 2, LockedUntil: end})
	})
}

// What operators set while a window goes on, or a lock, holds from the next guess on; a lock that was told ends when it was told.
func TestLimitThatChanges(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		limit := func(guesses, inARow int) mfa.Limit {
			return mfa.Limit{Guesses: guesses, Window: time.Hour, Lock: time.Minute, InARow: inARow}
		}
		attempt := func(l mfa.Limit, at time.Time, want mfa.AttemptCount) {
			t.Helper()
			got, err := s.Attempt(t.Context(), "totp:ana", l, at)
			must(t, err)
			if got.ID = ""; got != want {
				t.Errorf("Attempt with %+v = %+v, want %+v", l, got, want)
			}
		}
		end := noon.Add(time.Minute)
		attempt(limit(2, 0), noon, mfa.AttemptCount{Left: 1, InARow: 1})
		attempt(limit(2, 0), noon, mfa.AttemptCount{Left: 0, InARow: 2})
		attempt(limit(5, 0), noon, mfa.AttemptCount{LockedUntil: end})
		attempt(limit(5, 0), end, mfa.AttemptCount{Left: 4, InARow: 3})
		attempt(limit(5, 0), end, mfa.AttemptCount{Left: 3, InARow: 4})
		attempt(limit(2, 0), end, mfa.AttemptCount{Left: 0, InARow: 5})
		attempt(limit(2, 0), end, mfa.AttemptCount{LockedUntil: end.Add(time.Minute)})
		later := end.Add(time.Hour)
		attempt(limit(5, 6), later, mfa.AttemptCount{Left: 0, InARow: 6})
		attempt(limit(5, 6), later, mfa.AttemptCount{Disabled: true})
		attempt(limit(5, 9), later, mfa.AttemptCount{Left: 2, InARow: 7})
		found, err := s.AttemptAll(t.Context(), []mfa.Budget{{Key: "totp:ana", Limit: limit(5, 7)}, {Key: "pwd:ana", Limit: limit(5, 0)}}, later)
		must(t, err)
		if !found[0].Disabled || number(t, s, `SELECT count(*) FROM guess WHERE budget = 'pwd:ana'`) != 0 {
			t.Errorf("AttemptAll = %+v, want the first disabled, and nothing counted in the second", found)
		}
	})
}

// A row that moves in an index with each guess would be written into all of them.
func TestGuessesStayInTheirPlace(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		limit := mfa.Limit{Guesses: 10, Window: time.Minute, Lock: time.Minute, InARow: 100}
		forgetAt := func() int64 { return number(t, s, `SELECT forget_at FROM guess WHERE budget = 'totp:ana'`) }
		_, err := s.Attempt(t.Context(), "totp:ana", limit, noon)
		must(t, err)
		first := forgetAt()
		counted, err := s.Attempt(t.Context(), "totp:ana", limit, noon.Add(time.Minute))
		must(t, err)
		must(t, s.RefundAll(t.Context(), []string{"totp:ana", "pwd:ana"}, counted.ID))
		must(t, s.ResetAttempts(t.Context(), "totp:ana", noon.Add(2*time.Minute)))
		if got := forgetAt(); got != first {
			t.Errorf("forget_at = %d after two minutes, want %d as before", got, first)
		}
	})
}

// What still means something is remembered, however old it is: guesses in a row, and that there was a lock.
func TestPurgeOfGuesses(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		window := mfa.Limit{Guesses: 2, Window: time.Minute, Lock: time.Hour}
		row := window
		row.InARow = 100
		for key, limit := range map[string]mfa.Limit{
			"totp:wrong": row, "totp:locked": row, "totp:right": row, "totp:back": row, "pwd:wrong": window, "pwd:locked": window,
		} {
			for n := range 2 {
				counted, err := s.Attempt(t.Context(), key, limit, noon)
				must(t, err)
				if key == "totp:back" {
					must(t, s.RefundAttempt(t.Context(), key, counted.ID))
				}
				if n == 0 && key != "totp:locked" && key != "pwd:locked" {
					break
				}
			}
		}
		for _, key := range []string{"totp:right", "totp:locked"} {
			must(t, s.ResetAttempts(t.Context(), key, noon.Add(time.Minute)))
		}
		for _, tt := range []struct {
			after       time.Duration
			left, index int64
		}{{time.Minute, 6, 6}, {3 * time.Hour, 4, 4}, {23 * time.Hour, 4, 4}, {26 * time.Hour, 2, 0}, {1000 * time.Hour, 2, 0}} {
			purge(t, s, noon.Add(tt.after))
			if left, index := number(t, s, `SELECT count(*) FROM guess`), number(t, s, `SELECT count(*) FROM guess WHERE forget_at <> 0`); left != tt.left || index != tt.index {
				t.Errorf("%v later %d budgets are left and %d of them are looked at, want %d and %d", tt.after, left, index, tt.left, tt.index)
			}
		}
		if n := number(t, s, `SELECT count(*) FROM guess WHERE budget IN ('totp:wrong', 'totp:locked')`); n != 2 {
			t.Errorf("%d budgets that mean something are left, want 2", n)
		}
	})
}

// A guess that is taken back leaves no lock, also where the limit was lowered below what was counted before.
func TestRefundUnderALowerLimit(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		limit := mfa.Limit{Guesses: 5, Window: time.Hour, Lock: time.Hour}
		for range 4 {
			if _, err := s.Attempt(t.Context(), "pwd:ana", limit, noon); err != nil {
				t.Fatal(err)
			}
		}
		limit.Guesses = 3
		n, err := s.Attempt(t.Context(), "pwd:ana", limit, noon)
		must(t, err)
		must(t, s.RefundAttempt(t.Context(), "pwd:ana", n.ID))
		if until, err := s.LockedUntil(t.Context(), "pwd:ana", noon); err != nil || !until.IsZero() {
			t.Errorf("locked until %v, %v, by a guess that was taken back", until, err)
		}
	})
}
