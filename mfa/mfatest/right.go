package mfatest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"vestibule/mfa"
)

// often is more than any budget allows, in a window and in a row.
const often = 200

// serviceRight: a host that calls nothing but what signs in and sets up locks nobody out by right answers, and leaves no
// count, at any pace. The clock stands still, so that all are of one window.
func serviceRight(t *testing.T, o *serviceTest) {
	_, codes := o.enrol(t, kindKey)
	o.enrol(t, kindCard)
	full := errors.New("session table is full")
	for _, tt := range []struct {
		name string
		do   func() error
	}{
		{"key", func() error { _, err := o.verify(o.answer(t, kindKey)); return err }},
		{"key and card in turn", func() error {
			if _, err := o.verify(o.answer(t, kindKey)); err != nil {
				return err
			}
			_, err := o.verify(o.answer(t, kindCard))
			return err
		}},
		{"key whose host fails", func() error { return not(o.failing(t, full), full) }},
		{"recovery code", func() error {
			if len(codes) == 0 {
				codes = o.newCodes(t)
			}
			code := codes[0]
			codes = codes[1:]
			return o.Recover(ctx, "ana", code, o.now, nil)
		}},
		{"recovery code whose host fails", func() error {
			if len(codes) == 0 {
				codes = o.newCodes(t)
			}
			return not(o.Recover(ctx, "ana", codes[0], o.now, func(context.Context, mfa.Proof, int) error { return full }), full)
		}},
		{"set-up", func() error { return o.setUpAnother(t) }},
	} {
		for i := range often {
			if err := tt.do(); err != nil {
				t.Fatalf("%s, right for the %d. time: %v", tt.name, i+1, err)
			}
			if i == 0 || i == often-1 {
				o.counts(t, tt.name, map[string]int{})
			}
		}
	}
}

// not returns what else than want happened.
func not(err, want error) error {
	if errors.Is(err, want) {
		return nil
	}
	return fmt.Errorf("%v, want %v", err, want)
}

// failing gives a right answer to a host that cannot take it.
func (o *serviceTest) failing(t *testing.T, fault error) error {
	t.Helper()
	return o.Verify(ctx, "ana", o.answer(t, kindKey), o.now, func(context.Context, mfa.Proof) error { return fault })
}

// newCodes has ana make new recovery codes over a proof of the key.
func (o *serviceTest) newCodes(t *testing.T) []string {
	t.Helper()
	p, err := o.verify(o.answer(t, kindKey))
	must(t, "Verify", err)
	view, err := o.BeginCodes(ctx, "ana", "codes", p)
	must(t, "BeginCodes", err)
	must(t, "Activate", o.Activate(ctx, "ana", "codes", nil))
	return view.Codes
}

// setUpAnother has ana prove the key, set another one up, and remove it.
func (o *serviceTest) setUpAnother(t *testing.T) error {
	if err := o.addSpare(t); err != nil {
		return err
	}
	for _, a := range factors(t, o.stores, "ana").Authenticators {
		if a.Name == "Spare" {
			return o.RemoveSpare(ctx, "ana", a.ID, Prove(t, o.Service, "ana"), nil)
		}
	}
	return errors.New("nothing was set up")
}

// addSpare has ana prove the key and set another one up.
func (o *serviceTest) addSpare(t *testing.T) error {
	p, err := o.verify(o.answer(t, kindKey))
	if err != nil {
		return err
	}
	view, err := o.BeginAnother(ctx, "ana", "tab", kindKey, p)
	if err != nil {
		return err
	}
	if err := o.Confirm(ctx, "ana", "tab", NewKeyDevice().Enrol(t, view.Offer, o.now), "Spare"); err != nil {
		return err
	}
	return o.Activate(ctx, "ana", "tab", nil)
}

// counts wants that many guesses counted of each factor, in the window and in a row, and no lock.
func (o *serviceTest) counts(t *testing.T, what string, want map[string]int) {
	t.Helper()
	plenty := mfa.Limit{Guesses: 1000, Window: time.Hour, Lock: time.Hour, InARow: 1000}
	for factor, key := range o.budgets() {
		got, err := o.stores.AttemptSince(ctx, key, plenty, o.now, o.now)
		must(t, "AttemptSince", err)
		if n := got.InARow - 1; n != want[factor] || plenty.Guesses-got.Left-1 != want[factor] || !got.LockedUntil.IsZero() || !got.Stale.IsZero() {
			t.Errorf("%s: %+v is the next guess at %s, want it after %d", what, got, factor, want[factor])
		}
		must(t, "RefundAttempt", o.stores.RefundAttempt(ctx, key, got.ID))
	}
}

// budgets are the keys of all that is counted of ana, by the factor.
func (o *serviceTest) budgets() map[string]string {
	keys := map[string]string{}
	for _, key := range o.AttemptKeys("ana") {
		keys[key[:len(key)-len(":ana")]] = key
	}
	return keys
}

// kindRight: right answers of the kind, as fast as a device gives them, lock nobody and leave no count.
func kindRight(t *testing.T, k *kindTest) {
	o := newServiceTest(t, New())
	o.Kinds = []mfa.Kind{k.kind}
	kind, d := k.kind.Names().Kind, k.New()
	view, err := o.Begin(ctx, "ana", "tab", kind)
	must(t, "Begin", err)
	must(t, "Confirm", o.Confirm(ctx, "ana", "tab", d.Enrol(t, view.Offer, o.now), ""))
	must(t, "Activate", o.Activate(ctx, "ana", "tab", nil))
	for i := range often {
		o.now = o.now.Add(k.Pause)
		state, view, err := o.Challenge(ctx, "ana", "sign-in", kind)
		must(t, "Challenge", err)
		answer := mfa.Answer{Kind: kind, Owner: "sign-in", State: state, Form: d.Answer(t, view, o.now)}
		var p mfa.Proof
		if err := o.Verify(ctx, "ana", answer, o.now, keep(&p)); err != nil {
			t.Fatalf("right for the %d. time: %v", i+1, err)
		}
		if slices.Contains(p.AMR(), mfa.MethodRecovery) || len(p.AMR()) == 0 {
			t.Fatalf("amr says %q", p.AMR())
		}
	}
	o.counts(t, kind, map[string]int{})
}
