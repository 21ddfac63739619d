package mfa

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Verify checks a one-time code as the user typed it. When it is right, the step is spent, then is run, and the wrong
// one-time codes of the subject are forgotten, in one commit. since is when the password of this sign-in was given: after
// a lock each sign-in begins at the password again, so that half a sign-in does not guess on.
//
// The commit may fail after then has run, because the same code won in another process. So then
// must change nothing but what it writes through its context: a value in memory that it added
// the proof to is void when Verify returns an error, and must not be saved later.
//
// Outcomes: *Wrong, ErrExpired, *Used, *Locked, *Stale, ErrFormat, ErrLooksLikeRecovery, ErrNotEnrolled. Those of a code
// that was compared come in a *Failed.
// Anything else is a fault of the store or of then. A right code that could not be spent because of one is no guess: what
// was counted of it is given back.
func (s *Service) Verify(ctx context.Context, subject, code string, since time.Time, then func(context.Context, Proof) error) error {
	now, limit := s.now(), s.Limits.orDefault().TOTP
	devices, err := s.devices(ctx, subject)
	if err != nil {
		return err
	}
	typed, err := parseCode(code, lengths(devices))
	if err != nil {
		return err
	}
	tally, err := s.guessSince(ctx, totpKey(subject), limit, since, now)
	if err != nil {
		return err
	}
	found, err := search(devices, typed, now, hint, drift)
	if err != nil {
		s.unfinished(ctx, totpKey(subject), tally, err, nil)
		return err
	}
	switch found.verdict {
	case right:
		return s.spend(ctx, found, tally, Proof{subject, MethodTOTP, now, found.offset}, then)
	case used:
		return failed(&Used{Seconds: found.device.wait(found.step, now)}, tally)
	case expired:
		return failed(ErrExpired, tally)
	}
	return miss(tally, limit, now)
}

func (s *Service) spend(ctx context.Context, found match, tally AttemptCount, p Proof, then func(context.Context, Proof) error) error {
	err := s.atomic(ctx, func(ctx context.Context) error {
		if err := s.Attempts.Spend(ctx, found.device.id, found.step, p.time); err != nil {
			return err
		}
		if then != nil {
			if err := then(ctx, p); err != nil {
				return err
			}
		}
		return s.forgive(ctx, p)
	})
	s.unfinished(ctx, totpKey(p.subject), tally, err, ErrUsed)
	if errors.Is(err, ErrUsed) {
		return failed(&Used{Seconds: found.device.wait(found.step, p.time)}, tally)
	}
	return err
}

// devices returns the subject's authenticators with their secrets opened. One that does not
// open fails them all: it is a key missing in the settings, or a tampered database.
func (s *Service) devices(ctx context.Context, subject string) ([]device, error) {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return nil, fmt.Errorf("read factors: %w", err)
	}
	if len(f.Authenticators) == 0 {
		return nil, ErrNotEnrolled
	}
	var devices []device
	for _, a := range f.Authenticators {
		secret, err := s.Keys.Open(a.KeyID, a.Secret, secretAAD(subject, a.ID))
		if err != nil {
			return nil, fmt.Errorf("authenticator %s: %w", a.ID, err)
		}
		devices = append(devices, device{a.ID, secret, a.Kind(), a.LastStep})
	}
	return devices, nil
}

func lengths(devices []device) []int {
	var all []int
	for _, d := range devices {
		if !slices.Contains(all, d.kind.Digits) {
			all = append(all, d.kind.Digits)
		}
	}
	slices.Sort(all)
	return all
}
