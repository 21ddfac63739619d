package keyset

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"vestibule/provider/fetch"
)

// ErrUnavailable reports that the keys of a client could not be fetched from where it has said that they are.
var ErrUnavailable = errors.New("the keys of the client cannot be fetched")

// Source is where the keys of a client are: one of the two, or nowhere.
type Source struct {
	Keys []byte // a JSON Web Key Set
	URI  string // where one is
}

// Keys are the keys of all clients.
type Keys struct{ fetched *fetch.Cache[*Set] }

// New returns Keys that are fetched so. failed is told of each fetch that fails.
func New(f *fetch.Fetcher, now func() time.Time, failed func(uri string, err error)) *Keys {
	return &Keys{&fetch.Cache[*Set]{
		Fetcher: f, Accept: "application/jwk-set+json, application/json", Now: now, Failed: failed,
		Parse: func(d fetch.Document) (*Set, error) { return Parse(d.Body) },
	}}
}

// Verify checks the signature of a token with the client's keys. Where those are fetched and none of them fits, they are
// fetched anew, for the client may have others by now. Errors: ErrKey, ErrSignature, ErrUnavailable, fetch.ErrBusy.
func (k *Keys) Verify(ctx context.Context, from Source, t *Token) error {
	return k.find(ctx, from, func(s *Set) error { return s.Verify(t) })
}

// Explain returns what the client can mend of an error of Verify, as the end of a sentence about what it has signed; nil: nothing.
func Explain(err error) error {
	switch {
	case errors.Is(err, ErrKey):
		return errors.New("no key that the client has registered fits its kid and alg")
	case errors.Is(err, ErrSignature):
		return errors.New("its signature is wrong")
	case errors.Is(err, ErrUnavailable):
		return errors.New("the keys at the jwks_uri of the client cannot be fetched")
	}
	return nil
}

// HasCertificate returns nil if the certificate, or its key, is among the client's keys (RFC 8705 section 2.2), which are
// fetched as Verify says. Errors: ErrKey, ErrUnavailable, fetch.ErrBusy.
func (k *Keys) HasCertificate(ctx context.Context, from Source, c *x509.Certificate) error {
	return k.find(ctx, from, func(s *Set) error {
		if s.HasCertificate(c) {
			return nil
		}
		return ErrKey
	})
}

// find asks the keys, and once more those that are there now.
func (k *Keys) find(ctx context.Context, from Source, ask func(*Set) error) error {
	if from.URI == "" {
		set, err := k.registered(from.Keys)
		if err != nil {
			return err
		}
		return ask(set)
	}
	known, err := k.fetched.Get(ctx, from.URI)
	if err != nil {
		return unavailable(err)
	}
	wrong := ask(known)
	if wrong == nil {
		return nil
	}
	fresh, err := k.fetched.Renew(ctx, from.URI)
	switch {
	case err != nil:
		return unavailable(err)
	case fresh == known:
		return wrong
	}
	return ask(fresh)
}

func (k *Keys) registered(keys []byte) (*Set, error) {
	if len(keys) == 0 {
		return nil, ErrKey
	}
	set, err := Parse(keys)
	if err != nil {
		return nil, fmt.Errorf("%w: the registered set %v", ErrKey, err)
	}
	return set, nil
}

func unavailable(err error) error {
	if errors.Is(err, fetch.ErrBusy) || errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w: %v", ErrUnavailable, err)
}
