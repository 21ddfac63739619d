package mfatest

import (
	"context"
	"errors"
	"testing"
	"time"

	"vestibule/mfa"
)

// takeAgain has the guesses in a row under the key begin anew if there were so many, as a right answer of another factor does.
func takeAgain(ctx context.Context, s Stores, key string, inARow int) error {
	return s.ResetAttempts(ctx, "none:"+key, now, mfa.Budget{Key: key, Limit: mfa.Limit{InARow: inARow}})
}

// several are budgets that one guess counts in: three of the one, two of the other.
func several() []mfa.Budget {
	three, two := five, five
	three.Guesses, two.Guesses, two.Lock = 3, 2, 2*five.Lock
	return []mfa.Budget{{Key: "address:a", Limit: three}, {Key: "pwd:ana|n", Limit: two}}
}

func attemptAll(t *testing.T, s Stores, budgets []mfa.Budget, at time.Time, want ...mfa.AttemptCount) (id string) {
	t.Helper()
	got, err := s.AttemptAll(ctx, budgets, at)
	if err != nil || len(got) != len(want) {
		t.Fatalf("AttemptAll at %v = %v, %v", at.Sub(now), got, err)
	}
	for i, g := range got {
		if id = g.ID; id != got[0].ID {
			t.Errorf("the guess has the ids %q and %q", got[0].ID, id)
		}
		if g.ID = ""; g.Left != want[i].Left || !g.LockedUntil.Equal(want[i].LockedUntil) || g.Disabled != want[i].Disabled {
			t.Errorf("AttemptAll at %v in %s = %+v, want %+v", at.Sub(now), budgets[i].Key, g, want[i])
		}
	}
	return id
}

// countAll: a guess is counted in all of the budgets, each with its own limit, or in none.
func countAll(t *testing.T, s Stores) {
	both := several()
	left := func(a, b int) []mfa.AttemptCount { return []mfa.AttemptCount{{Left: a}, {Left: b}} }
	first := attemptAll(t, s, both, now, left(2, 1)...)
	for range 2 {
		must(t, "RefundAll", s.RefundAll(ctx, keysOf(both), first))
	}
	attemptAll(t, s, both, now, left(2, 1)...)
	last := attemptAll(t, s, both, now, left(1, 0)...)
	until := now.Add(2 * five.Lock)
	attemptAll(t, s, both, now, mfa.AttemptCount{}, mfa.AttemptCount{LockedUntil: until})
	guess(t, s, both[0].Key, both[0].Limit, now, mfa.AttemptCount{Left: 0, InARow: 3}) // it was not counted there either
	attemptAll(t, s, both, now, mfa.AttemptCount{LockedUntil: now.Add(five.Lock)}, mfa.AttemptCount{LockedUntil: until})
	must(t, "RefundAll", s.RefundAll(ctx, keysOf(both), last)) // and with it both locks
	attemptAll(t, s, both, now, left(0, 0)...)

	locked, fresh := both[0], mfa.Budget{Key: "pwd:|m", Limit: five}
	attemptAll(t, s, []mfa.Budget{locked, fresh}, now, mfa.AttemptCount{LockedUntil: now.Add(five.Lock)}, mfa.AttemptCount{})
	guess(t, s, fresh.Key, fresh.Limit, now, mfa.AttemptCount{Left: 4, InARow: 1})
	end := now.Add(five.Lock)
	attemptAll(t, s, []mfa.Budget{locked, fresh}, end, mfa.AttemptCount{Left: 2}, mfa.AttemptCount{Left: 3})
	attemptAll(t, s, []mfa.Budget{fresh}, end, mfa.AttemptCount{Left: 2})
	must(t, "RefundAll of a guess that was never counted", s.RefundAll(ctx, []string{"address:b", "pwd:|k"}, "none"))
	attemptAll(t, s, []mfa.Budget{{Key: "address:b", Limit: five}, {Key: "pwd:|k", Limit: five}}, end, left(4, 4)...)
}

func keysOf(budgets []mfa.Budget) []string {
	var keys []string
	for _, b := range budgets {
		keys = append(keys, b.Key)
	}
	return keys
}

// However guesses at several names from one address mix, no budget has more than it allows, and none loses one.
func parallelCountAll(t *testing.T, s Stores) {
	many := five
	many.Guesses = 100
	budgets := func(i int) []mfa.Budget {
		name := "pwd:ana|n"
		if i%2 == 1 {
			name = "pwd:ben|n"
		}
		return []mfa.Budget{{Key: "address:a", Limit: many}, {Key: name, Limit: five}}
	}
	counted := race(t, errRefused, func(i int) error {
		got, err := s.AttemptAll(ctx, budgets(i), now)
		switch {
		case err != nil:
			return err
		case !got[1].LockedUntil.IsZero():
			return errRefused
		case i%4 < 2:
			return nil
		}
		return errors.Join(s.RefundAll(ctx, keysOf(budgets(i)), got[0].ID), errRefused)
	})
	left := 0
	for i := range 2 {
		got, err := s.AttemptAll(ctx, budgets(i)[1:], now)
		must(t, "AttemptAll", err)
		if got[0].LockedUntil.IsZero() {
			left += got[0].Left + 1
		}
	}
	if counted+left != 2*five.Guesses {
		t.Errorf("%d guesses were counted and %d are left, want %d", counted, left, 2*five.Guesses)
	}
	guess(t, s, "address:a", many, now, mfa.AttemptCount{Left: many.Guesses - counted - 1, InARow: counted + 1})
}
