package mfatest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"vestibule/mfa"
)

var (
	five     = mfa.Limit{Guesses: 5, Window: 15 * time.Minute, Lock: 10 * time.Minute}
	errAbort = errors.New("abort")
)

// params is what a proof leaves of an authenticator's Params.
const params = `{"a":"ö"}`

func spend(t *testing.T, s Stores) {
	enrol(t, s, "ana", "a1", "") // its Counter is 1000
	enrol(t, s, "ana", "a2", "")
	check(t, "Spend of the step that confirmed", s.Spend(ctx, "a1", 1000, params, now), mfa.ErrUsed)
	check(t, "Spend of an earlier step", s.Spend(ctx, "a1", 999, params, now), mfa.ErrUsed)
	must(t, "Spend", s.Spend(ctx, "a1", 1002, params, now))
	check(t, "Spend again", s.Spend(ctx, "a1", 1002, "other", now), mfa.ErrUsed)
	check(t, "Spend of a step that was passed over", s.Spend(ctx, "a1", 1001, "other", now), mfa.ErrUsed)
	must(t, "Spend of the same step for another", s.Spend(ctx, "a2", 1002, params, now))
	for _, a := range factors(t, s, "ana").Authenticators {
		if a.Counter != 1002 || a.Params != params || !a.LastUsed.Equal(now) {
			t.Errorf("%s: Counter %d, Params %s, LastUsed %v, want 1002, %s, %v", a.ID, a.Counter, a.Params, a.LastUsed, params, now)
		}
	}
}

// spendWithoutCounter: what never counts stays as it is; what once counted must go on counting.
func spendWithoutCounter(t *testing.T, s Stores) {
	a := authenticator("ana", "a1")
	a.Counter = 0
	must(t, "Add", s.Add(ctx, 0, *a))
	for i := range 2 {
		must(t, "Spend of 0", s.Spend(ctx, "a1", 0, params, now.Add(time.Duration(i)*time.Minute)))
	}
	if a := factors(t, s, "ana").Authenticators[0]; a.Counter != 0 || !a.LastUsed.Equal(now.Add(time.Minute)) {
		t.Errorf("Counter %d, LastUsed %v, want 0, %v", a.Counter, a.LastUsed, now.Add(time.Minute))
	}
	must(t, "Spend of 1", s.Spend(ctx, "a1", 1, params, now))
	check(t, "Spend of 0 after 1", s.Spend(ctx, "a1", 0, params, now), mfa.ErrUsed)
	check(t, "Spend of 1 again", s.Spend(ctx, "a1", 1, params, now), mfa.ErrUsed)
}

func parallelSpend(t *testing.T, s Stores) {
	enrol(t, s, "ana", "a1", "")
	for step := int64(1001); step < 1005; step++ {
		if won := race(t, mfa.ErrUsed, func(int) error { return s.Spend(ctx, "a1", step, params, now) }); won != 1 {
			t.Errorf("step %d was spent %d times, want once", step, won)
		}
	}
}

func redeem(t *testing.T, s Stores) {
	enrol(t, s, "ana", "a1", "r1")
	enrol(t, s, "ben", "b1", "rb")
	must(t, "Redeem", s.Redeem(ctx, "r1", digest("r1", 3), now))
	check(t, "Redeem again", s.Redeem(ctx, "r1", digest("r1", 3), now), mfa.ErrCode)
	check(t, "Redeem of another's code", s.Redeem(ctx, "r1", digest("rb", 3), now), mfa.ErrCode)
	r := factors(t, s, "ana").Recovery
	if r == nil || len(r.Digests) != 9 || r.Total != 10 {
		t.Fatalf("set after one Redeem = %+v, want 9 of 10", r)
	}
	for i := range 10 {
		if i != 3 {
			must(t, "Redeem of another code", s.Redeem(ctx, "r1", digest("r1", i), now))
		}
	}
	if r := factors(t, s, "ana").Recovery; r == nil || len(r.Digests) != 0 || r.Total != 10 {
		t.Errorf("set after ten Redeems = %+v, want 0 of 10", r)
	}
}

func parallelRedeem(t *testing.T, s Stores) {
	enrol(t, s, "ana", "a1", "r1")
	if won := race(t, mfa.ErrCode, func(int) error { return s.Redeem(ctx, "r1", digest("r1", 0), now) }); won != 1 {
		t.Errorf("one code was redeemed %d times", won)
	}
}

func redeemAll(t *testing.T, s Stores) {
	enrol(t, s, "ana", "a1", "r1")
	if won := race(t, mfa.ErrCode, func(i int) error { return s.Redeem(ctx, "r1", digest("r1", i%10), now) }); won != 10 {
		t.Errorf("%d of 10 codes were redeemed", won)
	}
	if r := factors(t, s, "ana").Recovery; r == nil || len(r.Digests) != 0 {
		t.Errorf("set = %+v, want none left", r)
	}
}

