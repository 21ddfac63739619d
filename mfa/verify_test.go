package mfa_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/pquerna/otp"

	"vestibule/mfa"
	"vestibule/mfa/totp"
)

func TestVerifySteps(t *testing.T) {
	for _, tt := range []struct {
		offset int
		want   error // nil: right
	}{
		{0, nil}, {-1, nil}, {1, nil},
		{-2, mfa.ErrExpired}, {-10, mfa.ErrExpired},
		{-11, mfa.ErrCode},
		{2, mfa.ErrCode}, {5, mfa.ErrCode}, {10, mfa.ErrCode}, // a code that will be right is just wrong: no oracle
	} {
		w := enrolled(t)
		p, err := w.verify(w.code(w.secret, tt.offset))
		if !errors.Is(err, tt.want) {
			t.Errorf("code of step %+d: %v, want %v", tt.offset, err, tt.want)
		}
		if proved := p.Subject() == "ana" && p.Method() == "otp" && p.Time().Equal(w.now); proved != (tt.want == nil) {
			t.Errorf("code of step %+d: proof %+v", tt.offset, p)
		}
		var off *totp.ClockOff
		if errors.As(err, &off) {
			t.Errorf("code of step %+d: a sign-in tells the clock's offset", tt.offset)
		}
		if tt.want == mfa.ErrCode {
			checkWrong(t, fmt.Sprintf("code of step %+d", tt.offset), err, 4)
		}
	}
}

// What an app writes with a space, and a keyboard with other digits, is the same code.
func TestVerifyTyped(t *testing.T) {
	w := enrolled(t)
	code := w.code(w.secret, 0)
	if _, err := w.verify(" " + code[:3] + "\u00a0" + code[3:] + " "); err != nil {
		t.Errorf("code with spaces: %v", err)
	}
}

func TestFormIsNotCounted(t *testing.T) {
	w := enrolled(t)
	for range 20 {
		_, err := w.verify("12345")
		check(t, "five digits", err, mfa.ErrFormat)
		_, err = w.verify("12345678")
		check(t, "eight digits", err, mfa.ErrFormat)
		_, err = w.verify("K7QF2-M9XPT-4D8WH")
		check(t, "a recovery code", err, mfa.ErrLooksLikeRecovery)
		_, _, err = w.recover("123456")
		check(t, "a one-time code as recovery code", err, mfa.ErrFormat)
	}
	if left := w.left(t); left != 4 {
		t.Errorf("%d tries left after codes of wrong form and one wrong, want 4", left)
	}
}

func TestReplay(t *testing.T) {
	w := enrolled(t)
	w.now = w.now.Add(10 * time.Second)
	earlier, code, next := w.code(w.secret, -1), w.code(w.secret, 0), w.code(w.secret, 1)
	_, err := w.verify(code)
	must(t, "Verify", err)
	p, err := w.verify(code)
	var used *mfa.Used
	if !errors.As(err, &used) || used.Seconds != 20 || !errors.Is(err, mfa.ErrUsed) || p.Method() != "" {
		t.Errorf("second use: %v, proof %+v, want Used for 20 seconds", err, p)
	}
	_, err = w.verify(earlier)
	check(t, "code of the step before the used one", err, mfa.ErrExpired)
	_, err = w.verify(next)
	must(t, "code of the next step", err)
	_, err = w.verify(code)
	check(t, "first code after the next one", err, mfa.ErrExpired)
}

// The code that confirmed an enrolment signs nobody in.
func TestConfirmationIsSpent(t *testing.T) {
	w := newEnv(t)
	v, err := w.Begin(ctx, "ana", "tab", totp.Name)
	must(t, "Begin", err)
	code := w.code(secretOf(v), 0)
	must(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(code), ""))
	must(t, "Activate", w.Activate(ctx, "ana", "tab", nil))
	_, err = w.verify(code)
	check(t, "Verify of the code that confirmed", err, mfa.ErrUsed)
}

