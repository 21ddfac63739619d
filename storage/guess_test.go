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
