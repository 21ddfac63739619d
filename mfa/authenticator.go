package mfa

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"
)

// Rename gives an authenticator another name and runs then, with both names, in the same commit. Nothing happens if it
// has that name already.
//
// Outcomes: ErrNameEmpty, ErrNameLong, ErrNameTaken, ErrNotEnrolled, ErrChanged.
func (s *Service) Rename(ctx context.Context, subject, id, name string, then func(ctx context.Context, from, to string) error) error {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return fmt.Errorf("read factors: %w", err)
	}
	i := slices.IndexFunc(f.Authenticators, func(a Authenticator) bool { return a.ID == id })
	if i < 0 {
		return ErrNotEnrolled
	}
	from := f.Authenticators[i].Name
	to, err := newName(slices.Delete(slices.Clone(f.Authenticators), i, i+1), name, "")
	switch {
	case err != nil:
		return err
	case to == "":
		return ErrNameEmpty
	case to == from:
		return nil
	}
	return s.atomic(ctx, func(ctx context.Context) error {
		if err := s.Store.Rename(ctx, subject, id, f.Generation, to); err != nil || then == nil {
			return err
		}
		return then(ctx, from, to)
	})
}

// Portable is an authenticator with its secret in the open, on its way in or out. It prints as its Kind alone.
type Portable struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Secret string `json:"secret"` // in base32
	Kind
	LastStep int64     `json:"last_step"` // the last that was accepted
	Created  time.Time `json:"created"`
}

// Export returns the subject's authenticators with their secrets. Recovery codes are not among them: one that was
// used after the export would come to life again with it.
func (s *Service) Export(ctx context.Context, subject string) ([]Portable, error) {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return nil, fmt.Errorf("read factors: %w", err)
	}
	var all []Portable
	for _, a := range f.Authenticators {
		secret, err := s.Keys.Open(a.KeyID, a.Secret, SecretAAD(a))
		if err != nil {
			return nil, fmt.Errorf("authenticator %s: %w", a.ID, err)
		}
		all = append(all, Portable{a.ID, a.Name, base32NoPad.EncodeToString(secret), a.Kind(), a.LastStep, a.Created.UTC()})
	}
	return all, nil
}

// Import makes authenticators live that were confirmed elsewhere, all of them or none, and runs then in the same
// commit, with the names of those that were not there yet. One that has no ID is new.
//
// Outcomes: ErrNameTaken, ErrNameLong, ErrSecretTaken, ErrTooMany, ErrChanged.
func (s *Service) Import(ctx context.Context, subject string, all []Portable, then func(ctx context.Context, names []string) error) error {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return fmt.Errorf("read factors: %w", err)
	}
	have, names := f.Authenticators, []string(nil)
	var fresh []Authenticator
	secrets, err := s.secrets(f.Authenticators)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.ID != "" && slices.ContainsFunc(have, func(a Authenticator) bool { return a.ID == p.ID }) {
			continue
		}
		secret, err := p.secret()
		if err != nil {
			return err
		}
		if secrets[string(secret)] { // its codes would be accepted twice, once for each
			return fmt.Errorf("authenticator %q: %w", p.Name, ErrSecretTaken)
		}
		secrets[string(secret)] = true
		a, err := s.imported(subject, p, secret, have)
		if err != nil {
			return err
		}
		have, fresh, names = append(have, a), append(fresh, a), append(names, a.Name)
	}
	if len(have) > s.Limits.orDefault().Authenticators {
		return ErrTooMany
	}
	return s.atomic(ctx, func(ctx context.Context) error {
		for i, a := range fresh {
			if err := s.Store.Add(ctx, f.Generation+int64(i), a); err != nil {
				return err
			}
		}
		if then == nil || len(fresh) == 0 {
			return nil
		}
		return then(ctx, names)
	})
}

// secrets are those of the authenticators.
func (s *Service) secrets(all []Authenticator) (map[string]bool, error) {
	found := map[string]bool{}
	for _, a := range all {
		secret, err := s.Keys.Open(a.KeyID, a.Secret, SecretAAD(a))
		if err != nil {
			return nil, fmt.Errorf("authenticator %s: %w", a.ID, err)
		}
		found[string(secret)] = true
	}
	return found, nil
}

// secret checks what the authenticator makes its codes of, and returns the key.
func (p Portable) secret() ([]byte, error) {
	if err := p.Check(); err != nil {
		return nil, fmt.Errorf("authenticator %q: %w", p.Name, err)
	}
	secret, err := base32NoPad.DecodeString(p.Secret)
	if err != nil || len(secret) < shortSecret {
		return nil, fmt.Errorf("authenticator %q: the secret is not base32, or too short", p.Name)
	}
	return secret, nil
}

// imported names and seals one authenticator.
func (s *Service) imported(subject string, p Portable, secret []byte, have []Authenticator) (Authenticator, error) {
	name, err := newName(have, p.Name, suggest(Factors{Authenticators: have}))
	if err != nil {
		return Authenticator{}, fmt.Errorf("authenticator %q: %w", p.Name, err)
	}
	a := Authenticator{
		ID: p.ID, Subject: subject, Name: name, Algorithm: p.Algorithm, Digits: p.Digits, Period: p.Period,
		LastStep: -1, Created: p.Created,
	}
	if a.Created.IsZero() {
		a.Created = s.now()
	}
	if a.ID == "" {
		a.ID = rand.Text()
	} else { // it was in use here: what may have been accepted since the export is not accepted again
		a.LastStep = max(p.LastStep, device{kind: p.Kind}.step(s.now())+drift)
	}
	a.KeyID, a.Secret, err = s.Keys.Seal(secret, SecretAAD(a))
	return a, err
}
