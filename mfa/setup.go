package mfa

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
)

// Begin starts to set up an authenticator of the kind, or goes on where the owner, a session or a sign-in,
// left off: a refresh or a second tab gets the same key. ErrTooMany if the subject has no room.
func (s *Service) Begin(ctx context.Context, subject, owner, kind string) (PendingView, error) {
	f, err := s.room(ctx, subject)
	if err != nil {
		return PendingView{}, err
	}
	setup, c, err := s.newSetup(f, subject, owner, kind, nil)
	if err != nil {
		return PendingView{}, err
	}
	return s.resume(ctx, f, setup, c)
}

// Choose is Begin for an authenticator with other settings. It puts a new one in the place of the one that the owner has
// under way, unless that is of the same kind and has these settings, or an answer of it was given already. ErrChoice if
// the settings may not be had.
func (s *Service) Choose(ctx context.Context, subject, owner, kind string, chosen url.Values) (PendingView, error) {
	_, wanted, err := s.newSetup(Factors{}, subject, owner, kind, chosen)
	if err != nil {
		return PendingView{}, err
	}
	old, oldContent, err := s.pending(ctx, owner, subject)
	same := old.Kind == kind && oldContent.Draft.Params == wanted.Draft.Params
	switch {
	case err == nil && (old.Confirmed || same):
		return s.view(old, oldContent)
	case err != nil && !errors.Is(err, ErrNoSetup) && !errors.Is(err, ErrSetupExpired):
		return PendingView{}, err
	}
	f, err := s.room(ctx, subject)
	if err != nil {
		return PendingView{}, err
	}
	setup, c, err := s.newSetup(f, subject, owner, kind, chosen)
	if err != nil {
		return PendingView{}, err
	}
	return s.start(ctx, f, setup, c)
}

// room returns the factors of a subject who may have one more.
func (s *Service) room(ctx context.Context, subject string) (Factors, error) {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return Factors{}, fmt.Errorf("read factors: %w", err)
	}
	if len(f.Authenticators) >= s.Limits.orDefault().Authenticators {
		return Factors{}, ErrTooMany
	}
	return f, nil
}

// newSetup begins an authenticator.
func (s *Service) newSetup(f Factors, subject, owner, kind string, chosen url.Values) (Setup, content, error) {
	k, err := s.kind(kind)
	if err != nil {
		return Setup{}, content{}, err
	}
	user := User{Subject: subject}
	for _, a := range f.Authenticators {
		if a.Kind == kind {
			user.Others = append(user.Others, a.credential())
		}
	}
	c := content{First: len(f.Authenticators) == 0}
	if c.Draft, err = k.Enrol(user, chosen); err != nil {
		return Setup{}, content{}, err
	}
	if f.Recovery == nil {
		c.Codes = newCodes()
	}
	return Setup{Owner: owner, Subject: subject, ID: rand.Text(), Kind: kind, Name: suggest(f.Authenticators, k.Names().Label)}, c, nil
}

// BeginCodes starts to replace the recovery codes, or goes on with it. There is no answer to
// confirm: Activate is next. ErrNotEnrolled if the subject has no authenticator.
func (s *Service) BeginCodes(ctx context.Context, subject, owner string) (PendingView, error) {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return PendingView{}, fmt.Errorf("read factors: %w", err)
	}
	if len(f.Authenticators) == 0 {
		return PendingView{}, ErrNotEnrolled
	}
	return s.resume(ctx, f, Setup{Owner: owner, Subject: subject, Confirmed: true}, content{Codes: newCodes()})
}

// resume returns the set-up that the owner has under way if it is of the same kind and can still
// end well; else it saves the new one.
func (s *Service) resume(ctx context.Context, f Factors, fresh Setup, c content) (PendingView, error) {
	old, oldContent, err := s.pending(ctx, fresh.Owner, fresh.Subject)
	if err == nil && old.Basis == f.Generation && old.Kind == fresh.Kind {
		return s.view(old, oldContent)
	}
	if err != nil && !errors.Is(err, ErrNoSetup) && !errors.Is(err, ErrSetupExpired) {
		return PendingView{}, err
	}
	return s.start(ctx, f, fresh, c)
}

// start saves a new set-up in the place of any that the owner has under way.
func (s *Service) start(ctx context.Context, f Factors, fresh Setup, c content) (PendingView, error) {
	fresh.Basis = f.Generation
	fresh.Created = s.now()
	fresh.Expires = fresh.Created.Add(s.Limits.orDefault().Setup)
	if err := s.saveSetup(ctx, s.Setups.SaveSetup, fresh, c); err != nil {
		return PendingView{}, err
	}
	return s.view(fresh, c)
}

