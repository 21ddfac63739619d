package mfa

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// factorRecovery stands beside the names of Kinds.
const factorRecovery = "recovery"

// attemptKey is where guesses are counted. There is one budget for every page that takes answers of a kind of
// authenticator, another for recovery codes: whoever has the password and guesses at the one must not shut the owner out
// of the other.
func attemptKey(factor, subject string) string { return factor + ":" + subject }

// AttemptKeys are the keys under which a Service counts the guesses at the subject's factors, each once.
func (s *Service) AttemptKeys(subject string) []string {
	var keys []string
	for _, factor := range s.factors() {
		keys = append(keys, attemptKey(factor, subject))
	}
	return keys
}

// attempt is a guess that is counted, so that it may be compared.
type attempt struct {
	AttemptCount
	factor string
	key    string
	limit  Limit
	at     time.Time
}

// count counts a guess and commits the count. Nothing may be compared without it. A caller that goes away changes nothing
// about it: what was counted is compared, and the outcome is told. A guess at a set-up, whose secret the user is shown,
// may be made in any sign-in.
func (s *Service) count(ctx context.Context, factor, subject string, limit Limit, now time.Time) (attempt, error) {
	a := attempt{factor: factor, key: attemptKey(factor, subject), limit: limit, at: now}
	counted, err := s.refunds().Attempt(context.WithoutCancel(ctx), a.key, limit, now)
	return a.allowed(counted, err)
}

// countSince is count in a sign-in whose password was given at the time since.
func (s *Service) countSince(ctx context.Context, factor, subject string, limit Limit, since, now time.Time) (attempt, error) {
	a := attempt{factor: factor, key: attemptKey(factor, subject), limit: limit, at: now}
	counted, err := s.refunds().AttemptSince(context.WithoutCancel(ctx), a.key, limit, since, now)
	return a.allowed(counted, err)
}

// allowed turns a guess that was refused into an error.
func (a attempt) allowed(counted AttemptCount, err error) (attempt, error) {
	switch {
	case err != nil:
		return attempt{}, fmt.Errorf("count guess: %w", err)
	case counted.Disabled:
		return attempt{}, &Locked{Disabled: true}
	case !counted.LockedUntil.IsZero():
		return attempt{}, &Locked{Until: counted.LockedUntil}
	case !counted.Stale.IsZero():
		return attempt{}, &Stale{Unlocked: counted.Stale}
	}
	a.AttemptCount = counted
	return a, nil
}

// miss is the error for a wrong answer. The last guess of the budget began the lock.
func (a attempt) miss() error {
	if a.Left > 0 {
		return a.failed(&Wrong{Left: a.Left})
	}
	return a.failed(&Locked{Until: a.at.Add(a.limit.Lock)})
}

// failed is the error for an answer that was compared and is not accepted.
func (a attempt) failed(why error) error {
	return &Failed{Why: why, Factor: a.factor, InARow: a.InARow, Locks: a.Left <= 0, key: a.key, guess: a.ID}
}

// refused is the error for an answer that a Kind refuses. A guess that it could not compare is given back.
func (s *Service) refused(ctx context.Context, a attempt, err error) error {
	switch {
	case err == ErrCode:
		return a.miss()
	case errors.Is(err, ErrCode), errors.Is(err, ErrUsed), errors.Is(err, ErrExpired):
		return a.failed(err)
	}
	s.refunds().Refund(ctx, a.key, a.ID)
	return err
}

// NoGuess gives the guess back that err, a *Failed, tells of: it was no guess, but the same form sent twice, and the
// first was accepted. Of an authenticator that is an ErrUsed, and nothing else is given back; of a recovery code it looks
// like a wrong one, so that the caller must know. No host needs to call it: the next right answer forgets such a guess too.
func (s *Service) NoGuess(ctx context.Context, err error) {
	var f *Failed
	if errors.As(err, &f) && (f.Factor == factorRecovery || errors.Is(f.Why, ErrUsed)) {
		s.refunds().Refund(ctx, f.key, f.guess)
	}
}

// resetAttempts forgets the wrong answers of the factor that was proved, and the right one. It belongs into the commit that
// spends that one, and nothing else ever forgives: a password, or a proof of an earlier sign-in, says nothing about these. If
// another factor is switched off after too many in a row, it is taken again; its window and its lock stay as they are.
//
// If the right answer was the last that the budget allowed, it is taken back first, and with it the lock that it began: that was
// none, and ends nobody's sign-in.
func (s *Service) resetAttempts(ctx context.Context, a attempt, p Proof) error {
	limits := s.Limits.orDefault()
	var others []Budget
	for _, factor := range s.factors() {
		if limit := limits.of(factor); factor != p.kind && limit.InARow > 0 {
			others = append(others, Budget{attemptKey(factor, p.subject), limit})
		}
	}
	if a.Left <= 0 {
		if err := s.Attempts.RefundAttempt(ctx, a.key, a.ID); err != nil {
			return err
		}
	}
	return s.Attempts.ResetAttempts(ctx, a.key, s.now(), others...)
}

// refunds gives back what could not be finished.
func (s *Service) refunds() *Refunds {
	if s.Refunds != nil {
		return s.Refunds
	}
	s.owe.Do(func() { s.owed = Refunds{Attempts: counter{s}, Now: s.now} })
	return &s.owed
}

// counter is the Attempts of a Service, whichever those are by then.
type counter struct{ s *Service }

func (c counter) Attempt(ctx context.Context, key string, limit Limit, now time.Time) (AttemptCount, error) {
	return c.s.Attempts.Attempt(ctx, key, limit, now)
}

func (c counter) AttemptSince(ctx context.Context, key string, limit Limit, since, now time.Time) (AttemptCount, error) {
	return c.s.Attempts.AttemptSince(ctx, key, limit, since, now)
}

func (c counter) AttemptAll(ctx context.Context, budgets []Budget, now time.Time) ([]AttemptCount, error) {
	return c.s.Attempts.AttemptAll(ctx, budgets, now)
}

func (c counter) RefundAll(ctx context.Context, keys []string, id string) error {
	return c.s.Attempts.RefundAll(ctx, keys, id)
}

func (c counter) RefundAttempt(ctx context.Context, key, id string) error {
	return c.s.Attempts.RefundAttempt(ctx, key, id)
}
