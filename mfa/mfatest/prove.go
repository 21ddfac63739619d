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
	has, err := s.KindsOf(t.Context(), subject)
	if err != nil {
		t.Fatalf("KindsOf: %v", err)
	}
	best := mfa.Strongest(s.Usable(has))
	if len(best) == 0 {
		t.Fatalf("%s has no authenticator of a kind that the service knows", subject)
	}
	i := slices.IndexFunc(s.Kinds, func(k mfa.Kind) bool { return k.Names().Kind == best[0].Kind })
	believing := &mfa.Service{Store: s.Store, Attempts: spendsNothing{}, Keys: s.Keys, Kinds: []mfa.Kind{believes{s.Kinds[i]}}, Now: s.Now}
	var p mfa.Proof
	if err := believing.Verify(t.Context(), subject, mfa.Answer{Kind: best[0].Kind}, time.Time{}, keep(&p)); err != nil {
		t.Fatalf("Verify: %v", err)
	}
	return p
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

func (believes) MayAnswer(url.Values) bool { return true }

// spendsNothing counts nothing and spends nothing.
type spendsNothing struct{ mfa.Attempts }

func (spendsNothing) AttemptSince(context.Context, string, mfa.Limit, time.Time, time.Time) (mfa.AttemptCount, error) {
	return mfa.AttemptCount{Left: 1}, nil
}

func (spendsNothing) Spend(context.Context, string, int64, string, time.Time) error { return nil }

func (spendsNothing) ResetAttempts(context.Context, string, time.Time, ...mfa.Budget) error {
	return nil
}
