package mfatest

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"testing"
	"time"

	"vestibule/mfa"
)

// Prove returns a Proof of the subject, who has an authenticator, for tests of what comes after one: its answers are as
// many as they were, and nothing is counted. It is of the strongest that the subject has, and has earned no AMR.
func Prove(t testing.TB, s *mfa.Service, subject string) mfa.Proof {
	t.Helper()
	f, err := s.Store.Factors(t.Context(), subject)
	if err != nil {
		t.Fatalf("Factors: %v", err)
	}
	for _, k := range strongestFirst(s.Kinds) {
		kind := k.Names().Kind
		if !slices.ContainsFunc(f.Authenticators, func(a mfa.Authenticator) bool { return a.Kind == kind }) {
			continue
		}
		believing := &mfa.Service{Store: s.Store, Attempts: spendsNothing{}, Keys: s.Keys, Kinds: []mfa.Kind{believes{k}}, Now: s.Now}
		var p mfa.Proof
		if err := believing.Verify(t.Context(), subject, mfa.Answer{Kind: kind}, time.Time{}, keep(&p)); err != nil {
			t.Fatalf("Verify: %v", err)
		}
		return p
	}
	t.Fatalf("%s has no authenticator of a kind that the service knows", subject)
	return mfa.Proof{}
}

func strongestFirst(kinds []mfa.Kind) []mfa.Kind {
	weaker := func(k mfa.Kind) bool { return !k.Names().PhishingResistant }
	return append(slices.DeleteFunc(slices.Clone(kinds), weaker), slices.DeleteFunc(slices.Clone(kinds), func(k mfa.Kind) bool { return !weaker(k) })...)
}

// Begin begins to set up an authenticator as whoever may: the first one as it is, another over a Proof.
func Begin(t testing.TB, s *mfa.Service, subject, owner, kind string) (mfa.PendingView, error) {
	t.Helper()
	view, err := s.Begin(t.Context(), subject, owner, kind)
	if errors.Is(err, mfa.ErrEnrolled) {
		return s.BeginAnother(t.Context(), subject, owner, kind, Prove(t, s, subject))
	}
	return view, err
}

// believes takes every answer for right.
type believes struct{ mfa.Kind }

func (believes) Check(all []mfa.Credential, _ []byte, _ url.Values) (mfa.Compare, error) {
	return func(time.Time) (mfa.Match, error) { return mfa.Match{Credential: all[0]}, nil }, nil
}

// spendsNothing counts nothing and spends nothing.
type spendsNothing struct{ mfa.Attempts }

func (spendsNothing) AttemptSince(context.Context, string, mfa.Limit, time.Time, time.Time) (mfa.AttemptCount, error) {
	return mfa.AttemptCount{Left: 1}, nil
}

func (spendsNothing) Spend(context.Context, string, int64, string, time.Time) error { return nil }

func (spendsNothing) ResetAttempts(context.Context, string, time.Time) error { return nil }

func (spendsNothing) Enable(context.Context, string, int) error { return nil }
