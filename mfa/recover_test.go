package mfa_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
)

func contains(s, sub string) bool { return strings.Contains(s, sub) }

func TestRecover(t *testing.T) {
	w := enrolled(t)
	if len(w.codes) != 10 {
		t.Fatalf("%d recovery codes, want 10", len(w.codes))
	}
	for i, typed := range []string{
		w.codes[0], strings.ToLower(w.codes[1]), strings.ReplaceAll(w.codes[2], "-", ""), " " + strings.ReplaceAll(w.codes[3], "-", " "),
	} {
		p, left, err := w.recover(typed)
		if err != nil || left != 9-i || p.Subject() != "ana" || p.Method() != "recovery" || !p.Time().Equal(w.now) {
			t.Errorf("Recover(%q) = %+v, %d left, %v, want %d", typed, p, left, err, 9-i)
		}
	}
	status, err := w.Status(ctx, "ana")
	if err != nil || status.CodesLeft != 6 || status.CodesTotal != 10 || status.CodesMade.IsZero() {
		t.Errorf("Status = %+v, %v, want 6 of 10", status, err)
	}
}

func TestRecoveryCodeWorksOnce(t *testing.T) {
	w := enrolled(t)
	_, _, err := w.recover(w.codes[0])
	must(t, "Recover", err)
	p, _, err := w.recover(w.codes[0])
	checkWrong(t, "the same code", err, 4) // the right one has forgiven itself
	if p.Method() != "" {
		t.Errorf("a used code gave the proof %+v", p)
	}
}

func TestRecoveryLock(t *testing.T) {
	w := enrolled(t)
	const wrong = "22222-22222-22222"
	for left := 4; left >= 1; left-- {
		_, _, err := w.recover(wrong)
		checkWrong(t, "wrong recovery code", err, left)
	}
	until := w.now.Add(15 * time.Minute)
	_, _, err := w.recover(wrong)
	checkLocked(t, "fifth wrong recovery code", err, until)
	_, _, err = w.recover(w.codes[0])
	checkLocked(t, "right recovery code during the lock", err, until)
	if left := w.left(t); left != 4 {
		t.Errorf("%d tries left for one-time codes, want 4", left)
	}
	w.now = until
	_, _, err = w.recover(w.codes[0])
	must(t, "right recovery code after the lock", err)
}

func TestOneRecoveryCodeInParallel(t *testing.T) {
	w := enrolled(t)
	w.Limits.Recovery = mfa.Limit{Guesses: 1000, Window: time.Hour, Lock: time.Hour}
	if won := race(16, func(int) error { return w.Recover(ctx, "ana", w.codes[0], w.now, nil) }); won != 1 {
		t.Errorf("one recovery code passed %d times", won)
	}
}

// Another process redeems the code between our reading and our commit: a used code like any other.
func TestRecoveryCodeLostToAnother(t *testing.T) {
	w := enrolled(t)
	w.Attempts = tooLate{w.memory}
	_, _, err := w.recover(w.codes[0])
	checkWrong(t, "Recover", err, 4)
	_, err = w.verify(w.code(w.secret, 0))
	check(t, "Verify", err, mfa.ErrUsed)
}

type tooLate struct{ mfa.Attempts }

func (tooLate) Redeem(context.Context, string, []byte, time.Time) error {
	return fmt.Errorf("UPDATE recovery_code: %w", mfa.ErrCode)
}

func (tooLate) Spend(context.Context, string, int64, string, time.Time) error {
	return fmt.Errorf("UPDATE authenticator: %w", mfa.ErrUsed)
}

func TestTenRecoveryCodesInParallel(t *testing.T) {
	w := enrolled(t)
	w.Limits.Recovery = mfa.Limit{Guesses: 1000, Window: time.Hour, Lock: time.Hour}
	if won := race(30, func(i int) error { return w.Recover(ctx, "ana", w.codes[i%10], w.now, nil) }); won != 10 {
		t.Errorf("ten recovery codes passed %d times", won)
	}
	if status, err := w.Status(ctx, "ana"); err != nil || status.CodesLeft != 0 || status.CodesTotal != 10 {
		t.Errorf("Status = %+v, %v, want 0 of 10", status, err)
	}
	_, _, err := w.recover(w.codes[0])
	check(t, "Recover with none left", err, mfa.ErrCode)
}

// The old set ends when the new one begins, and not before.
func TestNewSet(t *testing.T) {
	w := enrolled(t)
	v, err := w.BeginCodes(ctx, "ana", "tab", mfatest.Prove(t, w.Service, "ana"))
	must(t, "BeginCodes", err)
	if !v.CodesOnly || !v.Confirmed || v.First || secretOf(v) != "" || len(v.Codes) != 10 {
		t.Errorf("BeginCodes = %+v", v)
	}
	again, err := w.BeginCodes(ctx, "ana", "tab", mfatest.Prove(t, w.Service, "ana"))
	if err != nil || strings.Join(again.Codes, " ") != strings.Join(v.Codes, " ") {
		t.Errorf("a refresh shows other codes, %v", err)
	}
	_, _, err = w.recover(w.codes[0])
	must(t, "old code before the new set is saved", err)
	_, _, err = w.recover(v.Codes[0])
	check(t, "new code before the new set is saved", err, mfa.ErrCode)

	var p mfa.Proof
	must(t, "Activate", w.Activate(ctx, "ana", "tab", keep(&p)))
	if !reflect.DeepEqual(p, mfa.Proof{}) {
		t.Errorf("new codes proved %+v", p)
	}
	_, _, err = w.recover(w.codes[1])
	check(t, "old code after the new set is saved", err, mfa.ErrCode)
	_, _, err = w.recover(v.Codes[0])
	must(t, "new code after the new set is saved", err)
	if f := w.factors(t); len(f.Authenticators) != 1 {
		t.Errorf("%d authenticators after new codes, want 1", len(f.Authenticators))
	}
}

// full is a gate with no place left.
type full struct{}

func (full) Do(context.Context, func()) error { return mfa.ErrBusy }

// Who is turned away at the gate has not guessed.
func TestBusyGateCountsNothing(t *testing.T) {
	w := enrolled(t)
	w.Slow = full{}
	for range 10 {
		_, _, err := w.recover(w.codes[0])
		check(t, "Recover with the gate full", err, mfa.ErrBusy)
	}
	w.Slow = nil
	_, _, err := w.recover("22222-22222-22222")
	checkWrong(t, "the first guess", err, 4)
}

// withoutAuthenticators is a store that has lost the authenticators, and has the recovery codes.
type withoutAuthenticators struct{ *mfatest.Memory }

func (s withoutAuthenticators) Factors(ctx context.Context, subject string) (mfa.Factors, error) {
	f, err := s.Memory.Factors(ctx, subject)
	f.Authenticators = nil
	return f, err
}

// Recovery codes stand in for an authenticator. Where there is none they are worth nothing, and are not spent.
func TestRecoveryCodesAloneAreNoFactor(t *testing.T) {
	w := enrolled(t)
	w.Store = withoutAuthenticators{w.memory}
	for _, code := range []string{w.codes[0], "22222-22222-22222"} {
		p, _, err := w.recover(code)
		check(t, "recovery code without an authenticator", err, mfa.ErrNotEnrolled)
		if p.Method() != "" {
			t.Errorf("a recovery code without an authenticator gave the proof %+v", p)
		}
	}
	w.Store = w.memory
	_, left, err := w.recover(w.codes[0])
	if err != nil || left != 9 {
		t.Errorf("Recover, once the authenticator is there again = %d left, %v, want 9", left, err)
	}
}
