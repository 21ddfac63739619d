package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"
)

// sha256Prefix tells the hash of a secret with full entropy from a slow one.
const sha256Prefix = "sha256:"

// NewSecret returns a secret of 256 random bits and its hash.
func NewSecret() (secret, hash string) {
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

// HashRandom is the hash that NewSecret has returned with the secret.
func HashRandom(secret string) string { return fastHash(secret) }

// Hasher makes and checks slow hashes. *account.Hasher is one.
type Hasher interface {
	// Hash returns the hash of a secret. limiter.ErrBusy reports that too many wait for a core.
	Hash(ctx context.Context, secret string) (string, error)
	// Check reports whether the secret belongs to the hash, and whether that is weaker than a new one would be. Errors
	// are those of Hash.
	Check(ctx context.Context, hash, secret string) (ok, weak bool, err error)
}

// HashSecret returns the hash of a secret that somebody else chose. A long one is taken for random; a
// shorter one gets a slow hash.
func HashSecret(ctx context.Context, h Hasher, secret string) (string, error) {
	if len(secret) < 16 {
		return "", errors.New("a client secret must have at least 16 characters; leave it out to have one made")
	}
	if len(secret) >= 43 {
		return fastHash(secret), nil
	}
	return h.Hash(ctx, secret)
}

// Matches reports whether the secret is that of the hash. Errors are those of Hasher.
func Matches(ctx context.Context, h Hasher, hash, secret string) (bool, error) {
	if strings.HasPrefix(hash, sha256Prefix) {
		return same(fastHash(secret), hash), nil
	}
	ok, _, err := h.Check(ctx, hash, secret)
	return ok, err
}

// PreviousSecret is a secret that a client had before the one that it has, and that is as good until Ends.
type PreviousSecret struct {
	Hash string    `json:"hash"`
	Ends time.Time `json:"ends"`
}

// MaxPreviousSecrets is how many of these a client may have: a wrong secret is compared with each.
const MaxPreviousSecrets = 3

// GoodPreviousSecrets are those that are good then, the newest first.
func (c Client) GoodPreviousSecrets(at time.Time) []PreviousSecret {
	var good []PreviousSecret
	for _, p := range c.PreviousSecrets {
		if at.Before(p.Ends) {
			good = append(good, p)
		}
	}
	return good
}

// SecretHashes are those of the secrets that are good then: its own and, for some time, those that it had before.
func (c Client) SecretHashes(at time.Time) []string {
	var good []string
	if c.SecretHash != "" {
		good = append(good, c.SecretHash)
	}
	for _, p := range c.GoodPreviousSecrets(at) {
		good = append(good, p.Hash)
	}
	return good
}
