package mfatest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"testing"
	"time"

	"vestibule/mfa"
)

// serviceOutcomes: of all that may become of an answer, only one that was compared and not accepted stays counted, and only
// one that was accepted, and committed, forgives: its own kind alone. A host that calls NoGuess gets no wrong answer back.
func serviceOutcomes(t *testing.T, o *serviceTest) {
	_, codes := o.enrol(t, kindKey)
	o.enrol(t, kindCard)
	kept := map[string]int{kindKey: 2, kindCard: 2, mfa.MethodRecovery: 2}
	but := func(factor string, n int) map[string]int {
		counts := maps.Clone(kept)
		counts[factor] = n
		return counts
	}
	used := o.answer(t, kindKey)
	must(t, "Verify", o.Verify(ctx, "ana", used, o.now, nil))
	must(t, "Recover", o.Recover(ctx, "ana", codes[0], o.now, nil))
	codes = codes[1:]
	next := func() string { code := codes[0]; codes = codes[1:]; return code }
	for _, tt := range []struct {
		name   string
		do     func() error
		want   error // nil: any
		counts map[string]int
	}{
		{"nothing", func() error { return nil }, nil, kept},
		{"right answer", func() error { return o.Verify(ctx, "ana", o.answer(t, kindKey), o.now, nil) }, nil, but(kindKey, 0)},
		{"wrong answer", func() error { return o.Verify(ctx, "ana", o.wrong(t, kindKey), o.now, nil) }, mfa.ErrCode, but(kindKey, 3)},
		{"used answer", func() error { return o.Verify(ctx, "ana", used, o.now, nil) }, mfa.ErrUsed, but(kindKey, 3)},
		{"wrong answer that is given back", func() error { return o.giveBack(o.Verify(ctx, "ana", o.wrong(t, kindKey), o.now, nil)) }, mfa.ErrCode, but(kindKey, 3)},
		{"used answer that is given back", func() error { return o.giveBack(o.Verify(ctx, "ana", used, o.now, nil)) }, mfa.ErrUsed, kept},
		{"what is no answer", func() error {
			a := o.answer(t, kindKey)
			a.Form = url.Values{}
			return o.Verify(ctx, "ana", a, o.now, nil)
		}, mfa.ErrFormat, kept},
		{"answer to no challenge", func() error { return o.Verify(ctx, "ana", mfa.Answer{Kind: kindKey, Form: used.Form}, o.now, nil) }, mfa.ErrChallenge, kept},
		{"unknown kind", func() error { return o.Verify(ctx, "ana", mfa.Answer{Kind: "phone"}, o.now, nil) }, mfa.ErrNoKind, kept},
		{"right recovery code", func() error { return o.Recover(ctx, "ana", next(), o.now, nil) }, nil, but(mfa.MethodRecovery, 0)},
		{"wrong recovery code", func() error { return o.Recover(ctx, "ana", "22222-22222-22222", o.now, nil) }, mfa.ErrCode, but(mfa.MethodRecovery, 3)},
		{"recovery code that is given back", func() error { return o.giveBack(o.Recover(ctx, "ana", "22222-22222-22222", o.now, nil)) }, mfa.ErrCode, kept},
		{"what is no recovery code", func() error { return o.Recover(ctx, "ana", "123456", o.now, nil) }, mfa.ErrFormat, kept},
		{"first answer of another", func() error { return o.confirm(t, false, "Other") }, nil, kept},
		{"wrong first answer", func() error { return o.confirm(t, true, "Other") }, mfa.ErrCode, but(kindKey, 3)},
		{"first answer, and a name that is taken", func() error { return o.confirm(t, false, "Security key") }, mfa.ErrNameTaken, kept},
		{"first answer of nothing", func() error { return o.Confirm(ctx, "ana", "nobody", url.Values{}, "") }, mfa.ErrNoSetup, kept},
		{"another that is live", func() error { return o.setUpAnother(t) }, nil, but(kindKey, 0)},
		{"another whose host fails", func() error {
			must(t, "Confirm", o.confirm(t, false, "Other"))
			return o.Activate(ctx, "ana", "tab", func(context.Context, mfa.Proof) error { return errAbort })
		}, errAbort, kept},
	} {
		o.guessTwice(t)
		if err := tt.do(); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		o.counts(t, tt.name, tt.counts)
		must(t, "Cancel", o.Cancel(ctx, "tab"))
	}
}

