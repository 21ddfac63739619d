package mfa

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"vestibule/provider/limiter"
)

// Service checks answers of authenticators and recovery codes, and sets up what makes them. One serves all users.
type Service struct {
	Store    Store
	Attempts Attempts
	Setups   Setups
	Keys     *Keyring
	Kinds    []Kind           // that authenticators may be of; those of another cannot be used
	Limits   Limits           // the zero value means the defaults
	Now      func() time.Time // nil: time.Now
	Slow     Gate             // nil: one hash for each core
	Memory   uint32           // KiB for the hash of a recovery code (Argon2id); 0: 19456
	Passes   uint32           // of it; 0: 2
	Refunds  *Refunds         // of Attempts; nil: its own, which gives back what is owed before the next guess of a budget
	// Atomic commits what fn writes through its context, or nothing; nil: each write commits alone.
	// It may put writes off until fn returns.
	Atomic func(ctx context.Context, fn func(ctx context.Context) error) error

	own  limiter.Limiter // of a Service that has no Slow
	owe  sync.Once
	owed Refunds // of a Service that has no Refunds
}

// Limits are the numbers of a Service.
type Limits struct {
	Attempts       Limit         // guesses at the authenticators of one kind; zero: 5 in 15 minutes, 15 minutes' lock, 100 in a row
	Recovery       Limit         // guesses of recovery codes; zero: the same numbers, counted apart
	Setup          time.Duration // how long a set-up may take; 0: 15 minutes
	Proof          time.Duration // how old a Proof may be that allows a change of the factors; 0: 10 minutes
	Challenge      time.Duration // how long an answer to a challenge may take; 0: 10 minutes
	Authenticators int           // the most that a user may have; 0: 10
}

func (l Limits) orDefault() Limits {
	usual := Limit{Guesses: 5, Window: 15 * time.Minute, Lock: 15 * time.Minute, InARow: 100}
	if l.Attempts == (Limit{}) {
		l.Attempts = usual
	}
	if l.Recovery == (Limit{}) {
		l.Recovery = usual
	}
	if l.Setup == 0 {
		l.Setup = 15 * time.Minute
	}
	if l.Proof == 0 {
		l.Proof = 10 * time.Minute
	}
	if l.Challenge == 0 {
		l.Challenge = 10 * time.Minute
	}
	if l.Authenticators == 0 {
		l.Authenticators = 10
	}
	return l
}

// of returns the budget of a factor.
func (l Limits) of(factor string) Limit {
	if factor == factorRecovery {
		return l.Recovery
	}
	return l.Attempts
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
	Kind     string
	Params   string // what its Kind says of it
}

// Enrolled reports whether the subject has an authenticator.
func (s *Service) Enrolled(ctx context.Context, subject string) (bool, error) {
	kinds, err := s.Store.KindsOf(ctx, subject)
	return len(kinds) > 0, err
}

// Names returns what the kinds are called, in their order.
func (s *Service) Names() []Names {
	var all []Names
	for _, k := range s.Kinds {
		all = append(all, k.Names())
	}
	return all
}

// NamesOf returns what the kind is called; ok is false if the Service does not know it.
func (s *Service) NamesOf(kind string) (names Names, ok bool) {
	k, err := s.kind(kind)
	if err != nil {
		return Names{}, false
	}
	return k.Names(), true
}

// Usable are the kinds of all that the Service knows, each once: the one that was used last comes first, and those that were
// never used come in the order of Kinds. all is what KindsOf has returned.
func (s *Service) Usable(all []KindParams) []Names {
	var usable []Names
	used := map[string]time.Time{}
	for _, names := range s.Names() {
		has := false
		for _, k := range all {
			if k.Kind == names.Kind {
				has = true
				used[k.Kind] = latest(used[k.Kind], k.Used)
			}
		}
		if has {
			usable = append(usable, names)
		}
	}
	slices.SortStableFunc(usable, func(a, b Names) int { return used[b.Kind].Compare(used[a.Kind]) })
	return usable
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// KindsOf returns the kinds of the subject's authenticators with their Params, each once; none if the subject is not
// enrolled.
func (s *Service) KindsOf(ctx context.Context, subject string) ([]KindParams, error) {
	return s.Store.KindsOf(ctx, subject)
}

// KindsAlong is KindsOf, as what is asked along with the next guess that is counted with the context which it returns.
func (s *Service) KindsAlong(ctx context.Context, subject string) (_ context.Context, found func(context.Context) ([]KindParams, error)) {
	return s.Store.KindsAlong(ctx, subject)
}

// Status returns what the subject has.
func (s *Service) Status(ctx context.Context, subject string) (Status, error) {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return Status{}, fmt.Errorf("read factors: %w", err)
	}
	var status Status
	for _, a := range f.Authenticators {
		status.Authenticators = append(status.Authenticators, Info{a.ID, a.Name, a.Created, a.LastUsed, a.Kind, a.Params})
	}
	if r := f.Recovery; r != nil {
		status.CodesLeft, status.CodesTotal, status.CodesMade = len(r.Digests), r.Total, r.Created
	}
	return status, nil
}

// Remove takes an authenticator away, with all else if it was the last, and runs then in the same commit. It asks for the
// proof that BeginAnother asks for: after the last one is gone, the password alone sets up the first. An operator, who has
// none, removes by the Store.
//
// Outcomes: ErrNotEnrolled if it is gone already, ErrProof, ErrChanged if the factors changed at the same time.
func (s *Service) Remove(ctx context.Context, subject, id string, p Proof, then func(context.Context) error) error {
	return s.remove(ctx, s.Store.Remove, subject, id, p, then)
}

// RemoveSpare is Remove for a user who must have an authenticator: ErrLast if there is no other, or it is gone.
func (s *Service) RemoveSpare(ctx context.Context, subject, id string, p Proof, then func(context.Context) error) error {
	return s.remove(ctx, s.Store.RemoveSpare, subject, id, p, then)
}

func (s *Service) remove(ctx context.Context, remove func(ctx context.Context, subject, id string) error, subject, id string, p Proof, then func(context.Context) error) error {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return fmt.Errorf("read factors: %w", err)
	}
	rest := func(context.Context) error { return nil }
	if slices.Contains(ids(f.Authenticators), id) { // else the store has a word for it
		if err := s.allows(p, subject, f); err != nil {
			return err
		}
		rest = func(ctx context.Context) error { return s.Store.RequireFactors(ctx, subject, f.Generation) }
	}
	return s.atomic(ctx, func(ctx context.Context) error {
		if err := rest(ctx); err != nil {
			return err
		}
		if err := remove(ctx, subject, id); err != nil || then == nil {
			return err
		}
		return then(ctx)
	})
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

// Gate lets so many slow hashes run at once as the machine bears. A limiter.Limiter is one; mfatest.TestGate proves another.
type Gate interface {
	// Do runs f when there is a place. It fails, without f, with ErrBusy when too many wait already, or when ctx ends.
	Do(ctx context.Context, f func()) error
}
