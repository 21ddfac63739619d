package totp

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"vestibule/mfa"
)

// Portable is an authenticator app with its secret in the open, on its way in or out. It prints as its Params alone.
type Portable struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Secret string `json:"secret"` // in base32
	Params
	LastStep int64     `json:"last_step"` // the last that was accepted
	Created  time.Time `json:"created"`
}

// Export returns the subject's authenticator apps with their secrets. Recovery codes are not among them: one that was
// used after the export would come to life again with it.
func Export(ctx context.Context, s *mfa.Service, subject string) ([]Portable, error) {
	credentials, err := s.Export(ctx, subject, Name)
	if err != nil {
		return nil, err
	}
	devices, err := devicesOf(credentials)
	if err != nil {
		return nil, err
	}
	var all []Portable
	for _, d := range devices {
		all = append(all, Portable{d.ID, d.Name, base32NoPad.EncodeToString(d.Secret), d.params, d.Counter, d.Created.UTC()})
	}
	return all, nil
}

// Import makes authenticator apps live that were confirmed elsewhere: see mfa.Service.Import. One that has no ID is new.
func Import(ctx context.Context, s *mfa.Service, subject string, all []Portable, then func(ctx context.Context, names []string) error) error {
	now := time.Now()
	if s.Now != nil {
		now = s.Now()
	}
	credentials := make([]mfa.Credential, len(all))
	for i, p := range all {
		var err error
		if credentials[i], err = p.credential(now); err != nil {
			return err
		}
	}
	return s.Import(ctx, subject, credentials, then)
}

// credential checks what the authenticator makes its codes of. One that has an ID was in use here: what may have been
// accepted since the export is not accepted again.
func (p Portable) credential(now time.Time) (mfa.Credential, error) {
	if err := p.Check(); err != nil {
		return mfa.Credential{}, fmt.Errorf("authenticator %q: %w", p.Name, err)
	}
	secret, err := base32NoPad.DecodeString(p.Secret)
	if err != nil || len(secret) < shortSecret {
		return mfa.Credential{}, fmt.Errorf("authenticator %q: the secret is not base32, or too short", p.Name)
	}
	c := mfa.Credential{ID: p.ID, Kind: Name, Name: p.Name, Secret: secret, Params: p.encode(), Counter: -1, Created: p.Created}
	if p.ID != "" {
		c.Counter = max(p.LastStep, device{params: p.Params}.step(now)+drift)
	}
	return c, nil
}

// Sealed is the authenticator app as a store keeps it for a subject who has no other. It is not live: whoever adds it vouches
// for the user, as with Import.
func Sealed(keys *mfa.Keyring, subject string, p Portable, now time.Time) (mfa.Authenticator, error) {
	c, err := p.credential(now)
	if err != nil {
		return mfa.Authenticator{}, err
	}
	if c.Created.IsZero() {
		c.Created = now
	}
	if c.ID == "" {
		c.ID = rand.Text()
	}
	return keys.Sealed(subject, c)
}

// Code is the code that the app shows at a time.
func (p Portable) Code(at time.Time) (string, error) {
	secret, err := base32NoPad.DecodeString(p.Secret)
	if err != nil {
		return "", fmt.Errorf("authenticator %q: the secret is not base32", p.Name)
	}
	d := device{mfa.Credential{ID: p.ID, Secret: secret}, p.Params}
	return d.code(d.step(at))
}
