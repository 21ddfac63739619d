package mfa_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	"vestibule/mfa/totp"
)

func keep(p *mfa.Proof) func(context.Context, mfa.Proof) error {
	return func(_ context.Context, got mfa.Proof) error {
		*p = got
		return nil
	}
}

func (w *env) begin(t *testing.T, owner string) mfa.PendingView {
	t.Helper()
	v, err := mfatest.Begin(t, w.Service, "ana", owner, totp.Name)
	must(t, "Begin", err)
	return v
}

// off checks that nothing is on: it is not asked for, and nothing of it is accepted.
func (w *env) off(t *testing.T, v mfa.PendingView) {
	t.Helper()
	if on, err := w.Enrolled(ctx, "ana"); on || err != nil {
		t.Errorf("Enrolled = %v, %v, want false", on, err)
	}
	_, err := w.verify(w.code(secretOf(v), 0))
	check(t, "Verify", err, mfa.ErrNotEnrolled)
	for _, code := range v.Codes {
		_, _, err := w.recover(code)
		check(t, "Recover", err, mfa.ErrNotEnrolled)
	}
}

func TestSetup(t *testing.T) {
	w := newEnv(t)
	v := w.begin(t, "tab")
	if !v.First || v.CodesOnly || v.Confirmed || len(v.Codes) != 0 || v.Name != "Authenticator app" || !v.Expires.Equal(w.now.Add(15*time.Minute)) {
		t.Errorf("Begin = %+v", v)
	}
	if want := "otpauth://totp/Example%20ID:ana%40example.com?secret=" + secretOf(v) + "&issuer=Example%20ID"; offerOf(v).URI("ana@example.com") != want {
		t.Errorf("URI = %s, want %s", offerOf(v).URI("ana@example.com"), want)
	}
	if len(secretOf(v)) != 32 {
		t.Errorf("the secret has %d base32 symbols, want 32 for 160 bits", len(secretOf(v)))
	}
	w.off(t, v)
	check(t, "Activate before a code", w.Activate(ctx, "ana", "tab", nil), mfa.ErrNotConfirmed)

	proved := w.now
	must(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), "  My phone "))
	w.now = w.now.Add(5 * time.Minute)
	v, err := w.Pending(ctx, "tab", "ana")
	if err != nil || !v.Confirmed || v.Name != "My phone" || len(v.Codes) != 10 {
		t.Errorf("Pending after Confirm = %+v, %v", v, err)
	}
	w.off(t, v)

	var p mfa.Proof
	must(t, "Activate", w.Activate(ctx, "ana", "tab", keep(&p)))
	if p.Subject() != "ana" || p.Method() != "otp" || !p.Time().Equal(proved) {
		t.Errorf("proof = %+v, want otp of ana at %v", p, proved)
	}
	status, err := w.Status(ctx, "ana")
	if err != nil || len(status.Authenticators) != 1 || status.Authenticators[0].Name != "My phone" || !status.Authenticators[0].LastUsed.IsZero() || status.CodesLeft != 10 {
		t.Errorf("Status = %+v, %v", status, err)
	}
	_, err = w.verify(w.code(secretOf(v), 0))
	must(t, "Verify", err)
	_, _, err = w.recover(v.Codes[9])
	must(t, "Recover", err)
	_, err = w.Pending(ctx, "tab", "ana")
	check(t, "Pending after Activate", err, mfa.ErrNoSetup)
	check(t, "Activate again", w.Activate(ctx, "ana", "tab", nil), mfa.ErrNoSetup)
}

func TestRefreshKeepsTheKey(t *testing.T) {
	w := newEnv(t)
	v := w.begin(t, "tab")
	w.now = w.now.Add(14 * time.Minute)
	if again := w.begin(t, "tab"); secretOf(again) != secretOf(v) || !again.Expires.Equal(v.Expires) {
		t.Errorf("a second Begin gave another key or time: %v, want %v", again.Expires, v.Expires)
	}
	if other := w.begin(t, "another browser"); secretOf(other) == secretOf(v) {
		t.Error("another owner got the same key")
	}
	if ben, err := w.Begin(ctx, "ben", "tab", totp.Name); err != nil || secretOf(ben) == secretOf(v) {
		t.Errorf("another subject got the same key, %v", err)
	}
}

