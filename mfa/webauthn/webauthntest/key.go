package webauthntest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"math/big"
)

// Algorithms of keys, as COSE numbers them (RFC 9053, RFC 8812).
const (
	ES256 = -7
	EdDSA = -8
	RS256 = -257
	ES384 = -35 // for what is not offered
)

// credential is one key of an Authenticator.
type credential struct {
	id      []byte
	rpID    string
	handle  []byte
	private crypto.Signer
	counter uint32
}

func newPrivate(algorithm int) (crypto.Signer, error) {
	switch algorithm {
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case ES384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case RS256:
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return nil, fmt.Errorf("there is no algorithm %d", algorithm)
}

// cose is the public key as COSE has it (RFC 9052 section 7): kty, alg, and what the kind of key has.
func (c *credential) cose() []byte {
	switch public := c.private.Public().(type) {
	case *ecdsa.PublicKey:
		alg, curve := ES256, 1
		if public.Curve == elliptic.P384() {
			alg, curve = ES384, 2
		}
		point, err := public.Bytes() // 4, x, y
		if err != nil {
			panic(err) // the curves above have it
		}
		half := len(point) / 2
		return coseMap(2, alg, -1, cborInt(curve), -2, cborBytes(point[1:1+half]), -3, cborBytes(point[1+half:]))
	case ed25519.PublicKey:
		return coseMap(1, EdDSA, -1, cborInt(6), -2, cborBytes(public))
	case *rsa.PublicKey:
		e := big.NewInt(int64(public.E)).Bytes()
		return coseMap(3, RS256, -1, cborBytes(public.N.Bytes()), -2, cborBytes(e))
	}
	panic("a key of no kind")
}

// coseMap takes labels and encoded values in turn.
func coseMap(kty, alg int, rest ...any) []byte {
	items := [][]byte{cborInt(1), cborInt(kty), cborInt(3), cborInt(alg)}
	for i := 0; i < len(rest); i += 2 {
		items = append(items, cborInt(rest[i].(int)), rest[i+1].([]byte))
	}
	return cborMap(items...)
}

func (c *credential) sign(data []byte) []byte {
	hash := crypto.Hash(0)
	if _, ok := c.private.(ed25519.PrivateKey); !ok {
		hash = crypto.SHA256
		sum := sha256.Sum256(data)
		data = sum[:]
	}
	signature, err := c.private.Sign(rand.Reader, data, hash)
	if err != nil {
		panic(err) // the lengths fit
	}
	return signature
}
