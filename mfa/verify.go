package mfa

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Verify checks the answer of an authenticator. When it is right, the authenticator's counter is raised, so that the
// answer is spent, then is run, which may be nil, and the wrong answers of the kind are forgotten, in one commit. The right
// one is forgotten with them: it stays in no count, so that nobody is ever locked out by right answers, and the host has
// nothing else to call. since is when the password of this sign-in was given: after a lock each sign-in begins at the
// password again, so that half a sign-in does not guess on.
//
// The commit may fail after then has run, because the same answer won in another process. So then
// must change nothing but what it writes through its context: a value in memory that it added
// the proof to is void when Verify returns an error, and must not be saved later.
//
// Outcomes: *Wrong, ErrExpired, *Used, *Locked, *Stale, ErrFormat, ErrLooksLikeRecovery, ErrChallenge, ErrNotEnrolled,
// ErrNoKind. Those of an answer that was compared come in a *Failed, and stay counted.
// Anything else is a fault of the store or of then. A right answer that could not be spent because of one is no guess: what
// was counted of it is given back, also when then panics.
func (s *Service) Verify(ctx context.Context, subject string, answer Answer, since time.Time, then func(context.Context, Proof) error) error {
	now := s.now()
	kind, err := s.kind(answer.Kind)
	if err != nil {
		return err
	}
	q, a, err := s.counted(ctx, kind, subject, answer, since, now)
	if err != nil {
		return err
	}
	found, err := q.matched(now)
	if err != nil {
		return s.refused(ctx, a, err)
	}
	err = s.finish(ctx, a, proofOf(kind, subject, found, q.had, now), func(ctx context.Context) error {
		return s.Attempts.Spend(ctx, found.Credential.ID, found.Credential.Counter, found.Credential.Params, now)
	}, then)
	if err == errLost {
		return a.failed(&Used{Seconds: found.Again})
	}
	return err
}

// question is an answer whose form was read.
type question struct {
	all     []Credential // that it may be of
	had     []string     // the ids of these and all others of the subject
	compare Compare
}

// counted reads an answer and counts the guess that it is. The authenticators are asked for along with the count, so that most
// of the reading comes after it: what turns out to be no answer is given back.
func (s *Service) counted(ctx context.Context, kind Kind, subject string, answer Answer, since, now time.Time) (question, attempt, error) {
	state, err := s.challenge(subject, answer)
	along, found := s.Store.FactorsAlong(ctx, subject)
	if err != nil || !kind.MayAnswer(answer.Form) {
		return s.uncounted(ctx, kind, found, state, answer, err)
	}
	if err := ctx.Err(); err != nil { // nothing is counted for who has gone away by now
		return question{}, attempt{}, err
	}
	a, err := s.countSince(along, answer.Kind, subject, s.Limits.orDefault().Attempts, since, now)
	if err != nil {
		return question{}, a, err
	}
	q, err := s.read(ctx, kind, found, state, answer)
	if err != nil {
		s.refunds().Refund(ctx, a.key, a.ID)
	}
	return q, a, err
}

// uncounted says what is wrong with an answer that is none: whoever has no authenticator hears of that first.
func (s *Service) uncounted(ctx context.Context, kind Kind, found func(context.Context) (Factors, error), state []byte, answer Answer, fault error) (question, attempt, error) {
	_, err := s.read(ctx, kind, found, state, answer)
	if errors.Is(err, ErrNotEnrolled) || fault == nil && err != nil {
		return question{}, attempt{}, err
	}
	return question{}, attempt{}, cmp.Or(fault, ErrFormat)
}

// read reads the form of an answer.
func (s *Service) read(ctx context.Context, kind Kind, found func(context.Context) (Factors, error), state []byte, answer Answer) (question, error) {
	f, err := found(ctx)
	if err != nil {
		return question{}, fmt.Errorf("read factors: %w", err)
	}
	all, err := s.Keys.unsealed(f.Authenticators, answer.Kind)
	switch {
	case err != nil:
		return question{}, err
	case len(all) == 0:
		return question{}, ErrNotEnrolled
	}
	compare, err := kind.Check(all, state, answer.Form)
	return question{all, ids(f.Authenticators), compare}, err
}

// matched compares, and takes no answer for right of an authenticator that the user does not have.
func (q question) matched(now time.Time) (Match, error) {
	found, err := q.compare(now)
	if err != nil {
		return Match{}, err
	}
	if !slices.ContainsFunc(q.all, func(c Credential) bool { return c.ID == found.Credential.ID }) {
		return Match{}, fmt.Errorf("authenticator %s is not the user's", found.Credential.ID)
	}
	return found, nil
}

// errLost reports a right answer that somebody else has spent.
var errLost = errors.New("spent by another")

// finish does in one commit what follows from a right answer: it is spent, then runs, and the wrong ones of its kind are
// forgotten, and this one with them. errLost reports that it was spent before, which is the answer's own fault and stays
// counted. Whatever else goes wrong, in then too and be it a panic, is not: the guess is given back.
func (s *Service) finish(ctx context.Context, a attempt, p Proof, spend func(context.Context) error, then func(context.Context, Proof) error) error {
	counts := false
	defer func() {
		if !counts {
			s.refunds().Refund(ctx, a.key, a.ID)
		}
	}()
	p, err := s.seal(p)
	if err != nil {
		return err
	}
	lost, err := s.commit(ctx, a, p, spend, then)
	counts = err == nil || lost
	if lost {
		return errLost
	}
	return err
}

// commit is what finish does in one commit. lost reports that it failed because of spend, and not of then, whose error may
// look the same.
func (s *Service) commit(ctx context.Context, a attempt, p Proof, spend func(context.Context) error, then func(context.Context, Proof) error) (lost bool, err error) {
	var fault error // of then
	err = s.atomic(ctx, func(ctx context.Context) error {
		fault = nil // an Atomic may try again
		if err := spend(ctx); err != nil {
			return err
		}
		if fault = run(ctx, p, then); fault != nil {
			return fault
		}
		return s.resetAttempts(ctx, a, p)
	})
	return fault == nil && (errors.Is(err, ErrUsed) || errors.Is(err, ErrCode)), err
}

// run runs what a host does with a proof.
func run(ctx context.Context, p Proof, then func(context.Context, Proof) error) error {
	if then == nil {
		return nil
	}
	return then(ctx, p)
}

// credentials returns the subject's authenticators of the kind with their secrets opened. One that does not open fails them
// all: it is a key missing in the settings, or a tampered database.
func (s *Service) credentials(ctx context.Context, subject, kind string) ([]Credential, error) {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return nil, fmt.Errorf("read factors: %w", err)
	}
	all, err := s.Keys.unsealed(f.Authenticators, kind)
	if err == nil && len(all) == 0 {
		err = ErrNotEnrolled
	}
	return all, err
}

// unsealed opens the secrets of the authenticators of a kind.
func (k *Keyring) unsealed(authenticators []Authenticator, kind string) ([]Credential, error) {
	var all []Credential
	for _, a := range authenticators {
		if a.Kind != kind {
			continue
		}
		secret, err := k.Open(a.KeyID, a.Secret, SecretAAD(a))
		if err != nil {
			return nil, fmt.Errorf("authenticator %s: %w", a.ID, err)
		}
		c := a.credential()
		c.Secret = secret
		all = append(all, c)
	}
	return all, nil
}