// Confirm checks the first answer of the new authenticator and names it; an empty name stands for
// the suggested one. A wrong answer is counted like any other, and what is set up stays as it is. A
// set-up that is confirmed already stays as it is too.
//
// Outcomes: *Wrong, *Locked, ErrFormat, ErrLooksLikeRecovery, what the Kind says more precisely, ErrNameTaken,
// ErrNameLong, ErrTooMany, ErrNoSetup, ErrSetupExpired, ErrChanged.
func (s *Service) Confirm(ctx context.Context, subject, owner string, answer url.Values, name string) error {
	setup, c, err := s.pending(ctx, owner, subject)
	if err != nil || setup.Confirmed {
		return err
	}
	if setup.Name, err = s.name(ctx, setup, name); err != nil {
		return err
	}
	found, a, err := s.first(ctx, setup, c.Draft, answer)
	if err != nil {
		return err
	}
	setup.Confirmed, c.Draft, c.AMR, c.Proved = true, found.Credential, found.AMR, a.at
	err = s.atomic(ctx, func(ctx context.Context) error {
		if err := s.saveSetup(ctx, s.Setups.ConfirmSetup, setup, c); err != nil {
			return err
		}
		return s.Attempts.RefundAttempt(ctx, a.key, a.ID) // whoever sets up has the secret: nobody has guessed
	})
	s.unfinished(ctx, a, err, nil)
	return err
}

// first checks the first answer of an authenticator.
func (s *Service) first(ctx context.Context, setup Setup, draft Credential, answer url.Values) (Match, attempt, error) {
	kind, err := s.kind(setup.Kind)
	if err != nil {
		return Match{}, attempt{}, err
	}
	compare, err := kind.Confirm(draft, answer)
	if err != nil {
		return Match{}, attempt{}, err
	}
	a, err := s.count(ctx, setup.Kind, setup.Subject, s.Limits.orDefault().Attempts, s.now())
	if err != nil {
		return Match{}, attempt{}, err
	}
	found, err := compare(a.at)
	if err != nil {
		return Match{}, a, s.refused(ctx, a, err)
	}
	return found, a, nil
}

// Activate makes the confirmed set-up live and runs then in the same commit: the user has seen
// the recovery codes and says that they are saved. The proof is that of the answer given to
// Confirm, for which wrong answers of the kind are forgotten, or proves nothing if only recovery codes were replaced. What
// Verify says about then holds here.
//
// Outcomes: ErrNoSetup, ErrSetupExpired, ErrNotConfirmed, ErrChanged, ErrBusy.
func (s *Service) Activate(ctx context.Context, subject, owner string, then func(context.Context, Proof) error) error {
	setup, c, err := s.pending(ctx, owner, subject)
	if err != nil {
		return err
	}
	if !setup.Confirmed {
		return ErrNotConfirmed
	}
	a, p, err := s.authenticator(setup, c)
	if err != nil {
		return err
	}
	var set *RecoverySet
	if len(c.Codes) > 0 {
		if set, err = s.recovery(ctx, subject, c.Codes, s.now()); err != nil {
			return err
		}
	}
	return s.atomic(ctx, func(ctx context.Context) error {
		if err := s.Store.Activate(ctx, subject, owner, setup.Basis, a, set); err != nil {
			return err
		}
		if then != nil {
			if err := then(ctx, p); err != nil {
				return err
			}
		}
		if p.kind == "" {
			return nil
		}
		return s.Attempts.ResetAttempts(ctx, attemptKey(p.kind, subject), s.now())
	})
}

// authenticator returns what the set-up makes, sealed for good, and its proof.
func (s *Service) authenticator(setup Setup, c content) (*Authenticator, Proof, error) {
	if setup.ID == "" {
		return nil, Proof{}, nil
	}
	kind, err := s.kind(setup.Kind)
	if err != nil {
		return nil, Proof{}, err
	}
	made := c.Draft
	made.ID, made.Kind, made.Name, made.Created = setup.ID, setup.Kind, setup.Name, s.now()
	a, err := s.sealed(setup.Subject, made)
	if err != nil {
		return nil, Proof{}, err
	}
	return &a, Proof{subject: setup.Subject, kind: setup.Kind, method: kind.Names().Method, amr: c.AMR, time: c.Proved, phishingResistant: kind.Names().PhishingResistant}, nil
}

// Cancel forgets the owner's set-up. Nothing else changes.
func (s *Service) Cancel(ctx context.Context, owner string) error {
	return s.Setups.DeleteSetup(ctx, owner)
}