// faults are what may become of a host that gets a proof.
var faults = map[string]func() error{
	"a fault of the host":                            func() error { return errAbort },
	"a fault of the host that looks like a used one": func() error { return fmt.Errorf("%w: %w", errAbort, mfa.ErrUsed) },
	"a fault of the host that looks like a wrong one": func() error {
		return errors.Join(errAbort, &mfa.Failed{Why: &mfa.Wrong{Left: 1}})
	},
	"a fault of the host that looks like a lock": func() error { return errors.Join(errAbort, &mfa.Locked{Disabled: true}) },
	"a panic of the host":                        func() error { panic(errAbort) },
}

// serviceFaults: whatever becomes of the host, a right answer is no guess, and spends nothing.
func serviceFaults(t *testing.T, o *serviceTest) {
	if o.Atomic == nil {
		t.Skip("this store has no Atomic: what is spent stays spent when the host fails")
	}
	_, codes := o.enrol(t, kindKey)
	kept := map[string]int{kindKey: 2, kindCard: 2, mfa.MethodRecovery: 2}
	for name, fault := range faults {
		o.guessTwice(t)
		answer := o.answer(t, kindKey)
		check(t, name, panics(func() error {
			return o.Verify(ctx, "ana", answer, o.now, func(context.Context, mfa.Proof) error { return fault() })
		}), errAbort)
		o.counts(t, "answer, and "+name, kept)
		check(t, name, panics(func() error {
			return o.Recover(ctx, "ana", codes[0], o.now, func(context.Context, mfa.Proof, int) error { return fault() })
		}), errAbort)
		o.counts(t, "recovery code, and "+name, kept)
		must(t, "the same answer again", o.Verify(ctx, "ana", answer, o.now, nil))
		must(t, "the same recovery code again", o.Recover(ctx, "ana", codes[0], o.now, nil))
		o.counts(t, "both again after "+name, map[string]int{kindCard: 2})
		codes = codes[1:]
	}
}

// panics returns what fn returns, or panics with.
func panics(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = p.(error)
		}
	}()
	return fn()
}

// serviceLastTry: a right answer is no less right as the last that the budget allows. The lock that its count began was
// none: a sign-in from before goes on.
func serviceLastTry(t *testing.T, o *serviceTest) {
	o.enrol(t, kindKey)
	before := o.now.Add(-time.Minute)
	for range 4 {
		o.verify(o.wrong(t, kindKey))
	}
	must(t, "Verify as the last try", o.Verify(ctx, "ana", o.answer(t, kindKey), before, nil))
	must(t, "Verify in a sign-in from before", o.Verify(ctx, "ana", o.answer(t, kindKey), before, nil))
	o.Limits.Attempts = mfa.Limit{Guesses: 1, Window: time.Hour, Lock: time.Hour, InARow: 1}
	for range 3 {
		must(t, "Verify where each try is the last", o.Verify(ctx, "ana", o.answer(t, kindKey), before, nil))
	}
}

// confirm has ana give the first answer of another key.
func (o *serviceTest) confirm(t *testing.T, wrong bool, name string) error {
	t.Helper()
	view, err := Begin(t, o.Service, "ana", "tab", kindKey)
	must(t, "Begin", err)
	d := NewKeyDevice()
	answer := d.Enrol(t, view.Offer, o.now)
	if wrong {
		answer = d.Wrong(t, answer, o.now)
	}
	return o.Confirm(ctx, "ana", "tab", answer, name)
}

// giveBack has the guess that err tells of given back, as far as the Service does that, and returns err.
func (o *serviceTest) giveBack(err error) error {
	o.NoGuess(ctx, err)
	return err
}

// guessTwice has two guesses counted of each factor, and nothing else.
func (o *serviceTest) guessTwice(t *testing.T) {
	t.Helper()
	for _, key := range o.budgets() {
		must(t, "ResetAttempts", o.stores.ResetAttempts(ctx, key, o.now))
		for range 2 {
			_, err := o.stores.Attempt(ctx, key, five, o.now)
			must(t, "Attempt", err)
		}
	}
}