func guess(t *testing.T, s Stores, key string, limit mfa.Limit, at time.Time, want mfa.AttemptCount) (id string) {
	t.Helper()
	got, err := s.Attempt(ctx, key, limit, at)
	if err != nil {
		t.Fatalf("Guess(%s) at %v: %v", key, at.Sub(now), err)
	}
	if want.InARow > 0 && got.InARow != want.InARow {
		t.Errorf("Guess(%s) at %v is number %d in a row, want %d", key, at.Sub(now), got.InARow, want.InARow)
	}
	if got.Left != want.Left || got.Disabled != want.Disabled || !got.LockedUntil.Equal(want.LockedUntil) {
		t.Errorf("Guess(%s) at %v = %+v, want %+v", key, at.Sub(now), got, want)
	}
	return got.ID
}

// budgetsApart: keys are taken as they are, of owners and parts that look alike, and of nobody.
func budgetsApart(t *testing.T, s Stores) {
	keys := []string{"pwd:ana|b1", "pwd:ana|b2", "pwd:ana|B1", "pwd:ana2|b1", "pwd:|b1", "pwd:|b2", "totp:ana", "totp:ana2", "totp:ANA", "recovery:ana", "address:2001:db8::/64"}
	for _, key := range keys {
		guess(t, s, key, five, now, mfa.AttemptCount{Left: 4})
	}
	enrol(t, s, "ana", "a1", "")
	_, err := s.Reset(ctx, "ana")
	must(t, "Reset", err)
	for _, key := range keys {
		left := 3
		if key == "totp:ana" || key == "recovery:ana" {
			left = 4
		}
		guess(t, s, key, five, now, mfa.AttemptCount{Left: left, InARow: 5 - left})
	}
}

func window(t *testing.T, s Stores) {
	for _, try := range []struct {
		after time.Duration
		left  int
	}{
		{0, 4}, {time.Minute, 3}, {five.Window - time.Microsecond, 2},
		{five.Window, 4}, {five.Window + time.Minute, 3},
		{10 * five.Window, 4},
	} {
		guess(t, s, "totp:ana", five, now.Add(try.after), mfa.AttemptCount{Left: try.left})
	}
	guess(t, s, "recovery:ana", five, now, mfa.AttemptCount{Left: 4})
}

func lock(t *testing.T, s Stores) {
	for left := 4; left >= 0; left-- {
		guess(t, s, "totp:ana", five, now, mfa.AttemptCount{Left: left})
	}
	until := now.Add(five.Lock)
	for _, after := range []time.Duration{0, time.Minute, five.Lock - time.Microsecond} {
		guess(t, s, "totp:ana", five, now.Add(after), mfa.AttemptCount{LockedUntil: until})
	}
	guess(t, s, "totp:ben", five, now, mfa.AttemptCount{Left: 4})
	for left := 4; left >= 0; left-- { // the lock is over before the window is, and all five are back
		guess(t, s, "totp:ana", five, until, mfa.AttemptCount{Left: left})
	}
	guess(t, s, "totp:ana", five, until, mfa.AttemptCount{LockedUntil: until.Add(five.Lock)})
}

func inARow(t *testing.T, s Stores) {
	limit := mfa.Limit{Guesses: 3, Window: time.Minute, Lock: time.Minute, InARow: 7}
	at := now
	for i, left := range []int{2, 1, 0, 2, 1, 0, 0} {
		guess(t, s, "totp:ana", limit, at, mfa.AttemptCount{Left: left, InARow: i + 1})
		if left == 0 {
			at = at.Add(limit.Lock)
		}
	}
	for range 3 {
		guess(t, s, "totp:ana", limit, at, mfa.AttemptCount{Disabled: true})
		at = at.Add(1000 * time.Hour)
	}
	must(t, "Enable", takeAgain(ctx, s, "totp:ana", limit.InARow))
	guess(t, s, "totp:ana", limit, at, mfa.AttemptCount{Left: 2, InARow: 1})
}

