package dpop

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
)

// How far the clock of a client may be off.
const (
	Behind = 60 * time.Second // by its iat a proof is at most as old; its way here is in that
	Ahead  = 30 * time.Second // how far in the future iat and nbf may be, and exp in the past
)

// Once remembers which proofs were used.
type Once interface {
	// UseProof uses up the proof of that id, and keeps that until then at least. Inside an Atomic it is part of that commit.
	// ErrReplayed, and nothing of the commit, if it was used before.
	UseProof(ctx context.Context, id string, until time.Time) error
}

// Checker checks the proofs that are sent to a server. It is safe for use by any number of goroutines.
type Checker struct {
	Algorithms []string         // nil: all of Algorithms
	Nonces     *Nonces          // nil: a nonce in a proof means nothing
	NeedNonce  bool             // a proof must have a nonce of Nonces; else it may
	Once       Once             // must be set
	Now        func() time.Time // nil: time.Now
}

// Supported are the algorithms that a proof can have.
func (c *Checker) Supported() []string {
	if c.Algorithms == nil {
		return Algorithms
	}
	return c.Algorithms
}

// Check returns the proof that the request brings, or nil if it brings none. address is that of the request, as the client
// knows it, and others are more by which it may know it. The proof is not used up, and For says whether it is for the access
// token of the request. An error is an *Error.
func (c *Checker) Check(r *http.Request, address string, others ...string) (*Proof, error) {
	sent := r.Header.Values("DPoP")
	switch {
	case len(sent) == 0:
		return nil, nil
	case len(sent) > 1:
		return nil, refuse("The header DPoP was sent twice.")
	}
	p, err := Parse(sent[0], c.Supported())
	if err != nil {
		return nil, err
	}
	return p, p.check(c, r.Method, append([]string{address}, others...))
}

// Use uses the proof up. Its id is that of one key: nobody can use up the proofs of others.
func (c *Checker) Use(ctx context.Context, p *Proof) error {
	sum := sha256.Sum256([]byte(p.Thumbprint + " " + p.claims.ID))
	until := instant(*p.claims.Issued).Add(Behind + Ahead) // checked: then it is too old, also by another server's clock
	return c.Once.UseProof(ctx, base64.RawURLEncoding.EncodeToString(sum[:]), until)
}

// Nonce puts a nonce into the header of an answer, for the proof of the next request, if the server wants one in proofs, or
// err says that it does.
func (c *Checker) Nonce(h http.Header, err error) {
	if c.Nonces != nil && (c.NeedNonce || errors.Is(err, ErrNonce)) {
		h.Set("DPoP-Nonce", c.Nonces.Now(c.now()))
	}
}

func (c *Checker) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// check is RFC 9449 section 4.3, numbers 8 to 11.
func (p *Proof) check(c *Checker, method string, addresses []string) error {
	if p.claims.Method != method {
		return refuse("The htm of the DPoP proof is not the method of the request, %s.", method)
	}
	if err := p.checkAddress(addresses); err != nil {
		return err
	}
	if err := p.checkTime(c.now()); err != nil {
		return err
	}
	if c.Nonces == nil || p.claims.Nonce == "" && !c.NeedNonce || c.Nonces.good(p.claims.Nonce, c.now()) {
		return nil
	}
	return ErrNonce
}

// checkAddress refuses a proof for another address than those.
func (p *Proof) checkAddress(addresses []string) error {
	var all []string
	for _, address := range addresses {
		want, err := normal(address)
		if err != nil {
			return refuse("The DPoP proof cannot be compared with the address of this server.")
		}
		all = append(all, want)
	}
	if got, err := normal(p.claims.Address); err != nil || !slices.Contains(all, got) {
		return refuse("The htu of the DPoP proof is not the address of the request, %s.", strings.Join(all, " or "))
	}
	return nil
}

// checkTime refuses a proof that is not of now.
func (p *Proof) checkTime(now time.Time) error {
	c := p.claims
	late := func(at float64) time.Duration { return now.Sub(instant(at)).Round(time.Second) }
	switch issued := instant(*c.Issued); {
	case issued.Before(now.Add(-Behind)):
		return refuse("The iat of the DPoP proof is %s ago, and may be %s: make a proof for each request, and set the clock.", late(*c.Issued), Behind)
	case issued.After(now.Add(Ahead)):
		return refuse("The iat of the DPoP proof is %s ahead, and may be %s: set the clock.", late(*c.Issued).Abs(), Ahead)
	case c.NotBefore != nil && instant(*c.NotBefore).After(now.Add(Ahead)):
		return refuse("The nbf of the DPoP proof is %s ahead.", late(*c.NotBefore).Abs())
	case c.Expires != nil && instant(*c.Expires).Before(now.Add(-Ahead)):
		return refuse("The exp of the DPoP proof is %s ago.", late(*c.Expires))
	}
	return nil
}

// instant reads a NumericDate (RFC 7519 section 2), which may be far from any time.
func instant(seconds float64) time.Time {
	const far = 1 << 40
	return time.UnixMilli(int64(math.Max(-far, math.Min(far, seconds)) * 1000))
}
