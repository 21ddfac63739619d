package mfa_test

import (
	"context"
	"encoding/base32"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	"vestibule/mfa/totp"
	"vestibule/provider/limiter"
)

var ctx = context.Background()

func TestMemory(t *testing.T) {
	mfatest.TestStore(t, func(*testing.T) mfatest.Stores { return mfatest.New() })
}

func TestService(t *testing.T) {
	mfatest.TestService(t, func(*testing.T) mfatest.Stores { return mfatest.New() })
}

func TestLimiterIsAGate(t *testing.T) {
	mfatest.TestGate(t, &limiter.Limiter{AtOnce: 2, Waiting: 8})
}

// env is a service on a store in memory, with a clock that the test moves.
type env struct {
	*mfa.Service
	memory *mfatest.Memory
	now    time.Time
	secret string   // of ana's authenticator, in base32
	codes  []string // ana's recovery codes
}

func newEnv(t *testing.T) *env {
	t.Helper()
	keys, err := mfa.ParseKeyring([]string{mfa.NewKey()})
	must(t, "ParseKeyring", err)
	w := &env{memory: mfatest.New(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.Service = &mfa.Service{
		Store: w.memory, Attempts: w.memory, Setups: w.memory, Keys: keys, Kinds: []mfa.Kind{totp.Kind{Issuer: "Example ID"}},
		Atomic: w.memory.Atomic, Now: func() time.Time { return w.now },
	}
	w.Cheap()
	return w
}

// enrolled is an env in which ana has an authenticator and recovery codes, and no wrong code.
func enrolled(t *testing.T) *env {
	t.Helper()
	w := newEnv(t)
	w.secret, w.codes = w.enrol(t, "Phone")
	return w
}

// enrol gives ana an authenticator. The clock then stands at the beginning of a fresh step.
func (w *env) enrol(t *testing.T, name string) (secret string, codes []string) {
	t.Helper()
	v, err := mfatest.Begin(t, w.Service, "ana", "tab", totp.Name)
	must(t, "Begin", err)
	must(t, "Confirm", w.Confirm(ctx, "ana", "tab", totp.Form(w.code(secretOf(v), 0)), name))
	v, err = w.Pending(ctx, "tab", "ana")
	must(t, "Pending", err)
	must(t, "Activate", w.Activate(ctx, "ana", "tab", nil))
	w.now = w.now.Add(time.Hour)
	return secretOf(v), v.Codes
}

// code is what an app with the secret shows so many steps from now. It is made without mfa.
func (w *env) code(secret string, offset int) string {
	code, err := hotp.GenerateCode(secret, uint64(w.now.Unix()/30+int64(offset)))
	if err != nil {
		panic(err)
	}
	return code
}

// wrong is a code that the secret gives at no step that anybody looks at.
func (w *env) wrong(secret string) string {
	near := make(map[string]bool)
	for offset := -150; offset <= 150; offset++ {
		near[w.code(secret, offset)] = true
	}
	for _, code := range []string{"000000", "000001", "000002", "000003"} {
		if !near[code] {
			return code
		}
	}
	panic("four codes in a row are near")
}

// verify gives the code and returns the proof, if there is one.
func (w *env) verify(code string) (p mfa.Proof, err error) {
	err = w.Verify(ctx, "ana", totp.Answer(code), w.now, func(_ context.Context, got mfa.Proof) error {
		p = got
		return nil
	})
	return p, err
}

func (w *env) recover(code string) (p mfa.Proof, left int, err error) {
	err = w.Recover(ctx, "ana", code, w.now, func(_ context.Context, got mfa.Proof, n int) error {
		p, left = got, n
		return nil
	})
	return p, left, err
}

// left is how many wrong codes ana still has, found out by one.
func (w *env) left(t *testing.T) int {
	t.Helper()
	_, err := w.verify(w.wrong(w.secret))
	var wrong *mfa.Wrong
	if !errors.As(err, &wrong) {
		t.Fatalf("Verify of a wrong code: %v, want Wrong", err)
	}
	return wrong.Left
}

// offerOf is the authenticator app that is set up; empty if there is none.
func offerOf(v mfa.PendingView) totp.Offer {
	offer, _ := v.Offer.(totp.Offer)
	return offer
}

// secretOf is its key in base32.
func secretOf(v mfa.PendingView) string { return offerOf(v).Secret }

// exported and imported are of ana.
func (w *env) exported() ([]totp.Portable, error) { return totp.Export(ctx, w.Service, "ana") }

func (w *env) imported(all []totp.Portable, then func(context.Context, []string) error) error {
	return totp.Import(ctx, w.Service, "ana", all, then)
}

func (w *env) factors(t *testing.T) mfa.Factors {
	t.Helper()
	f, err := w.memory.Factors(ctx, "ana")
	must(t, "Factors", err)
	return f
}

// insert gives ana an authenticator that this package would not make, as an import may.
func (w *env) insert(t *testing.T, a mfa.Authenticator, secret []byte) {
	t.Helper()
	var err error
	a.Subject, a.Kind = "ana", totp.Name
	a.KeyID, a.Secret, err = w.Keys.Seal(secret, "totp|ana|"+a.ID)
	must(t, "Seal", err)
	w.place(t, a)
}

func (w *env) place(t *testing.T, a mfa.Authenticator) {
	t.Helper()
	basis := w.factors(t).Generation
	must(t, "SaveSetup", w.memory.SaveSetup(ctx, mfa.Setup{Owner: "import", Subject: "ana"}))
	must(t, "Activate", w.memory.Activate(ctx, "ana", "import", basis, &a, nil))
}

func codeOf(secret []byte, step int64, digits otp.Digits, algorithm otp.Algorithm) string {
	text := base32.StdEncoding.EncodeToString(secret)
	code, err := hotp.GenerateCodeCustom(text, uint64(step), hotp.ValidateOpts{Digits: digits, Algorithm: algorithm})
	if err != nil {
		panic(err)
	}
	return code
}

func decode(secret string) []byte {
	plain, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		panic(err)
	}
	return plain
}

// race runs fn in n goroutines at once and returns how many got nil.
func race(n int, fn func(i int) error) int {
	var won atomic.Int64
	var group sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-start
			if fn(i) == nil {
				won.Add(1)
			}
		})
	}
	close(start)
	group.Wait()
	return int(won.Load())
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	check(t, what, err, nil)
}

func check(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// checkWrong wants a *Wrong with so many tries left.
func checkWrong(t *testing.T, what string, err error, left int) {
	t.Helper()
	var wrong *mfa.Wrong
	if !errors.As(err, &wrong) || wrong.Left != left || !errors.Is(err, mfa.ErrCode) {
		t.Fatalf("%s: %v, want Wrong with %d left", what, err, left)
	}
}

// checkLocked wants a *Locked that ends at until; the zero time stands for Disabled.
func checkLocked(t *testing.T, what string, err error, until time.Time) {
	t.Helper()
	var locked *mfa.Locked
	if !errors.As(err, &locked) || !locked.Until.Equal(until) || locked.Disabled != until.IsZero() {
		t.Fatalf("%s: %v, want Locked until %v", what, err, until)
	}
}