func giveBack(t *testing.T, s Stores) {
	must(t, "RefundAttempt of a guess that was never counted", s.RefundAttempt(ctx, "pwd:ana", "none"))
	first := guess(t, s, "pwd:ana", five, now, mfa.AttemptCount{Left: 4})
	second := guess(t, s, "pwd:ana", five, now, mfa.AttemptCount{Left: 3})
	guess(t, s, "pwd:ana", five, now, mfa.AttemptCount{Left: 2})
	for range contenders { // for whoever does not know whether it happened
		must(t, "RefundAttempt", s.RefundAttempt(ctx, "pwd:ana", second))
	}
	guess(t, s, "pwd:ana", five, now, mfa.AttemptCount{Left: 2, InARow: 3})
	guess(t, s, "pwd:ana", five, now, mfa.AttemptCount{Left: 1})
	last := guess(t, s, "pwd:ana", five, now, mfa.AttemptCount{Left: 0}) // it begins the lock
	guess(t, s, "pwd:ana", five, now, mfa.AttemptCount{LockedUntil: now.Add(five.Lock)})
	must(t, "RefundAttempt of the guess that began the lock", s.RefundAttempt(ctx, "pwd:ana", last))
	guess(t, s, "pwd:ana", five, now, mfa.AttemptCount{Left: 0, InARow: 5})
	guess(t, s, "pwd:ana", five, now, mfa.AttemptCount{LockedUntil: now.Add(five.Lock)})
	after := now.Add(five.Lock)
	guess(t, s, "pwd:ana", five, after, mfa.AttemptCount{Left: 4})
	must(t, "RefundAttempt of a guess of the window before", s.RefundAttempt(ctx, "pwd:ana", first))
	must(t, "RefundAttempt of another's guess", s.RefundAttempt(ctx, "pwd:ana", guess(t, s, "pwd:ben", five, now, mfa.AttemptCount{Left: 4})))
	guess(t, s, "pwd:ana", five, after, mfa.AttemptCount{Left: 3})
	guess(t, s, "pwd:ben", five, now, mfa.AttemptCount{Left: 3, InARow: 2})
}

// However many guesses a window allows, the last of them can be taken back, each once.
func giveBackLast(t *testing.T, s Stores) {
	const old = 20
	many := mfa.Limit{Guesses: 10 * mfa.Returnable, Window: time.Hour, Lock: time.Hour}
	var ids []string
	for i := range old + mfa.Returnable {
		ids = append(ids, guess(t, s, "address:a", many, now, mfa.AttemptCount{Left: many.Guesses - i - 1}))
	}
	for _, id := range append(ids[old:], ids[old:]...) {
		must(t, "RefundAttempt", s.RefundAttempt(ctx, "address:a", id))
	}
	guess(t, s, "address:a", many, now, mfa.AttemptCount{Left: many.Guesses - old - 1, InARow: old + 1})
}

// What was forgiven is given back already, and counts nothing down that comes later.
func giveBackTwice(t *testing.T, s Stores) {
	limit := mfa.Limit{Guesses: 4, Window: time.Hour, Lock: time.Minute, InARow: 9}
	count := func(n int, at time.Time) (ids []string) {
		for range n {
			tally, err := s.Attempt(ctx, "totp:ana", limit, at)
			must(t, "Attempt", err)
			ids = append(ids, tally.ID)
		}
		return ids
	}
	giveBack := func(ids []string) {
		for _, id := range ids {
			must(t, "RefundAttempt", s.RefundAttempt(ctx, "totp:ana", id))
		}
	}
	count(4, now) // a budget that was locked once is remembered
	forgiven := count(3, now.Add(limit.Lock))
	must(t, "ResetAttempts", s.ResetAttempts(ctx, "totp:ana", now.Add(limit.Lock)))
	giveBack(forgiven)
	at := now.Add(2 * limit.Lock)
	guess(t, s, "totp:ana", limit, at, mfa.AttemptCount{Left: 3, InARow: 1})
	giveBack(forgiven)
	guess(t, s, "totp:ana", limit, at, mfa.AttemptCount{Left: 2, InARow: 2})

	count(2, at)
	at = at.Add(limit.Lock)
	count(4, at)
	at = at.Add(limit.Lock)
	enabled := count(1, at)
	guess(t, s, "totp:ana", limit, at, mfa.AttemptCount{Disabled: true})
	must(t, "Enable", takeAgain(ctx, s, "totp:ana", limit.InARow))
	giveBack(enabled)
	guess(t, s, "totp:ana", limit, at, mfa.AttemptCount{Left: 2, InARow: 1}) // the window goes on
}

// However right and wrong guesses mix, exactly the right ones are taken back.
func parallelReturn(t *testing.T, s Stores) {
	many := mfa.Limit{Guesses: 100, Window: time.Hour, Lock: time.Hour}
	race(t, nil, func(i int) error {
		tally, err := s.Attempt(ctx, "pwd:ana", many, now)
		if err != nil || i%2 == 0 {
			return err
		}
		return errors.Join(s.RefundAttempt(ctx, "pwd:ana", tally.ID), s.RefundAttempt(ctx, "pwd:ana", tally.ID))
	})
	guess(t, s, "pwd:ana", many, now, mfa.AttemptCount{Left: many.Guesses - contenders/2 - 1, InARow: contenders/2 + 1})
}

