package provider

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"

	"vestibule/provider/account"
)

// sha256Prefix tells the hash of a secret with full entropy from a slow one.
const sha256Prefix = "sha256:"

// NewClientSecret returns a secret of 256 random bits and its hash.
func NewClientSecret() (secret, hash string) {
	b := make([]byte, 32)
	rand.Read(b) // never fails
	secret = base64.RawURLEncoding.EncodeToString(b)
	return secret, fastHash(secret)
}

// fastHash needs no salt and no slowness: nobody can guess 256 random bits.
func fastHash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return sha256Prefix + base64.RawURLEncoding.EncodeToString(sum[:])
}

// HashClientSecret returns the hash of a secret that somebody else chose. A long one is taken for random; a
// shorter one gets a slow hash.
func HashClientSecret(ctx context.Context, h *account.Hasher, secret string) (string, error) {
	if len(secret) < 16 {
		return "", errors.New("a client secret must have at least 16 characters; leave it out to have one made")
	}
	if len(secret) >= 43 {
		return fastHash(secret), nil
	}
	return h.Hash(ctx, secret)
}
