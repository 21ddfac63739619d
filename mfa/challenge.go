package mfa

import (
	"bytes"
	"context"
	"fmt"
)

// Challenge begins a proof with one of the subject's authenticators of the kind. view is what the page shows. The caller
// keeps state with the owner, a sign-in say, until the answer, and gives it to Verify: it is sealed, and good for this
// subject and owner alone. A kind whose answers need no challenge, like one-time codes, has none: state is nil.
//
// A state is not spent. Whoever takes the answer to a challenge for good lets the owner's state go in the same commit.
//
// Outcomes: ErrNoKind, ErrNotEnrolled.
func (s *Service) Challenge(ctx context.Context, subject, owner, kind string) (state []byte, view any, err error) {
	k, err := s.kind(kind)
	if err != nil {
		return nil, nil, err
	}
	all, err := s.credentials(ctx, subject, kind)
	if err != nil {
		return nil, nil, err
	}
	plain, view, err := k.Challenge(all)
	if err != nil || plain == nil {
		return nil, view, err
	}
	keyID, sealed, err := s.Keys.Seal(plain, challengeAAD(kind, subject, owner))
	if err != nil {
		return nil, nil, fmt.Errorf("seal challenge: %w", err)
	}
	return append([]byte(keyID+":"), sealed...), view, nil
}

// ChallengeOpen is Challenge for an Open kind, of whose authenticators all tells what KindsOf has returned. ok is false for
// any other kind, or if none is of the kind.
func (s *Service) ChallengeOpen(kind string, all []KindParams) (view any, ok bool, err error) {
	k, err := s.kind(kind)
	if err != nil || !k.Names().Open {
		return nil, false, err
	}
	var credentials []Credential
	for _, p := range all {
		if p.Kind == kind {
			credentials = append(credentials, Credential{Kind: kind, Params: p.Params})
		}
	}
	if len(credentials) == 0 {
		return nil, false, nil
	}
	_, view, err = k.Challenge(credentials)
	return view, err == nil, err
}

// challenge opens what Challenge has sealed. ErrChallenge if it was made for somebody else, or altered.
func (s *Service) challenge(subject string, a Answer) ([]byte, error) {
	if a.State == nil {
		return nil, nil
	}
	keyID, sealed, _ := bytes.Cut(a.State, []byte(":"))
	plain, err := s.Keys.Open(string(keyID), sealed, challengeAAD(a.Kind, subject, a.Owner))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrChallenge, err)
	}
	return plain, nil
}