func TestWrongFirstCode(t *testing.T) {
	w := newEnv(t)
	v := w.begin(t, "tab")
	checkWrong(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.wrong(secretOf(v))), ""), 4)
	check(t, "Confirm with letters", w.Confirm(ctx, "ana", "tab", totp.Form("abcdef"), ""), mfa.ErrLooksLikeRecovery)
	check(t, "Confirm with five digits", w.Confirm(ctx, "ana", "tab", totp.Form("12345"), ""), mfa.ErrFormat)
	again, err := w.Pending(ctx, "tab", "ana")
	if err != nil || secretOf(again) != secretOf(v) || again.Confirmed || len(again.Codes) != 0 {
		t.Errorf("Pending after wrong codes = %+v, %v", again, err)
	}
	check(t, "Activate", w.Activate(ctx, "ana", "tab", nil), mfa.ErrNotConfirmed)
	must(t, "Confirm with the right code", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), ""))
}

// Set-up shares the budget of one-time codes.
func TestConfirmIsCounted(t *testing.T) {
	w := enrolled(t)
	v := w.begin(t, "tab")
	for left := 4; left >= 1; left-- {
		checkWrong(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.wrong(secretOf(v))), "x"), left)
	}
	checkLocked(t, "fifth Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.wrong(secretOf(v))), "x"), w.now.Add(15*time.Minute))
	checkLocked(t, "right Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), "x"), w.now.Add(15*time.Minute))
	_, err := w.verify(w.code(w.secret, 0))
	checkLocked(t, "Verify", err, w.now.Add(15*time.Minute))
}

func TestClockOff(t *testing.T) {
	for _, tt := range []struct {
		offset  int
		seconds int // 0: accepted
		wrong   bool
	}{
		{-1, 0, false}, {0, 0, false}, {1, 0, false},
		{-2, -60, false}, {-10, -300, false}, {2, 60, false}, {10, 300, false},
		{-130, -3900, false}, {130, 3900, false}, {-120, -3600, false},
		{-131, 0, true}, {131, 0, true},
	} {
		w := newEnv(t)
		v := w.begin(t, "tab")
		err := w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), tt.offset)), "")
		var off *totp.ClockOff
		switch {
		case tt.wrong:
			checkWrong(t, "Confirm far off", err, 4)
		case tt.seconds == 0 && err != nil:
			t.Errorf("step %+d: %v, want it accepted", tt.offset, err)
		case tt.seconds != 0 && (!errors.As(err, &off) || off.Seconds != tt.seconds):
			t.Errorf("step %+d: %v, want ClockOff by %d", tt.offset, err, tt.seconds)
		}
	}
}

func TestSetupExpires(t *testing.T) {
	w := newEnv(t)
	v := w.begin(t, "tab")
	must(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), ""))
	w.now = w.now.Add(15 * time.Minute)
	_, err := w.Pending(ctx, "tab", "ana")
	check(t, "Pending", err, mfa.ErrSetupExpired)
	check(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), ""), mfa.ErrSetupExpired)
	check(t, "Activate", w.Activate(ctx, "ana", "tab", nil), mfa.ErrSetupExpired)
	w.off(t, v)
	if fresh := w.begin(t, "tab"); secretOf(fresh) == secretOf(v) || fresh.Confirmed {
		t.Errorf("Begin after the end = %+v, want a new key", fresh)
	}
}

func TestCancel(t *testing.T) {
	w := newEnv(t)
	v := w.begin(t, "tab")
	must(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), ""))
	must(t, "Cancel", w.Cancel(ctx, "tab"))
	must(t, "Cancel again", w.Cancel(ctx, "tab"))
	_, err := w.Pending(ctx, "tab", "ana")
	check(t, "Pending", err, mfa.ErrNoSetup)
	check(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), ""), mfa.ErrNoSetup)
	check(t, "Activate", w.Activate(ctx, "ana", "tab", nil), mfa.ErrNoSetup)
	w.off(t, v)
}

func TestOnlyTheOwner(t *testing.T) {
	w := newEnv(t)
	v := w.begin(t, "tab")
	must(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), ""))
	_, err := w.Pending(ctx, "another browser", "ana")
	check(t, "Pending of another owner", err, mfa.ErrNoSetup)
	_, err = w.Pending(ctx, "tab", "ben")
	check(t, "Pending of another subject", err, mfa.ErrNoSetup)
	check(t, "Confirm by another", w.Confirm(ctx, "ben", "tab", totp.Form(w.code(secretOf(v), 0)), ""), mfa.ErrNoSetup)
	check(t, "Activate for another", w.Activate(ctx, "ben", "tab", nil), mfa.ErrNoSetup)
}

