package mfa

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// PendingView is what the set-up pages show.
type PendingView struct {
	Kind      string   // empty if only recovery codes are replaced
	Offer     any      // what the Kind shows, e.g. a totp.Offer; nil if only recovery codes are replaced
	Codes     []string // as they are shown; empty until an answer is confirmed, or if the old set stays
	Name      string   // the name given, or one to suggest
	First     bool     // it would turn two-step verification on
	CodesOnly bool     // a new set of recovery codes, no authenticator
	Confirmed bool
	Created   time.Time
	Expires   time.Time
}

// content is the sealed part of a Setup. The codes are there from the start and shown once an
// answer is confirmed: two tabs that confirm at once show the same ones.
type content struct {
	Draft  Credential `json:"draft,omitzero"` // once confirmed, what the authenticator will be
	Codes  []string   `json:"codes,omitempty"`
	First  bool       `json:"first,omitempty"`
	Had    []string   `json:"had,omitempty"`   // the ids of the authenticators when it began
	AMR    []string   `json:"amr,omitempty"`   // of the right answer
	Proved time.Time  `json:"proved,omitzero"` // when it was given
}

// Pending returns the set-up under way, or ErrNoSetup, or ErrSetupExpired.
func (s *Service) Pending(ctx context.Context, owner, subject string) (PendingView, error) {
	setup, c, err := s.pending(ctx, owner, subject)
	if err != nil {
		return PendingView{}, err
	}
	return s.view(setup, c)
}

// pending returns the owner's set-up, opened. One that was begun for another subject is none.
func (s *Service) pending(ctx context.Context, owner, subject string) (Setup, content, error) {
	setup, err := s.Setups.Setup(ctx, owner)
	switch {
	case err != nil:
		return Setup{}, content{}, err
	case setup.Subject != subject:
		return Setup{}, content{}, ErrNoSetup
	case !s.now().Before(setup.Expires):
		return Setup{}, content{}, ErrSetupExpired
	}
	plain, err := s.Keys.Open(setup.KeyID, setup.Sealed, SetupAAD(setup))
	if err != nil {
		return Setup{}, content{}, fmt.Errorf("set-up of %s: %w", subject, err)
	}
	var c content
	if err := json.Unmarshal(plain, &c); err != nil {
		return Setup{}, content{}, fmt.Errorf("set-up of %s: %w", subject, err)
	}
	return setup, c, nil
}

func (s *Service) saveSetup(ctx context.Context, save func(context.Context, Setup) error, setup Setup, c content) error {
	plain, err := json.Marshal(c)
	if err != nil {
		return err
	}
	setup.KeyID, setup.Sealed, err = s.Keys.Seal(plain, SetupAAD(setup))
	if err != nil {
		return fmt.Errorf("seal set-up: %w", err)
	}
	return save(ctx, setup)
}

func (s *Service) view(setup Setup, c content) (PendingView, error) {
	v := PendingView{
		Kind: setup.Kind, Name: setup.Name, First: c.First, CodesOnly: setup.ID == "",
		Confirmed: setup.Confirmed, Created: setup.Created, Expires: setup.Expires,
	}
	if !v.CodesOnly {
		kind, err := s.kind(setup.Kind)
		if err != nil {
			return PendingView{}, err
		}
		if v.Offer, err = kind.Offer(c.Draft); err != nil {
			return PendingView{}, err
		}
	}
	if setup.Confirmed {
		for _, code := range c.Codes {
			v.Codes = append(v.Codes, groups(code))
		}
	}
	return v, nil
}