func TestLock(t *testing.T) {
	w := enrolled(t)
	for left := 4; left >= 1; left-- {
		_, err := w.verify(w.wrong(w.secret))
		checkWrong(t, "wrong code", err, left)
		w.now = w.now.Add(time.Minute)
	}
	until := w.now.Add(15 * time.Minute)
	_, err := w.verify(w.wrong(w.secret))
	checkLocked(t, "fifth wrong code", err, until)
	for w.now = w.now.Add(time.Minute); w.now.Before(until); w.now = w.now.Add(2 * time.Minute) {
		_, err = w.verify(w.code(w.secret, 0))
		checkLocked(t, "right code during the lock", err, until)
	}
	w.now = until.Add(-time.Microsecond)
	_, err = w.verify(w.code(w.secret, 0))
	checkLocked(t, "right code just before the end", err, until)
	w.now = until
	_, err = w.verify(w.code(w.secret, 0))
	must(t, "right code at the announced time", err)
}

// Replayed and expired codes are guesses too. A right one forgets them all.
func TestAllGuessesCount(t *testing.T) {
	w := enrolled(t)
	code := w.code(w.secret, 0)
	_, err := w.verify(code)
	must(t, "Verify", err)
	_, err = w.verify(code)
	check(t, "replayed code", err, mfa.ErrUsed)
	_, err = w.verify(w.code(w.secret, -5))
	check(t, "expired code", err, mfa.ErrExpired)
	if left := w.left(t); left != 2 {
		t.Errorf("%d tries left after three guesses that were not right, want 2", left)
	}
	_, err = w.verify(w.code(w.secret, 1))
	must(t, "Verify", err)
	if left := w.left(t); left != 4 {
		t.Errorf("%d tries left after a right code and one wrong code, want 4", left)
	}
}

// The budgets are apart: who guesses at one-time codes does not shut the owner out of recovery.
func TestBudgetsAreApart(t *testing.T) {
	w := enrolled(t)
	for range 5 {
		w.verify(w.wrong(w.secret))
	}
	_, left, err := w.recover(w.codes[0])
	if err != nil || left != 9 {
		t.Errorf("Recover during the lock = %d left, %v, want 9", left, err)
	}
	_, err = w.verify(w.code(w.secret, 0))
	checkLocked(t, "Verify", err, w.now.Add(15*time.Minute))
}

func TestDisabledAfterAHundred(t *testing.T) {
	w := enrolled(t)
	for i := range 100 {
		if i > 0 && i%5 == 0 {
			w.now = w.now.Add(15 * time.Minute)
		}
		if _, err := w.verify(w.wrong(w.secret)); err == nil {
			t.Fatalf("wrong code %d passed", i)
		}
	}
	for range 3 {
		w.now = w.now.Add(1000 * time.Hour)
		_, err := w.verify(w.code(w.secret, 0))
		checkLocked(t, "right code after 100 wrong ones", err, time.Time{})
	}
	_, _, err := w.recover(w.codes[0])
	must(t, "Recover", err)
	_, err = w.verify(w.code(w.secret, 0))
	must(t, "right code after recovery", err)
}

func TestVerifyInParallel(t *testing.T) {
	w := enrolled(t)
	w.Limits.Attempts = mfa.Limit{Guesses: 1000, Window: time.Hour, Lock: time.Hour}
	code := w.code(w.secret, 0)
	won := race(16, func(int) error {
		return w.Verify(ctx, "ana", totp.Answer(code), w.now, nil)
	})
	if won != 1 {
		t.Errorf("one code passed %d times", won)
	}
}