// Two tabs that confirm one after the other show the same codes: those are the ones that will work.
func TestConfirmTwice(t *testing.T) {
	w := newEnv(t)
	v := w.begin(t, "tab")
	must(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), "Phone"))
	first, err := w.Pending(ctx, "tab", "ana")
	must(t, "Pending", err)
	must(t, "Confirm again", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), "Other"))
	second, err := w.Pending(ctx, "tab", "ana")
	if err != nil || !slices.Equal(first.Codes, second.Codes) || second.Name != "Phone" {
		t.Errorf("the second Confirm changed the codes or the name to %q, %v", second.Name, err)
	}
	if again := w.begin(t, "tab"); !slices.Equal(first.Codes, again.Codes) {
		t.Error("Begin after Confirm shows other codes")
	}
}

func TestTwoSetupsRace(t *testing.T) {
	w := newEnv(t)
	one, two := w.begin(t, "one"), w.begin(t, "two")
	must(t, "Confirm one", w.Confirm(ctx, "ana", "one", totp.Form(w.code(secretOf(one), 0)), "One"))
	must(t, "Confirm two", w.Confirm(ctx, "ana", "two", totp.Form(w.code(secretOf(two), 0)), "Two"))
	must(t, "Activate one", w.Activate(ctx, "ana", "one", nil))
	check(t, "Activate two", w.Activate(ctx, "ana", "two", nil), mfa.ErrChanged)
	if f := w.factors(t); len(f.Authenticators) != 1 || f.Authenticators[0].Name != "One" {
		t.Errorf("factors = %+v, want One alone", f)
	}
	if fresh := w.begin(t, "two"); secretOf(fresh) == secretOf(two) || fresh.First {
		t.Errorf("Begin after ErrChanged = %+v, want a new set-up", fresh)
	}
}

func TestActivationsInParallel(t *testing.T) {
	w := newEnv(t)
	v := w.begin(t, "tab")
	must(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), ""))
	if won := race(16, func(int) error { return w.Activate(ctx, "ana", "tab", nil) }); won != 1 {
		t.Errorf("one set-up was activated %d times", won)
	}
	if f := w.factors(t); len(f.Authenticators) != 1 || len(f.Recovery.Digests) != 10 {
		t.Errorf("factors = %+v", f)
	}
}

// A set-up that can no longer end well says so before the user saves codes for nothing.
func TestChangedMeanwhile(t *testing.T) {
	w := enrolled(t)
	w.enrol(t, "Tablet")
	v := w.begin(t, "tab")
	must(t, "Remove", w.Remove(ctx, "ana", w.factors(t).Authenticators[0].ID, mfatest.Prove(t, w.Service, "ana"), nil))
	check(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), ""), mfa.ErrChanged)
	if fresh := w.begin(t, "tab"); secretOf(fresh) == secretOf(v) {
		t.Error("Begin goes on with a set-up that cannot end well")
	}
}

// The old authenticator works until the new one is on, and beside it then.
func TestSetupLeavesTheOldAlone(t *testing.T) {
	w := enrolled(t)
	v := w.begin(t, "tab")
	if v.First || v.Name != "Authenticator app" {
		t.Errorf("Begin of a second = %+v", v)
	}
	must(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), ""))
	_, err := w.verify(w.code(secretOf(v), 1))
	check(t, "code of the pending one", err, mfa.ErrCode)
	_, err = w.verify(w.code(w.secret, 0))
	must(t, "code of the old one", err)
	must(t, "Activate", w.Activate(ctx, "ana", "tab", nil))
	w.now = w.now.Add(time.Minute)
	_, err = w.verify(w.code(w.secret, 0))
	must(t, "code of the old one after Activate", err)
	_, err = w.verify(w.code(secretOf(v), 0))
	must(t, "code of the new one", err)
	_, _, err = w.recover(w.codes[0])
	must(t, "recovery code of the set that stayed", err)
}

func TestNames(t *testing.T) {
	w := enrolled(t) // it has Phone
	v := w.begin(t, "tab")
	for _, tt := range []struct {
		name string
		want error
	}{
		{"Phone", mfa.ErrNameTaken},
		{" pHONE\u200b ", mfa.ErrNameTaken},
		{strings.Repeat("é", 65), mfa.ErrNameLong},
		{strings.Repeat("é", 64), nil},
	} {
		if err := w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), tt.name); !errors.Is(err, tt.want) {
			t.Errorf("Confirm with name %q: %v, want %v", tt.name, err, tt.want)
		}
	}
	if left := w.left(t); left != 4 {
		t.Errorf("%d tries left, want 4: neither a name nor the code of one's own key is a guess", left)
	}
}

