// Package keyset is the public keys that a client signs with, or shows a certificate of: read from a JSON Web Key Set (RFC 7517)
// that it has registered, or that is fetched from where it said, and kept for a while. Begin with New and Verify.
package keyset

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// Algorithms of what clients sign (RFC 7518, RFC 8037). Ed25519 is the newer name of EdDSA with that curve (RFC 9864).
const (
	rs256       = "RS256"
	ps256       = "PS256"
	es256       = "ES256"
	edDSA       = "EdDSA"
	ed25519Name = "Ed25519"
)

// Algorithms are those that a client can register.
var Algorithms = []string{rs256, ps256, es256, edDSA}

const (
	maxKeys        = 50         // of a set: with each of them a signature may be tried
	minRSA, maxRSA = 2048, 8192 // bits
)

// Set is the keys of a client that can be used here.
type Set struct{ keys []jose.JSONWebKey }

// Parse reads a set. Keys that are not understood, or are no public keys for signatures, are passed over (RFC 7517 section 5);
// a set may be left with none.
func Parse(data []byte) (*Set, error) {
	raw, err := split(data)
	if err != nil {
		return nil, err
	}
	set := &Set{}
	for _, one := range raw {
		var key jose.JSONWebKey
		if json.Unmarshal(one, &key) == nil && fault(&key) == nil {
			set.keys = append(set.keys, key)
		}
	}
	return set, nil
}

// Check says what is wrong with a set that somebody wants to register: nothing in it is passed over.
func Check(data []byte) error {
	raw, err := split(data)
	if err != nil {
		return err
	}
	if len(raw) == 0 {
		return errors.New("has no keys")
	}
	for i, one := range raw {
		var key jose.JSONWebKey
		if err := json.Unmarshal(one, &key); err != nil {
			return fmt.Errorf("key %d is no JSON Web Key that is known here", i+1)
		}
		if err := fault(&key); err != nil {
			return fmt.Errorf("key %d %w", i+1, err)
		}
	}
	return nil
}

func split(data []byte) ([]json.RawMessage, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil || set.Keys == nil {
		return nil, errors.New(`is no JSON Web Key Set: {"keys": [...]}`)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("has more than %d keys", maxKeys)
	}
	return set.Keys, nil
}

// fault says why nothing can be checked with the key.
func fault(key *jose.JSONWebKey) error {
	algorithms, err := fits(key.Key)
	switch {
	case err != nil:
		return err
	case key.Use != "" && key.Use != "sig":
		return errors.New("is not for signatures")
	case key.Algorithm != "" && !slices.Contains(algorithms, key.Algorithm):
		return errors.New("is for another algorithm than RS256, PS256, ES256 and EdDSA, or cannot be used with its own")
	}
	return nil
}

// fits returns the algorithms that a key can be used with.
func fits(key any) ([]string, error) {
	switch key := key.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < minRSA || bits > maxRSA {
			return nil, fmt.Errorf("has %d bits; an RSA key must have %d to %d", bits, minRSA, maxRSA)
		}
		return []string{rs256, ps256}, nil
	case *ecdsa.PublicKey:
		if key.Curve != elliptic.P256() {
			return nil, errors.New("is of another curve than P-256")
		}
		return []string{es256}, nil
	case ed25519.PublicKey:
		return []string{edDSA, ed25519Name}, nil
	case *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey:
		return nil, errors.New("is a private key, which nobody may see; make another pair, and register the public one")
	}
	return nil, errors.New("is no public key for signatures")
}

// candidates are the keys that may have made a signature: those of the name if it has one, else all of the algorithm.
func (s *Set) candidates(id, algorithm string) []jose.JSONWebKey {
	var found []jose.JSONWebKey
	for _, key := range s.keys {
		algorithms, _ := fits(key.Key)
		named := id == "" || key.KeyID == id
		if named && slices.Contains(algorithms, algorithm) && (key.Algorithm == "" || same(key.Algorithm, algorithm)) {
			found = append(found, key)
		}
	}
	return found
}

// same compares algorithms, of which one has two names.
func same(a, b string) bool { return a == b || a+b == edDSA+ed25519Name || b+a == edDSA+ed25519Name }

// HasCertificate reports whether the set has this certificate or, where it has no certificate of that key, the key (RFC 8705
// section 2.2.2).
func (s *Set) HasCertificate(c *x509.Certificate) bool {
	return slices.ContainsFunc(s.keys, func(key jose.JSONWebKey) bool {
		if len(key.Certificates) > 0 {
			return bytes.Equal(key.Certificates[0].Raw, c.Raw)
		}
		return sameKey(key.Key, c.PublicKey)
	})
}

func sameKey(a, b any) bool {
	first, err := x509.MarshalPKIXPublicKey(a)
	second, other := x509.MarshalPKIXPublicKey(b)
	return err == nil && other == nil && bytes.Equal(first, second)
}