// However many guess at once, no more are compared than the budget allows.
func TestGuessesInParallel(t *testing.T) {
	w := enrolled(t)
	wrong := w.wrong(w.secret)
	compared := race(32, func(int) error {
		var locked *mfa.Locked
		if err := w.Verify(ctx, "ana", totp.Answer(wrong), w.now, nil); errors.As(err, &locked) && locked.Until.Equal(w.now.Add(15*time.Minute)) {
			return err
		}
		return nil
	})
	if compared != 4 { // the fifth is told of the lock, like all after it
		t.Errorf("%d wrong codes were told apart from the lock, want 4", compared)
	}
}

func TestNotEnrolled(t *testing.T) {
	w := newEnv(t)
	_, err := w.verify("123456")
	check(t, "Verify", err, mfa.ErrNotEnrolled)
	_, _, err = w.recover("K7QF2-M9XPT-4D8WH")
	check(t, "Recover", err, mfa.ErrNotEnrolled)
	_, err = w.BeginCodes(ctx, "ana", "tab", mfa.Proof{})
	check(t, "BeginCodes", err, mfa.ErrNotEnrolled)
}

// Any of the user's authenticators will do, of whatever kind, and the store knows which it was.
func TestSeveralAuthenticators(t *testing.T) {
	w := enrolled(t)
	phone := w.secret
	tablet, codes := w.enrol(t, "Tablet")
	if len(codes) != 0 {
		t.Errorf("a further authenticator came with %d recovery codes, want none", len(codes))
	}
	key := []byte("1234567890123456789012345678901234567890123456789012345678901234")
	w.insert(t, mfa.Authenticator{ID: "hardware", Name: "Key", Params: `{"algorithm":"SHA512","digits":8,"period":60}`, Created: w.now}, key)

	_, err := w.verify(w.code(phone, 0))
	must(t, "code of the phone", err)
	_, err = w.verify(w.code(tablet, 0))
	must(t, "code of the tablet in the same step", err)
	_, err = w.verify(codeOf(key, w.now.Unix()/60, otp.DigitsEight, otp.AlgorithmSHA512))
	must(t, "eight digits of the key", err)
	status, err := w.Status(ctx, "ana")
	must(t, "Status", err)
	for _, a := range status.Authenticators {
		if !a.LastUsed.Equal(w.now) {
			t.Errorf("%s was last used at %v, want %v", a.Name, a.LastUsed, w.now)
		}
	}
}

func TestSecretsAreBound(t *testing.T) {
	w := enrolled(t)
	mine := w.factors(t).Authenticators[0]

	other := mine
	other.ID, other.Name = "copy", "copy"
	w.place(t, other)
	_, err := w.verify(w.code(w.secret, 0))
	if err == nil || errors.Is(err, mfa.ErrCode) {
		t.Errorf("Verify with a secret copied to another authenticator: %v, want a fault", err)
	}

	must(t, "SaveSetup", w.memory.SaveSetup(ctx, mfa.Setup{Owner: "import", Subject: "ben"}))
	theirs := mine
	theirs.Subject = "ben"
	must(t, "Activate", w.memory.Activate(ctx, "ben", "import", 0, &theirs, nil))
	err = w.Verify(ctx, "ben", totp.Answer(w.code(w.secret, 0)), w.now, nil)
	if err == nil || errors.Is(err, mfa.ErrCode) {
		t.Errorf("Verify with another user's secret: %v, want a fault", err)
	}
}

// A set-up is as bound as an authenticator is.
func TestSetupsAreBound(t *testing.T) {
	w := newEnv(t)
	_, err := w.Begin(ctx, "ana", "tab", totp.Name)
	must(t, "Begin", err)
	setup, err := w.memory.Setup(ctx, "tab")
	must(t, "Setup", err)
	setup.Owner = "stolen"
	must(t, "SaveSetup", w.memory.SaveSetup(ctx, setup))
	if v, err := w.Pending(ctx, "stolen", "ana"); err == nil {
		t.Errorf("Pending of a copied set-up = %+v", v)
	}
	setup.Owner, setup.Subject = "tab", "ben"
	must(t, "SaveSetup", w.memory.SaveSetup(ctx, setup))
	if v, err := w.Pending(ctx, "tab", "ben"); err == nil {
		t.Errorf("Pending of a set-up given to another = %+v", v)
	}
}