func TestNameIsCleaned(t *testing.T) {
	w := newEnv(t)
	v := w.begin(t, "tab")
	must(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), "\u202ePho\x00ne\n"))
	if v, _ := w.Pending(ctx, "tab", "ana"); v.Name != "Phone" {
		t.Errorf("name = %q, want Phone", v.Name)
	}
}

func TestSuggestedNames(t *testing.T) {
	w := newEnv(t)
	for _, want := range []string{"Authenticator app", "Authenticator app 2", "Authenticator app 3"} {
		if v := w.begin(t, "tab"); v.Name != want {
			t.Errorf("suggested name = %q, want %q", v.Name, want)
		}
		w.enrol(t, "")
	}
}

func TestTooMany(t *testing.T) {
	w := enrolled(t)
	for i := range 9 {
		w.enrol(t, fmt.Sprint("Spare ", i))
	}
	_, err := mfatest.Begin(t, w.Service, "ana", "tab", totp.Name)
	check(t, "Begin of an eleventh", err, mfa.ErrTooMany)
}

func TestRemove(t *testing.T) {
	w := enrolled(t)
	w.enrol(t, "Tablet")
	list := w.factors(t).Authenticators
	must(t, "Remove", w.Remove(ctx, "ana", list[1].ID, mfatest.Prove(t, w.Service, "ana"), nil))
	_, _, err := w.recover(w.codes[0])
	must(t, "Recover while one is left", err)

	full := errors.New("audit log is full")
	check(t, "Remove whose then fails", w.Remove(ctx, "ana", list[0].ID, mfatest.Prove(t, w.Service, "ana"), func(context.Context) error { return full }), full)
	if on, _ := w.Enrolled(ctx, "ana"); !on {
		t.Error("Remove whose then failed removed it")
	}
	must(t, "Remove of the last", w.Remove(ctx, "ana", list[0].ID, mfatest.Prove(t, w.Service, "ana"), func(context.Context) error { return nil }))
	check(t, "Remove again", w.Remove(ctx, "ana", list[0].ID, mfa.Proof{}, nil), mfa.ErrNotEnrolled)
	_, _, err = w.recover(w.codes[1])
	check(t, "Recover after the last is gone", err, mfa.ErrNotEnrolled)
	if v := w.begin(t, "tab"); !v.First {
		t.Errorf("Begin after the last is gone = %+v, want First", v)
	}
}

func TestReset(t *testing.T) {
	w := enrolled(t)
	for range 5 {
		w.verify(w.wrong(w.secret))
	}
	if n, err := w.Store.Reset(ctx, "ana"); n != 1 || err != nil {
		t.Errorf("Reset = %d, %v, want 1", n, err)
	}
	if on, err := w.Enrolled(ctx, "ana"); on || err != nil {
		t.Errorf("Enrolled = %v, %v, want false", on, err)
	}
	w.enrol(t, "New phone") // not locked any more
}

// whileGuessing does something while a code is counted.
type whileGuessing struct {
	mfa.Attempts
	do func()
}

func (g whileGuessing) Attempt(ctx context.Context, key string, limit mfa.Limit, now time.Time) (mfa.AttemptCount, error) {
	g.do()
	return g.Attempts.Attempt(ctx, key, limit, now)
}

// A set-up that is cancelled, or begun anew, while its code is checked does not come back.
func TestCancelWhileConfirming(t *testing.T) {
	w := newEnv(t)
	for _, tt := range []struct {
		name string
		do   func()
		left error // of Pending
	}{
		{"cancelled", func() { must(t, "Cancel", w.Cancel(ctx, "tab")) }, mfa.ErrNoSetup},
		{"begun anew", func() {
			must(t, "Cancel", w.Cancel(ctx, "tab"))
			_, err := w.Begin(ctx, "ana", "tab", totp.Name)
			must(t, "Begin", err)
		}, nil},
	} {
		v, err := w.Begin(ctx, "ana", "tab", totp.Name)
		must(t, "Begin", err)
		w.Attempts = whileGuessing{w.memory, tt.do}
		check(t, tt.name+": Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), ""), mfa.ErrNoSetup)
		v, err = w.Pending(ctx, "tab", "ana")
		check(t, tt.name+": Pending", err, tt.left)
		if v.Confirmed {
			t.Errorf("%s: what is there is confirmed", tt.name)
		}
	}
}