func forgive(t *testing.T, s Stores) {
	for left := 4; left >= 0; left-- {
		guess(t, s, "totp:ana", five, now, mfa.AttemptCount{Left: left})
	}
	guess(t, s, "recovery:ana", five, now, mfa.AttemptCount{Left: 4})
	guess(t, s, "totp:ben", five, now, mfa.AttemptCount{Left: 4})
	must(t, "ResetAttempts", s.ResetAttempts(ctx, "totp:ana", now))
	guess(t, s, "totp:ana", five, now, mfa.AttemptCount{Left: 4, InARow: 1})
	guess(t, s, "recovery:ana", five, now, mfa.AttemptCount{Left: 3})
	guess(t, s, "totp:ben", five, now, mfa.AttemptCount{Left: 3})
	must(t, "ResetAttempts of guesses without a lock", s.ResetAttempts(ctx, "recovery:ana", now))
	guess(t, s, "recovery:ana", five, now.Add(five.Window-1), mfa.AttemptCount{Left: 4, InARow: 1}) // a window of its own
	guess(t, s, "recovery:ana", five, now.Add(five.Window+time.Minute), mfa.AttemptCount{Left: 3})
}

var errRefused = errors.New("refused")

func counted(s Stores, key string, at time.Time) error {
	tally, err := s.Attempt(ctx, key, five, at)
	if err == nil && (tally.Disabled || !tally.LockedUntil.IsZero()) {
		return errRefused
	}
	return err
}

func parallelGuess(t *testing.T, s Stores) {
	if n := race(t, errRefused, func(int) error { return counted(s, "totp:ana", now) }); n != five.Guesses {
		t.Errorf("%d guesses were allowed at once, want %d", n, five.Guesses)
	}
	guess(t, s, "totp:ana", five, now.Add(time.Minute), mfa.AttemptCount{LockedUntil: now.Add(five.Lock)})
}

func parallelAfterLock(t *testing.T, s Stores) {
	for range five.Guesses {
		must(t, "Attempt", counted(s, "totp:ana", now))
	}
	end := now.Add(five.Lock)
	if n := race(t, errRefused, func(int) error { return counted(s, "totp:ana", end) }); n != five.Guesses {
		t.Errorf("%d guesses were allowed at once after a lock, want %d", n, five.Guesses)
	}
}

// What is written in an Atomic is written wholly or not at all, but for a guess, which is
// counted whatever happens.
func allOrNothing(t *testing.T, s Stores) {
	a, ok := s.(atomically)
	if !ok {
		t.Log("the store has no Atomic")
		return
	}
	enrol(t, s, "ana", "a1", "r1")
	check(t, "Atomic that aborts", a.Atomic(ctx, func(ctx context.Context) error {
		must(t, "Spend", s.Spend(ctx, "a1", 2000, params, now))
		must(t, "Redeem", s.Redeem(ctx, "r1", digest("r1", 0), now))
		must(t, "ResetAttempts", s.ResetAttempts(ctx, "totp:ana", now))
		must(t, "Enable", takeAgain(ctx, s, "totp:ana", 1))
		_, err := s.Attempt(ctx, "totp:ana", five, now)
		must(t, "Attempt", err)
		return errAbort
	}), errAbort)
	guess(t, s, "totp:ana", five, now, mfa.AttemptCount{Left: 3})
	f := factors(t, s, "ana")
	if f.Authenticators[0].Counter != 1000 || f.Authenticators[0].Params == params || len(f.Recovery.Digests) != 10 {
		t.Errorf("an aborted Atomic left %+v", f)
	}
	won := race(t, mfa.ErrUsed, func(i int) error {
		return a.Atomic(ctx, func(ctx context.Context) error {
			owner := fmt.Sprint("tab", i)
			if err := s.SaveSetup(ctx, setup(owner, "ana", 1)); err != nil {
				return err
			}
			return s.Spend(ctx, "a1", 2000, params, now)
		})
	})
	if left := countSetups(t, s); won != 1 || left != 1 {
		t.Errorf("%d of %d Atomics won and %d setups were written, want one", won, contenders, left)
	}
}

func countSetups(t *testing.T, s Stores) int {
	t.Helper()
	n := 0
	for i := range contenders {
		switch _, err := s.Setup(ctx, fmt.Sprint("tab", i)); {
		case err == nil:
			n++
		case !errors.Is(err, mfa.ErrNoSetup):
			t.Errorf("Setup: %v", err)
		}
	}
	return n
}
