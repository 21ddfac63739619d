package mfa_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	"vestibule/mfa/totp"
)

const wrongRecovery = "22222-22222-22222"

// guessed has three wrong codes of each kind counted, and returns their number in a row.
func guessed(t *testing.T, w *env) {
	t.Helper()
	for left := 4; left >= 2; left-- {
		_, err := w.verify(w.wrong(w.secret))
		checkWrong(t, "wrong code", err, left)
		_, _, err = w.recover(wrongRecovery)
		checkWrong(t, "wrong recovery code", err, left)
	}
}

// counted is how many guesses of each kind are counted, found out by one more that is wrong.
func counted(t *testing.T, w *env) (codes, recovery int) {
	t.Helper()
	inARow := func(err error) int {
		var f *mfa.Failed
		if !errors.As(err, &f) {
			t.Fatalf("a wrong code: %v, want Failed", err)
		}
		return f.InARow - 1
	}
	_, err := w.verify(w.wrong(w.secret))
	_, _, recoveryErr := w.recover(wrongRecovery)
	return inARow(err), inARow(recoveryErr)
}

// A proof forgets the wrong codes of its own kind, if it is committed, and no others.
func TestOnlyItsOwnKindIsForgiven(t *testing.T) {
	full := errors.New("session table is full")
	for _, tt := range []struct {
		name            string
		prove           func(w *env) error
		codes, recovery int
	}{
		{"nothing", func(w *env) error { return nil }, 3, 3},
		{"code", func(w *env) error { _, err := w.verify(w.code(w.secret, 0)); return err }, 0, 3},
		{"recovery code", func(w *env) error { _, _, err := w.recover(w.codes[0]); return err }, 3, 0},
		{"code that is not committed", func(w *env) error {
			err := w.Verify(ctx, "ana", totp.Answer(w.code(w.secret, 0)), w.now, func(context.Context, mfa.Proof) error { return full })
			return not(err, full)
		}, 3, 3}, // it is given back
		{"recovery code that is not committed", func(w *env) error {
			err := w.Recover(ctx, "ana", w.codes[0], w.now, func(context.Context, mfa.Proof, int) error { return full })
			return not(err, full)
		}, 3, 3},
		{"code of another step in the same commit", func(w *env) error {
			w.Attempts = tooLate{w.memory}
			_, err := w.verify(w.code(w.secret, 0))
			w.Attempts = w.memory
			return not(err, mfa.ErrUsed)
		}, 4, 3},
		{"first code of an authenticator", func(w *env) error {
			v, err := mfatest.Begin(t, w.Service, "ana", "tab", totp.Name)
			if err != nil {
				return err
			}
			return w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), "Tablet")
		}, 3, 3}, // it is given back too: whoever sets up has the secret
		{"authenticator that is switched on", func(w *env) error {
			v, err := mfatest.Begin(t, w.Service, "ana", "tab", totp.Name)
			if err != nil {
				return err
			}
			if err := w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), "Tablet"); err != nil {
				return err
			}
			return w.Activate(ctx, "ana", "tab", nil)
		}, 0, 3},
		{"new recovery codes", func(w *env) error {
			if _, err := w.BeginCodes(ctx, "ana", "tab", mfatest.Prove(t, w.Service, "ana")); err != nil {
				return err
			}
			return w.Activate(ctx, "ana", "tab", nil)
		}, 3, 3},
	} {
		w := enrolled(t)
		guessed(t, w)
		must(t, tt.name, tt.prove(w))
		if codes, recovery := counted(t, w); codes != tt.codes || recovery != tt.recovery {
			t.Errorf("%s: %d codes and %d recovery codes stay counted, want %d and %d", tt.name, codes, recovery, tt.codes, tt.recovery)
		}
	}
}

// not returns what else than want happened.
func not(err, want error) error {
	if errors.Is(err, want) {
		return nil
	}
	return err
}

// A kind that is switched off is taken again after the other one was given; its lock is not over for that.
func TestOtherKindEnables(t *testing.T) {
	w := enrolled(t)
	w.Limits.Attempts = mfa.Limit{Guesses: 3, Window: time.Hour, Lock: time.Hour, InARow: 3}
	w.Limits.Recovery = w.Limits.Attempts
	for range 3 {
		w.verify(w.wrong(w.secret))
	}
	_, err := w.verify(w.code(w.secret, 0))
	checkLocked(t, "code that is switched off", err, time.Time{})
	_, _, err = w.recover(w.codes[0])
	must(t, "Recover", err)
	_, err = w.verify(w.code(w.secret, 0))
	checkLocked(t, "code after a recovery code", err, w.now.Add(time.Hour))
	w.now = w.now.Add(time.Hour)
	_, err = w.verify(w.code(w.secret, 0))
	must(t, "code after the lock", err)

	for range 3 {
		w.recover(wrongRecovery)
	}
	_, _, err = w.recover(w.codes[1])
	checkLocked(t, "recovery code that is switched off", err, time.Time{})
	w.now = w.now.Add(time.Hour)
	_, err = w.verify(w.code(w.secret, 0))
	must(t, "Verify", err)
	_, _, err = w.recover(w.codes[1])
	must(t, "recovery code after a code", err)
}

// After a lock a sign-in whose password was given before its end has no guess, and costs none.
func TestStale(t *testing.T) {
	w := enrolled(t)
	began := w.now
	for range 5 {
		w.verify(w.wrong(w.secret))
		w.recover(wrongRecovery)
	}
	end := w.now.Add(15 * time.Minute)
	w.now = end
	for _, since := range []time.Time{{}, began, end.Add(-time.Microsecond)} {
		for range 6 {
			checkStale(t, "right code", w.Verify(ctx, "ana", totp.Answer(w.code(w.secret, 0)), since, nil), end)
			checkStale(t, "right recovery code", w.Recover(ctx, "ana", w.codes[0], since, nil), end)
		}
	}
	_, err := w.verify(w.wrong(w.secret))
	checkWrong(t, "code after a new password", err, 4)
	must(t, "right code after a new password", w.Verify(ctx, "ana", totp.Answer(w.code(w.secret, 0)), end, nil))
	w.now = w.now.Add(time.Minute)
	checkStale(t, "code of half a sign-in, after somebody has signed in", w.Verify(ctx, "ana", totp.Answer(w.code(w.secret, 0)), began, nil), end)
	_, _, err = w.recover(w.codes[0])
	must(t, "right recovery code after a new password", err)
}

func checkStale(t *testing.T, what string, err error, end time.Time) {
	t.Helper()
	var stale *mfa.Stale
	var failed *mfa.Failed
	if !errors.As(err, &stale) || !stale.Unlocked.Equal(end) || errors.As(err, &failed) {
		t.Errorf("%s: %v, want Stale since %v", what, err, end)
	}
}
