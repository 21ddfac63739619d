package mfa

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"vestibule/provider/limiter"
)

// Service checks codes and sets up what makes them. One serves all users.
type Service struct {
	Store    Store
	Attempts Attempts
	Setups   Setups
	Keys     *Keyring
	Issuer   string           // what authenticator apps show above the code; a colon in it is dropped
	Limits   Limits           // the zero value means the defaults
	Kinds    Kinds            // that new authenticators may be of; the zero value means the usual one
	Now      func() time.Time // nil: time.Now
	Slow     Gate             // nil: one hash for each core
	Memory   uint32           // KiB for the hash of a recovery code (Argon2id); 0: 19456
	Passes   uint32           // of it; 0: 2
	Refunds  *Refunds         // of Guesses; nil: what cannot be given back at once stays counted
	// Atomic commits what fn writes through its context, or nothing; nil: each write commits alone.
	// It may put writes off until fn returns.
	Atomic func(ctx context.Context, fn func(ctx context.Context) error) error

	own limiter.Limiter // of a Service that has no Slow
}

// Limits are the numbers of a Service.
type Limits struct {
	TOTP           Limit         // guesses of one-time codes; zero: 5 in 15 minutes, 15 minutes' lock, 100 in a row
	Recovery       Limit         // guesses of recovery codes; zero: the same numbers, counted apart
	Setup          time.Duration // how long a set-up may take; 0: 15 minutes
	Authenticators int           // the most that a user may have; 0: 10
}

func (l Limits) orDefault() Limits {
	usual := Limit{Guesses: 5, Window: 15 * time.Minute, Lock: 15 * time.Minute, InARow: 100}
	if l.TOTP == (Limit{}) {
		l.TOTP = usual
	}
	if l.Recovery == (Limit{}) {
		l.Recovery = usual
	}
	if l.Setup == 0 {
		l.Setup = 15 * time.Minute
	}
	if l.Authenticators == 0 {
		l.Authenticators = 10
	}
	return l
}

// Status is what a user's account page and an operator may see.
type Status struct {
	Authenticators []Info // oldest first
	CodesLeft      int
	CodesTotal     int // 0 if there is no set
	CodesMade      time.Time
}

// Info is an authenticator without its secret.
type Info struct {
	ID       string
	Name     string
	Created  time.Time
	LastUsed time.Time // zero if never since it was set up
	Kind     Kind
}

// Enrolled reports whether the subject has an authenticator.
func (s *Service) Enrolled(ctx context.Context, subject string) (bool, error) {
	kinds, err := s.Store.KindsOf(ctx, subject)
	return len(kinds) > 0, err
}

// Digits returns how many digits the subject's codes have, each number once; none if the subject is not enrolled.
func (s *Service) Digits(ctx context.Context, subject string) ([]int, error) {
	digits, _, err := s.Shape(ctx, subject)
	return digits, err
}

// Shape returns of the subject's codes how many digits they have and every how many seconds there is a new one, each
// number once, the smallest first; none if the subject is not enrolled.
func (s *Service) Shape(ctx context.Context, subject string) (digits, periods []int, err error) {
	kinds, err := s.Store.KindsOf(ctx, subject)
	for _, k := range kinds {
		digits, periods = append(digits, k.Digits), append(periods, k.Period)
	}
	slices.Sort(digits)
	slices.Sort(periods)
	return slices.Compact(digits), slices.Compact(periods), err
}

// Status returns what the subject has.
func (s *Service) Status(ctx context.Context, subject string) (Status, error) {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return Status{}, fmt.Errorf("read factors: %w", err)
	}
	var status Status
	for _, a := range f.Authenticators {
		status.Authenticators = append(status.Authenticators, Info{a.ID, a.Name, a.Created, a.LastUsed, a.Kind()})
	}
	if r := f.Recovery; r != nil {
		status.CodesLeft, status.CodesTotal, status.CodesMade = len(r.Digests), r.Total, r.Created
	}
	return status, nil
}

// Remove takes an authenticator away, with all else if it was the last, and runs then in the
// same commit. ErrNotEnrolled if it is gone already.
func (s *Service) Remove(ctx context.Context, subject, id string, then func(context.Context) error) error {
	return s.remove(ctx, s.Store.Remove, subject, id, then)
}

// RemoveSpare is Remove for a user who must have an authenticator: ErrLast if there is no other.
func (s *Service) RemoveSpare(ctx context.Context, subject, id string, then func(context.Context) error) error {
	return s.remove(ctx, s.Store.RemoveSpare, subject, id, then)
}