func TestKeyThatIsGone(t *testing.T) {
	w := enrolled(t)
	old := w.factors(t).Authenticators[0].KeyID
	keys, err := mfa.ParseKeyring([]string{mfa.NewKey()})
	must(t, "ParseKeyring", err)
	w.Keys = keys
	_, err = w.verify(w.code(w.secret, 0))
	check(t, "Verify", err, mfa.ErrUnknownKey)
	if want := fmt.Sprintf("unknown secret key %q", old); !errors.Is(err, mfa.ErrUnknownKey) || !contains(err.Error(), want) {
		t.Errorf("Verify: %v, want it to say %s", err, want)
	}
}

// Trouble with the store is neither a wrong code nor a way through.
func TestStoreInTrouble(t *testing.T) {
	down := errors.New("database down")
	w := enrolled(t)
	ran := false
	then := func(context.Context, mfa.Proof) error { ran = true; return nil }

	w.Store = noFactors{w.memory, down}
	check(t, "Verify without factors", w.Verify(ctx, "ana", totp.Answer(w.code(w.secret, 0)), w.now, then), down)
	w.Store = w.memory
	w.Attempts = noGuess{w.memory, down}
	check(t, "Verify without a count", w.Verify(ctx, "ana", totp.Answer(w.code(w.secret, 0)), w.now, then), down)
	check(t, "Recover without a count", w.Recover(ctx, "ana", w.codes[0], w.now, nil), down)
	if ran {
		t.Error("then ran for a guess that was not counted")
	}
	w.Attempts = w.memory
	if left := w.left(t); left != 4 {
		t.Errorf("%d tries left after trouble and one wrong code, want 4", left)
	}
	w.Atomic = func(ctx context.Context, fn func(context.Context) error) error {
		fn(ctx)
		return down
	}
	check(t, "Verify that cannot commit", w.Verify(ctx, "ana", totp.Answer(w.code(w.secret, 0)), w.now, then), down)
}

type noFactors struct {
	mfa.Store
	err error
}

func (n noFactors) Factors(context.Context, string) (mfa.Factors, error) { return mfa.Factors{}, n.err }

func (n noFactors) FactorsAlong(ctx context.Context, _ string) (context.Context, func(context.Context) (mfa.Factors, error)) {
	return ctx, func(context.Context) (mfa.Factors, error) { return mfa.Factors{}, n.err }
}

type noGuess struct {
	mfa.Attempts
	err error
}

func (n noGuess) AttemptSince(context.Context, string, mfa.Limit, time.Time, time.Time) (mfa.AttemptCount, error) {
	return mfa.AttemptCount{}, n.err
}

// A step is spent together with what the caller does, or not at all.
func TestThenFails(t *testing.T) {
	w := enrolled(t)
	full := errors.New("session table is full")
	code := w.code(w.secret, 0)
	check(t, "Verify", w.Verify(ctx, "ana", totp.Answer(code), w.now, func(context.Context, mfa.Proof) error { return full }), full)
	_, err := w.verify(code)
	must(t, "the same code again", err)

	check(t, "Recover", w.Recover(ctx, "ana", w.codes[0], w.now, func(context.Context, mfa.Proof, int) error { return full }), full)
	_, left, err := w.recover(w.codes[0])
	if err != nil || left != 9 {
		t.Errorf("the same recovery code again: %d left, %v, want 9", left, err)
	}
}

// Without Atomic each write commits alone, and all else is the same.
func TestWithoutAtomic(t *testing.T) {
	w := enrolled(t)
	w.Atomic = nil
	code := w.code(w.secret, 0)
	_, err := w.verify(code)
	must(t, "Verify", err)
	_, err = w.verify(code)
	check(t, "Verify again", err, mfa.ErrUsed)
}
