package mfatest

import (
	"errors"
	"testing"
	"time"

	"vestibule/mfa"
)

// since is guess for a password of that time.
func since(t *testing.T, s Stores, key string, limit mfa.Limit, since, at time.Time, want mfa.AttemptCount) {
	t.Helper()
	got, err := s.AttemptSince(ctx, key, limit, since, at)
	if err != nil {
		t.Fatalf("GuessSince(%s) at %v: %v", key, at.Sub(now), err)
	}
	if got.Left != want.Left || got.Disabled != want.Disabled || !got.LockedUntil.Equal(want.LockedUntil) || !got.Stale.Equal(want.Stale) {
		t.Errorf("GuessSince(%s) of %v at %v = %+v, want %+v", key, since.Sub(now), at.Sub(now), got, want)
	}
}

// lockOut uses up the budget and returns when the lock ends.
func lockOut(t *testing.T, s Stores, key string, at time.Time) time.Time {
	t.Helper()
	for range five.Guesses {
		if _, err := s.Attempt(ctx, key, five, at); err != nil {
			t.Fatalf("Guess: %v", err)
		}
	}
	return at.Add(five.Lock)
}

func stale(t *testing.T, s Stores) {
	since(t, s, "totp:ana", five, time.Time{}, now, mfa.AttemptCount{Left: 4}) // nothing was ever locked
	must(t, "ResetAttempts", s.ResetAttempts(ctx, "totp:ana", now))
	end := lockOut(t, s, "totp:ana", now)
	for _, at := range []time.Time{now, end.Add(-time.Microsecond)} { // a new password does not help during the lock
		since(t, s, "totp:ana", five, at, at, mfa.AttemptCount{LockedUntil: end})
	}
	for range 2 * five.Guesses { // nothing is counted, so that nothing is locked
		since(t, s, "totp:ana", five, end.Add(-time.Microsecond), end, mfa.AttemptCount{Stale: end})
		since(t, s, "totp:ana", five, now.Add(-time.Hour), end.Add(time.Hour), mfa.AttemptCount{Stale: end})
	}
	since(t, s, "totp:ben", five, now.Add(-time.Hour), end, mfa.AttemptCount{Left: 4})
	since(t, s, "recovery:ana", five, now.Add(-time.Hour), end, mfa.AttemptCount{Left: 4})
	since(t, s, "totp:ana", five, end, end, mfa.AttemptCount{Left: 4})
	since(t, s, "totp:ana", five, now, end, mfa.AttemptCount{Stale: end}) // the new window does not hide the old lock
	guess(t, s, "totp:ana", five, end, mfa.AttemptCount{Left: 3})

	next := end.Add(five.Window)
	later := lockOut(t, s, "totp:ana", next)
	since(t, s, "totp:ana", five, later, later, mfa.AttemptCount{Left: 4})
	since(t, s, "totp:ana", five, end, later, mfa.AttemptCount{Stale: later})
}

// A right code forgives the wrong ones, but makes no half sign-in good that a lock has ended.
func staleForgiven(t *testing.T, s Stores) {
	end := lockOut(t, s, "totp:ana", now)
	since(t, s, "totp:ana", five, end, end, mfa.AttemptCount{Left: 4})
	for range 2 {
		must(t, "ResetAttempts", s.ResetAttempts(ctx, "totp:ana", end))
		since(t, s, "totp:ana", five, now, end, mfa.AttemptCount{Stale: end})
	}
	after := end.Add(time.Hour)
	must(t, "ResetAttempts after the lock", s.ResetAttempts(ctx, "totp:ana", after))
	since(t, s, "totp:ana", five, end, after, mfa.AttemptCount{Left: 4})

	lockOut(t, s, "recovery:ana", now) // by the guess that was right
	half := now.Add(time.Minute)
	must(t, "ResetAttempts during a lock", s.ResetAttempts(ctx, "recovery:ana", half))
	since(t, s, "recovery:ana", five, now, half, mfa.AttemptCount{Stale: half})
	since(t, s, "recovery:ana", five, half, half, mfa.AttemptCount{Left: 4})
}

// A lock that is taken back was none; the one before it was.
func staleReturned(t *testing.T, s Stores) {
	end := lockOut(t, s, "totp:ana", now)
	id := ""
	for left := five.Guesses - 1; left >= 0; left-- {
		id = guess(t, s, "totp:ana", five, end, mfa.AttemptCount{Left: left})
	}
	must(t, "RefundAttempt", s.RefundAttempt(ctx, "totp:ana", id))
	since(t, s, "totp:ana", five, now, end, mfa.AttemptCount{Stale: end})
	since(t, s, "totp:ana", five, end, end, mfa.AttemptCount{Left: 0})
}

func parallelStale(t *testing.T, s Stores) {
	end := lockOut(t, s, "totp:ana", now)
	errStale := errors.New("stale")
	n := race(t, errStale, func(i int) error {
		at := now // before the lock
		if i%4 == 0 {
			at = end
		}
		tally, err := s.AttemptSince(ctx, "totp:ana", five, at, end)
		if err == nil && !tally.Stale.IsZero() {
			return errStale
		}
		return err
	})
	if n != contenders/4 {
		t.Errorf("%d guesses of %d were allowed, want the %d whose password is new", n, contenders, contenders/4)
	}
}

// Enable ends the end in a row, and nothing else.
func enable(t *testing.T, s Stores) {
	limit := mfa.Limit{Guesses: 3, Window: time.Hour, Lock: time.Minute, InARow: 5}
	for _, left := range []int{2, 1} {
		guess(t, s, "totp:ana", limit, now, mfa.AttemptCount{Left: left})
	}
	must(t, "Enable of what is not off", takeAgain(ctx, s, "totp:ana", limit.InARow))
	guess(t, s, "totp:ana", limit, now, mfa.AttemptCount{Left: 0, InARow: 3})
	end := now.Add(limit.Lock)
	guess(t, s, "totp:ana", limit, end, mfa.AttemptCount{Left: 1, InARow: 4})
	guess(t, s, "totp:ana", limit, end, mfa.AttemptCount{Left: 0, InARow: 5})
	guess(t, s, "totp:ana", limit, end, mfa.AttemptCount{Disabled: true})
	must(t, "Enable of another", takeAgain(ctx, s, "totp:ben", limit.InARow))
	guess(t, s, "totp:ana", limit, end, mfa.AttemptCount{Disabled: true})
	must(t, "Enable", takeAgain(ctx, s, "totp:ana", limit.InARow))
	since(t, s, "totp:ana", limit, now, end, mfa.AttemptCount{Stale: end})
	guess(t, s, "totp:ana", limit, end, mfa.AttemptCount{Left: 0, InARow: 1}) // the window goes on
	guess(t, s, "totp:ana", limit, end, mfa.AttemptCount{LockedUntil: end.Add(limit.Lock)})
	must(t, "Enable during a lock", takeAgain(ctx, s, "totp:ana", 1))
	guess(t, s, "totp:ana", limit, end, mfa.AttemptCount{LockedUntil: end.Add(limit.Lock)})
}
