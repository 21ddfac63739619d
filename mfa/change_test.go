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

// slowStore does something just after the factors were read.
type slowStore struct {
	mfa.Store
	after func()
}

func (s *slowStore) Factors(ctx context.Context, subject string) (mfa.Factors, error) {
	f, err := s.Store.Factors(ctx, subject)
	if do := s.after; do != nil {
		s.after = nil
		do()
	}
	return f, err
}

// TestRemovalRestsOnTheFactors: somebody has a proof from before the owner took the tablet away, which ended it. A removal
// that had read the factors before that does not go on.
func TestRemovalRestsOnTheFactors(t *testing.T) {
	for name, remove := range map[string]func(*mfa.Service, string, mfa.Proof) error{
		"Remove":      func(s *mfa.Service, id string, p mfa.Proof) error { return s.Remove(ctx, "ana", id, p, nil) },
		"RemoveSpare": func(s *mfa.Service, id string, p mfa.Proof) error { return s.RemoveSpare(ctx, "ana", id, p, nil) },
	} {
		w := enrolled(t)
		w.enrol(t, "Tablet")
		w.enrol(t, "Watch")
		all := w.factors(t).Authenticators
		given, err := w.verify(w.code(w.secret, 0))
		must(t, "Verify", err)
		old, err := w.OpenProof("ana", given.Sealed())
		must(t, "OpenProof", err)
		w.Service.Store = &slowStore{w.memory, func() { must(t, "the owner removes", w.memory.Remove(ctx, "ana", all[1].ID)) }}
		if err := remove(w.Service, all[0].ID, old); !errors.Is(err, mfa.ErrChanged) {
			t.Errorf("%s: %v, want ErrChanged", name, err)
		}
		if left := w.factors(t).Authenticators; len(left) != 2 {
			t.Errorf("%s: there are %d authenticators, want 2", name, len(left))
		}
	}
}

// TestStrongestProof: who has a key changes the factors with it, or with a recovery code. A code of the app, as a false
// page gets it, changes nothing, sealed or not.
func TestStrongestProof(t *testing.T) {
	w := enrolled(t)
	w.Service.Kinds = []mfa.Kind{totp.Kind{Issuer: "x"}, mfatest.Key{}}
	device := mfatest.NewKeyDevice()
	view, err := mfatest.Begin(t, w.Service, "ana", "k", "key")
	must(t, "Begin", err)
	must(t, "Confirm", w.Confirm(ctx, "ana", "k", device.Enrol(t, view.Offer, w.now), ""))
	var key mfa.Proof
	must(t, "Activate", w.Activate(ctx, "ana", "k", func(_ context.Context, p mfa.Proof) error { key = p; return nil }))
	w.now = w.now.Add(5 * time.Minute)
	code, err := w.verify(w.code(w.secret, 0))
	must(t, "Verify", err)
	var recovery mfa.Proof
	must(t, "Recover", w.Recover(ctx, "ana", w.codes[0], w.now, func(_ context.Context, p mfa.Proof, _ int) error { recovery = p; return nil }))
	id := w.factors(t).Authenticators[0].ID
	for _, tt := range []struct {
		name  string
		given mfa.Proof
		want  error
	}{{"a code", code, mfa.ErrProof}, {"the key", key, nil}, {"a recovery code", recovery, nil}} {
		opened, err := w.OpenProof("ana", tt.given.Sealed())
		must(t, "OpenProof", err)
		for how, p := range map[string]mfa.Proof{"": tt.given, ", sealed": opened} {
			_, err := w.BeginAnother(ctx, "ana", "tab", "key", p)
			check(t, "BeginAnother over "+tt.name+how, err, tt.want)
			must(t, "Cancel", w.Cancel(ctx, "tab"))
			_, err = w.BeginCodes(ctx, "ana", "tab", p)
			check(t, "BeginCodes over "+tt.name+how, err, tt.want)
			must(t, "Cancel", w.Cancel(ctx, "tab"))
			full := errors.New("full")
			want := tt.want
			if want == nil {
				want = full
			}
			check(t, "Remove over "+tt.name+how, w.Remove(ctx, "ana", id, p, func(context.Context) error { return full }), want)
		}
	}
}
