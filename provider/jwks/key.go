package jwks

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// SealedKey is a signing key at rest.
type SealedKey struct {
	ID        string    // kid: the thumbprint of RFC 7638
	Algorithm string    // one of Algorithms
	Number    int64     // 1 for the first key of its algorithm, and one more for each that follows
	Public    []byte    // JWK
	KeyID     string    // which secret key sealed Private
	Private   []byte    // JWK, sealed, bound to ID
	Created   time.Time // when it was first published
	Signs     time.Time // from when on it signs, until that of the next one
	Retired   time.Time // when it was taken away; zero: it was not. It stays for a while, so that none before it comes back
}

// Store keeps signing keys.
type Store interface {
	// SigningKeys returns all keys, those of an algorithm by their numbers.
	SigningKeys(ctx context.Context) ([]SealedKey, error)
	// AddSigningKey inserts the key, and fails with store.ErrConflict if there is one of its algorithm with its number:
	// processes that make a key at the same time agree on one.
	AddSigningKey(ctx context.Context, key SealedKey) error
	// DeleteSigningKey removes the key; store.ErrNotFound if it is gone.
	DeleteSigningKey(ctx context.Context, id string) error
}

// Sealer encrypts private keys, which must not lie in the database in the clear.
type Sealer interface {
	// Seal encrypts plaintext, bound to about, and names the key that it used.
	Seal(plaintext []byte, about string) (keyID string, sealed []byte, err error)
	// Open decrypts what Seal made of the same about.
	Open(keyID string, sealed []byte, about string) ([]byte, error)
}

// Algorithms of signatures (RFC 7518, RFC 8037).
const (
	rs256 = "RS256"
	es256 = "ES256"
	ps256 = "PS256"
	edDSA = "EdDSA"
)

// Algorithms are those that there is a key of.
var Algorithms = []string{rs256, es256, ps256, edDSA}

// algorithms are the Algorithms as the library knows them.
var algorithms = []jose.SignatureAlgorithm{rs256, es256, ps256, edDSA}

// NewKey makes a key that signs from that time on. Its number is one more than that of the newest of its algorithm.
func NewKey(algorithm string, number int64, signs time.Time, sealer Sealer, now time.Time) (SealedKey, error) {
	private, err := generate(algorithm)
	if err != nil {
		return SealedKey{}, fmt.Errorf("make %s key: %w", algorithm, err)
	}
	row := SealedKey{Algorithm: algorithm, Number: number, Created: now, Signs: signs}
	return row.With(private, sealer)
}

// With returns the key with the private key in it, sealed, and the id that follows from that.
func (k SealedKey) With(private crypto.PrivateKey, sealer Sealer) (SealedKey, error) {
	key := jose.JSONWebKey{Key: private, Algorithm: k.Algorithm, Use: "sig"}
	print, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return k, err
	}
	key.KeyID = base64.RawURLEncoding.EncodeToString(print)
	plain, err := json.Marshal(key)
	if err != nil {
		return k, err
	}
	if k.Public, err = json.Marshal(key.Public()); err != nil {
		return k, err
	}
	k.ID = key.KeyID
	k.KeyID, k.Private, err = sealer.Seal(plain, k.AAD())
	return k, err
}

func generate(algorithm string) (crypto.PrivateKey, error) {
	switch algorithm {
	case es256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case edDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return rsa.GenerateKey(rand.Reader, 2048)
}

// Detail is what an event tells of the key.
func (k SealedKey) Detail() map[string]string {
	return map[string]string{"key": k.ID, "alg": k.Algorithm, "signs": k.Signs.UTC().Format(time.RFC3339)}
}

// AAD is what Private is bound to.
func (k SealedKey) AAD() string { return "signing key|" + k.ID }
