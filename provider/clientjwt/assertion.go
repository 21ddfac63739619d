package clientjwt

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"vestibule/provider/keyset"
)

// AssertionType is the client_assertion_type of a JWT (RFC 7523 section 2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// maxLife is how far ahead an assertion may expire.
const maxLife = 5 * time.Minute

// maxJTI is how many bytes a jti may have.
const maxJTI = 1024

// Store remembers assertions that were used.
type Store interface {
	// SpendAssertion notes that the client has used the id, which is remembered until that time, or fails with
	// store.ErrConflict if it had before. It is one statement, atomic over any number of processes.
	SpendAssertion(ctx context.Context, client, id string, until time.Time) error
}

// Assertion is what a client says of itself.
type Assertion struct {
	*keyset.Token
	Client string // who it says it is
	claims claimSet
}

// ReadAssertion reads an assertion, and believes nothing of it but who it is to be of.
func ReadAssertion(raw string) (*Assertion, error) {
	token, err := keyset.ParseToken(raw)
	if err != nil {
		return nil, err
	}
	if !typed(token, "", "jwt", "client-authentication+jwt") {
		return nil, errors.New("its typ is that of another kind of JWT")
	}
	a := &Assertion{Token: token}
	if a.claims, err = readClaims(token); err != nil {
		return nil, err
	}
	issuer, err := a.claims.text("iss")
	if err != nil {
		return nil, err
	}
	if a.Client, err = a.claims.text("sub"); err != nil {
		return nil, err
	}
	if issuer == "" || issuer != a.Client {
		return nil, errors.New("iss and sub must both be the client_id")
	}
	return a, nil
}

// Audience is whom an assertion may be for.
type Audience struct {
	Issuer     string
	Endpoints  []string // the token endpoint, and the one that was called
	IssuerOnly bool     // aud must be the Issuer, as a single string (FAPI 2.0 Security Profile section 5.3.2.1)
}

// Used is an assertion that was checked, to be spent.
type Used struct {
	ID    string    // stands for the jti, and is short
	Until time.Time // when nobody would take it any more
}

// Check checks all but the signature.
func (a *Assertion) Check(to Audience, now time.Time) (Used, error) {
	if err := to.check(a.claims); err != nil {
		return Used{}, err
	}
	expires, err := a.claims.checkTimes(now)
	switch {
	case err != nil:
		return Used{}, err
	case expires.IsZero():
		return Used{}, errors.New("exp is missing")
	case expires.After(now.Add(maxLife + leeway)):
		return Used{}, fmt.Errorf("exp is more than %d minutes ahead", maxLife/time.Minute)
	}
	id, err := a.claims.text("jti")
	switch {
	case err != nil:
		return Used{}, err
	case id == "" || len(id) > maxJTI:
		return Used{}, fmt.Errorf("jti must be there, with %d bytes at most", maxJTI)
	}
	sum := sha256.Sum256([]byte(id))
	return Used{base64.RawURLEncoding.EncodeToString(sum[:]), expires.Add(leeway)}, nil
}

// check wants an audience that is nobody else: an assertion for another server too could be used here by that one.
func (to Audience) check(claims claimSet) error {
	all, single, err := claims.audience()
	switch {
	case err != nil:
		return err
	case len(all) == 0:
		return errors.New("aud is missing")
	case to.IssuerOnly && (!single || all[0] != to.Issuer):
		return fmt.Errorf("aud must be %s, as a single string", to.Issuer)
	}
	for _, one := range all {
		if one != to.Issuer && !slices.Contains(to.Endpoints, one) {
			return fmt.Errorf("aud must be %s or the address of the endpoint, and nobody else", to.Issuer)
		}
	}
	return nil
}
