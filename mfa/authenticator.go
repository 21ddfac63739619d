package mfa

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
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

// Export returns the subject's authenticators of the kind with their secrets in the open, to an operator.
func (s *Service) Export(ctx context.Context, subject, kind string) ([]Credential, error) {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return nil, fmt.Errorf("read factors: %w", err)
	}
	return s.Keys.unsealed(f.Authenticators, kind)
}

// Import makes authenticators live that were confirmed elsewhere, all of them or none, for an operator who vouches for the
// user: nobody proves anything here. It runs then in the same commit, with the names of those that were not there yet. One
// that has no ID is new; of one that has an ID, answers may have been accepted here since it was exported, so that the
// caller sets its Counter beyond all of those.
//
// Outcomes: ErrNameTaken, ErrNameLong, ErrSecretTaken, ErrTooMany, ErrChanged, ErrNoKind.
func (s *Service) Import(ctx context.Context, subject string, all []Credential, then func(ctx context.Context, names []string) error) error {
	f, err := s.Store.Factors(ctx, subject)
	if err != nil {
		return fmt.Errorf("read factors: %w", err)
	}
	fresh, err := s.imported(subject, f.Authenticators, all)
	if err != nil {
		return err
	}
	if len(f.Authenticators)+len(fresh) > s.Limits.orDefault().Authenticators {
		return ErrTooMany
	}
	return s.atomic(ctx, func(ctx context.Context) error {
		var names []string
		for i, a := range fresh {
			names = append(names, a.Name)
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

// imported names and seals those of all that are not among have.
func (s *Service) imported(subject string, have []Authenticator, all []Credential) ([]Authenticator, error) {
	secrets, err := s.Keys.secrets(have)
	if err != nil {
		return nil, err
	}
	old := len(have)
	have = slices.Clone(have)
	for _, c := range all {
		if c.ID != "" && slices.ContainsFunc(have, func(a Authenticator) bool { return a.ID == c.ID }) {
			continue
		}
		if secrets[secretOf(c)] { // its answers would be accepted twice, once for each
			return nil, fmt.Errorf("authenticator %q: %w", c.Name, ErrSecretTaken)
		}
		secrets[secretOf(c)] = true
		a, err := s.importOne(subject, c, have)
		if err != nil {
			return nil, fmt.Errorf("authenticator %q: %w", c.Name, err)
		}
		have = append(have, a)
	}
	return have[old:], nil
}

// secretOf tells the secrets of authenticators apart.
func secretOf(c Credential) string { return c.Kind + ":" + string(c.Secret) }

// secrets are those of the authenticators.
func (k *Keyring) secrets(all []Authenticator) (map[string]bool, error) {
	found := map[string]bool{}
	for _, a := range all {
		secret, err := k.Open(a.KeyID, a.Secret, SecretAAD(a))
		if err != nil {
			return nil, fmt.Errorf("authenticator %s: %w", a.ID, err)
		}
		found[secretOf(Credential{Kind: a.Kind, Secret: secret})] = true
	}
	return found, nil
}

// importOne names and seals one authenticator.
func (s *Service) importOne(subject string, c Credential, have []Authenticator) (Authenticator, error) {
	kind, err := s.kind(c.Kind)
	if err != nil {
		return Authenticator{}, err
	}
	if c.Name, err = newName(have, c.Name, suggest(have, kind.Names().Label)); err != nil {
		return Authenticator{}, err
	}
	if c.Created.IsZero() {
		c.Created = s.now()
	}
	if c.ID == "" {
		c.ID = rand.Text()
	}
	return s.Keys.Sealed(subject, c)
}

// Sealed is the authenticator as a Store keeps it.
func (k *Keyring) Sealed(subject string, c Credential) (Authenticator, error) {
	a := Authenticator{
		ID: c.ID, Subject: subject, Kind: c.Kind, Name: c.Name, Params: c.Params, Counter: c.Counter, Created: c.Created,
	}
	var err error
	if a.KeyID, a.Secret, err = k.Seal(c.Secret, SecretAAD(a)); err != nil {
		return Authenticator{}, fmt.Errorf("seal secret: %w", err)
	}
	return a, nil
}
