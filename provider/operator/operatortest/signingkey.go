package operatortest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"vestibule/provider/jwks"
	"vestibule/provider/operator"
	"vestibule/provider/store"
)

func testSigningKeys(t *testing.T, w *world) {
	o := w.operator(acting)
	if _, err := o.RotateSigningKeys(t.Context(), nil, time.Hour); !errors.Is(err, operator.ErrNoSigningKey) {
		t.Errorf("rotation where there are none: %v, want %v", err, operator.ErrNoSigningKey)
	}
	w.signingKey()
	if _, err := o.RotateSigningKeys(t.Context(), []string{"PS256"}, time.Hour); !errors.Is(err, operator.ErrNoSigningKey) {
		t.Errorf("rotation of an algorithm that has none: %v, want %v", err, operator.ErrNoSigningKey)
	}
	rotate := func(in time.Duration) jwks.Term {
		t.Helper()
		next, err := o.RotateSigningKeys(t.Context(), nil, in)
		if err != nil || len(next) != 1 {
			t.Fatalf("RotateSigningKeys in %v = %+v, %v", in, next, err)
		}
		return next[0]
	}
	w.wantSigningKeys("1 signing")
	second := rotate(48 * time.Hour)
	w.wantSigningKeys("1 signing 48h, 2 next")
	for _, in := range []time.Duration{72 * time.Hour, 48 * time.Hour} {
		if again := rotate(in); again.ID != second.ID || !again.Signs.Equal(second.Signs) {
			t.Errorf("rotation in %v: %+v, want the key that will sign anyway", in, again)
		}
	}
	if sooner := rotate(jwks.MinAnnounce); sooner.ID != second.ID || !sooner.Signs.Equal(w.now.Add(jwks.MinAnnounce)) {
		t.Errorf("rotation now: %+v, want the next key to sign in %v", sooner, jwks.MinAnnounce)
	}
	w.now = w.now.Add(time.Hour)
	w.wantSigningKeys("1 past 0h, 2 signing")
	w.retire(second.ID)
	w.wantSigningKeys("1 past 0h, 2 retired 1h, 3 signing")
	next := rotate(48 * time.Hour)
	w.retire(w.signingKeys()[2].ID)
	w.wantSigningKeys("1 past 0h, 2 retired 1h, 3 retired 1h, 4 signing")
	w.retire(w.signingKeys()[0].ID)
	w.retire(next.ID)
	w.wantSigningKeys("1 retired 0h, 2 retired 1h, 3 retired 1h, 4 retired 1h, 5 signing")
	if _, err := o.RetireSigningKey(t.Context(), next.ID); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a key was retired again: %v", err)
	}
	testSigningKeyFaults(t, o)
}

func testSigningKeyFaults(t *testing.T, o *operator.Operator) {
	var fault *operator.Fault
	if _, err := o.RotateSigningKeys(t.Context(), []string{"HS256"}, time.Hour); !errors.As(err, &fault) || fault.Field != "alg" {
		t.Errorf("rotation of HS256: %v", err)
	}
	if _, err := o.RotateSigningKeys(t.Context(), nil, time.Second); !errors.As(err, &fault) || fault.Field != "in" {
		t.Errorf("rotation in a second: %v", err)
	}
	if _, err := o.RetireSigningKey(t.Context(), "nobody"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("an unknown key was retired: %v", err)
	}
}

func (w *world) retire(id string) {
	w.t.Helper()
	_, err := w.operator(acting).RetireSigningKey(w.t.Context(), id)
	w.must(err)
}

func (w *world) signingKeys() []jwks.Term {
	w.t.Helper()
	terms, err := w.operator(acting).SigningKeys(w.t.Context())
	w.must(err)
	return terms
}

// wantSigningKeys compares the number of each key, its state, and when it ends, in hours after noon.
func (w *world) wantSigningKeys(want string) {
	w.t.Helper()
	var got []string
	for _, term := range w.signingKeys() {
		text := fmt.Sprint(term.Number, " ", term.State)
		if !term.Until.IsZero() {
			text += fmt.Sprintf(" %.0fh", term.Until.Sub(noon).Hours())
		}
		got = append(got, text)
	}
	if strings.Join(got, ", ") != want {
		w.t.Errorf("signing keys %s, want %s", strings.Join(got, ", "), want)
	}
}