func (s *Service) remove(ctx context.Context, remove func(ctx context.Context, subject, id string) error, subject, id string, then func(context.Context) error) error {
	return s.atomic(ctx, func(ctx context.Context) error {
		if err := remove(ctx, subject, id); err != nil || then == nil {
			return err
		}
		return then(ctx)
	})
}

// forgive forgets the wrong codes of the kind that was right. It belongs into the commit that spends the right one, and
// nothing else ever forgives: a password, or a code given in an earlier sign-in, says nothing about these. If the other
// kind is switched off after too many in a row, it is taken again; its window and its lock stay as they are.
//
// The order is always that of GuessKeys, so that no two commits wait for each other.
func (s *Service) forgive(ctx context.Context, p Proof) error {
	limits := s.Limits.orDefault()
	for _, kind := range []struct {
		method, key string
		inARow      int
	}{
		{MethodTOTP, totpKey(p.subject), limits.TOTP.InARow},
		{MethodRecovery, recoveryKey(p.subject), limits.Recovery.InARow},
	} {
		var err error
		switch {
		case kind.method == p.method:
			err = s.Attempts.ResetAttempts(ctx, kind.key, s.now())
		case kind.inARow > 0:
			err = s.Attempts.Enable(ctx, kind.key, kind.inARow)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// GuessKeys are the keys under which a Service counts the guesses at the subject's codes. A
// Store removes them with the last authenticator.
func GuessKeys(subject string) []string { return []string{totpKey(subject), recoveryKey(subject)} }

// One budget for every page that looks at a one-time code, another for recovery codes: whoever
// has the password and guesses at the one must not shut the owner out of the other.
func totpKey(subject string) string     { return "totp:" + subject }
func recoveryKey(subject string) string { return "recovery:" + subject }

// guess counts a guess and commits the count. Nothing may be compared without it. A caller that goes away changes nothing
// about it: what was counted is compared, and the outcome is told.
func (s *Service) guess(ctx context.Context, key string, limit Limit, now time.Time) (AttemptCount, error) {
	return allowed(s.refunds().Attempt(context.WithoutCancel(ctx), key, limit, now))
}

// guessSince is guess in a sign-in whose password was given at the time since.
func (s *Service) guessSince(ctx context.Context, key string, limit Limit, since, now time.Time) (AttemptCount, error) {
	return allowed(s.refunds().AttemptSince(context.WithoutCancel(ctx), key, limit, since, now))
}

// allowed turns a guess that was refused into an error.
func allowed(tally AttemptCount, err error) (AttemptCount, error) {
	switch {
	case err != nil:
		return AttemptCount{}, fmt.Errorf("count guess: %w", err)
	case tally.Disabled:
		return AttemptCount{}, &Locked{Disabled: true}
	case !tally.LockedUntil.IsZero():
		return AttemptCount{}, &Locked{Until: tally.LockedUntil}
	case !tally.Stale.IsZero():
		return AttemptCount{}, &Stale{Unlocked: tally.Stale}
	}
	return tally, nil
}

// refunds gives back what could not be finished.
func (s *Service) refunds() *Refunds {
	if s.Refunds == nil {
		return &Refunds{Attempts: s.Attempts}
	}
	return s.Refunds
}

// miss is the error for a wrong code that was counted. The last guess of the budget began the lock.
func miss(tally AttemptCount, limit Limit, now time.Time) error {
	if tally.Left > 0 {
		return failed(&Wrong{Left: tally.Left}, tally)
	}
	return failed(&Locked{Until: now.Add(limit.Lock)}, tally)
}

// failed is the error for a guess that was counted and is not accepted.
func failed(why error, tally AttemptCount) error {
	return &Failed{Why: why, InARow: tally.InARow, Locks: tally.Left <= 0, guess: tally.ID}
}

// NoGuess gives the guess back that err, a *Failed of that method, tells of: it was no guess, but the same form sent
// twice, and the first was accepted. Only a code that was right may be given back.
func (s *Service) NoGuess(ctx context.Context, subject, method string, err error) {
	var f *Failed
	if !errors.As(err, &f) {
		return
	}
	key := totpKey(subject)
	if method == MethodRecovery {
		key = recoveryKey(subject)
	}
	s.refunds().Refund(ctx, key, f.guess)
}

// unfinished gives the guess back if err, of what comes after a right code, is no outcome of the code's own.
func (s *Service) unfinished(ctx context.Context, key string, tally AttemptCount, err, own error) {
	if err != nil && !errors.Is(err, own) {
		s.refunds().Refund(ctx, key, tally.ID)
	}
}

func (s *Service) atomic(ctx context.Context, fn func(context.Context) error) error {
	if s.Atomic == nil {
		return fn(ctx)
	}
	return s.Atomic(ctx, fn)
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}
