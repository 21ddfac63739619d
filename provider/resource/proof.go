package resource

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vestibule/provider/dpop"
)

// checkOwnAddress says what is wrong with Config.Address.
func checkOwnAddress(address string) error {
	u, err := url.Parse(address)
	switch {
	case address == "":
		return nil
	case err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return fmt.Errorf("the address %q of the API is not one of https; write it like https://api.example.com", address)
	case strings.ContainsAny(address, "?#") || strings.HasSuffix(address, "/"):
		return fmt.Errorf("the address %s of the API has a query, a fragment or a slash at its end; leave that out", address)
	}
	return nil
}

func withDefaults(c dpop.Checker, now func() time.Time) *dpop.Checker {
	if c.Now == nil {
		c.Now = now
	}
	if c.Once == nil {
		c.Once = &dpop.Memory{Now: c.Now}
	}
	return &c
}

// proof returns the proof that comes with the access token, and puts the nonce for the next one into the answer.
func (g *Guard) proof(w http.ResponseWriter, r *http.Request, access string) (*dpop.Proof, error) {
	proof, err := g.proofs.Check(r, g.address+pathOf(r))
	g.proofs.Nonce(w.Header(), err)
	switch {
	case err != nil:
		return nil, err
	case proof == nil:
		return nil, dpop.ErrMissing
	}
	return proof, proof.For(access)
}

// pathOf is the path that the request was sent to, before http.StripPrefix or the like has taken away a part of it.
func pathOf(r *http.Request) string {
	if u, err := url.ParseRequestURI(r.RequestURI); err == nil {
		return u.EscapedPath()
	}
	return r.URL.EscapedPath()
}

// shown is what a request brings beside its token.
type shown struct {
	proof *dpop.Proof   // nil: none
	over  *http.Request // of which the certificate is; nil: there is none
}

// confirm says whether that was proved which the token is bound to, and uses the proof of a key up. ErrToken if the token is
// bound to none and came by the scheme DPoP.
func (g *Guard) confirm(ctx context.Context, t Token, s shown) error {
	switch proof := s.proof; {
	case t.Certificate != "":
		return g.confirmCertificate(t, s)
	case proof == nil && t.Key == "":
		return nil
	case t.Key == "":
		return ErrToken
	case proof == nil || proof.Thumbprint != t.Key:
		return ErrKey
	}
	err := g.proofs.Use(ctx, s.proof)
	if err != nil && !errors.Is(err, dpop.ErrReplayed) {
		return fmt.Errorf("%w: remember a proof: %w", ErrUnavailable, err)
	}
	return err
}

// confirmCertificate says whether the certificate was shown (RFC 8705 section 3).
func (g *Guard) confirmCertificate(t Token, s shown) error {
	switch {
	case s.proof != nil:
		return ErrToken
	case s.over == nil:
		return ErrCertificate
	}
	chain, err := g.certificate(s.over)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errUnread, err)
	case len(chain) == 0:
		return ErrCertificate
	}
	sum := sha256.Sum256(chain[0].Raw)
	if base64.RawURLEncoding.EncodeToString(sum[:]) != t.Certificate {
		return ErrCertificate
	}
	return nil
}

// ofConnection is the certificate that the connection has been opened with.
func ofConnection(r *http.Request) ([]*x509.Certificate, error) {
	if r.TLS == nil {
		return nil, nil
	}
	return r.TLS.PeerCertificates, nil
}

// algorithms are what a challenge says of proofs (RFC 9449 section 7.1).
func (g *Guard) algorithms() string {
	return "algs=" + quoted(strings.Join(g.proofs.Supported(), " "))
}
