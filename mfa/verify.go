package mfa

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Verify checks the answer of an authenticator. When it is right, the authenticator's counter is raised, so that the
// answer is spent, then is run, and the wrong answers of the kind are forgotten, in one commit. since is when the password
// of this sign-in was given: after a lock each sign-in begins at the password again, so that half a sign-in does not
// guess on.
//
// The commit may fail after then has run, because the same answer won in another process. So then
// must change nothing but what it writes through its context: a value in memory that it added
// the proof to is void when Verify returns an error, and must not be saved later.
//
// Outcomes: *Wrong, ErrExpired, *Used, *Locked, *Stale, ErrFormat, ErrLooksLikeRecovery, ErrChallenge, ErrNotEnrolled,
// ErrNoKind. Those of an answer that was compared come in a *Failed.
// Anything else is a fault of the store or of then. A right answer that could not be spent because of one is no guess: what
// was counted of it is given back.
func (s *Service) Verify(ctx context.Context, subject string, answer Answer, since time.Time, then func(context.Context, Proof) error) error {
	now := s.now()
	kind, err := s.kind(answer.Kind)
	if err != nil {
		return err
	}
	all, compare, err := s.read(ctx, kind, subject, answer)
	if err != nil {
		return err
	}
	a, err := s.countSince(ctx, answer.Kind, subject, s.Limits.orDefault().Attempts, since, now)
	if err != nil {
		return err
	}
	found, err := matched(all, compare, now)
	if err != nil {
		return s.refused(ctx, a, err)
	}
	p := Proof{subject, answer.Kind, kind.Names().Method, found.AMR, now, found.Detail, kind.Names().PhishingResistant}
	return s.spend(ctx, found, a, p, then)
}

// read reads the form of an answer. It returns the authenticators that it may be of, and what compares it with them.
func (s *Service) read(ctx context.Context, kind Kind, subject string, answer Answer) ([]Credential, Compare, error) {
	all, err := s.credentials(ctx, subject, answer.Kind)
	if err != nil {
		return nil, nil, err
	}
	state, err := s.challenge(subject, answer)
	if err != nil {
		return nil, nil, err
	}
	compare, err := kind.Check(all, state, answer.Form)
	return all, compare, err
}

// matched compares, and takes no answer for right of an authenticator that the user does not have.
func matched(all []Credential, compare Compare, now time.Time) (Match, error) {
	found, err := compare(now)
	if err != nil {
		return Match{}, err
	}
	if !slices.ContainsFunc(all, func(c Credential) bool { return c.ID == found.Credential.ID }) {
		return Match{}, fmt.Errorf("authenticator %s is not the user's", found.Credential.ID)
	}
	return found, nil
}

func (s *Service) spend(ctx context.Context, found Match, a attempt, p Proof, then func(context.Context, Proof) error) error {
	err := s.atomic(ctx, func(ctx context.Context) error {
		if err := s.Attempts.Spend(ctx, found.Credential.ID, found.Credential.Counter, found.Credential.Params, p.time); err != nil {
			return err
		}
		if then != nil {
			if err := then(ctx, p); err != nil {
				return err
			}
		}
		return s.resetAttempts(ctx, p)
	})
	s.unfinished(ctx, a, err, ErrUsed)
	if errors.Is(err, ErrUsed) {
		return a.failed(&Used{Seconds: found.Again})
	}
	return err
}

// credentials returns the subject's authenticators of the kind with their secrets opened. One that does not
// open fails them all: it is a key missing in the settings, or a tampered database.
func (s *Service) credentials(ctx context.Context, subject, kind string) ([]Credential, error) {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return nil, fmt.Errorf("read factors: %w", err)
	}
	all, err := s.unsealed(f.Authenticators, kind)
	if err == nil && len(all) == 0 {
		err = ErrNotEnrolled
	}
	return all, err
}

// unsealed opens the secrets of the authenticators of a kind.
func (s *Service) unsealed(authenticators []Authenticator, kind string) ([]Credential, error) {
	var all []Credential
	for _, a := range authenticators {
		if a.Kind != kind {
			continue
		}
		secret, err := s.Keys.Open(a.KeyID, a.Secret, SecretAAD(a))
		if err != nil {
			return nil, fmt.Errorf("authenticator %s: %w", a.ID, err)
		}
		c := a.credential()
		c.Secret = secret
		all = append(all, c)
	}
	return all, nil
}
