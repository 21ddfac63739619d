package provider

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
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
func HashClientSecret(ctx context.Context, h *Hasher, secret string) (string, error) {
	if len(secret) < 16 {
		return "", errors.New("a client secret must have at least 16 characters; leave it out to have one made")
	}
	if len(secret) >= 43 {
		return fastHash(secret), nil
	}
	return h.Hash(ctx, secret)
}

// secretChecker checks client secrets. It remembers what a slow hash was found to stand for, so that a client that is
// known pays for it once, and strangers with wrong secrets cannot keep it waiting.
type secretChecker struct {
	hasher Hasher // apart from that of passwords: token requests never wait for those
	mu     sync.Mutex
	right  map[string]string // slow hash to fast hash
}

// check reports whether the secret is the client's. A client without a hash has no right secret.
func (s *secretChecker) check(ctx context.Context, c Client, secret string) (bool, error) {
	if c.SecretHash == "" || secret == "" {
		return false, nil
	}
	fast := fastHash(secret)
	if strings.HasPrefix(c.SecretHash, sha256Prefix) {
		return same(fast, c.SecretHash), nil
	}
	if right, known := s.known(c.SecretHash); known {
		return same(fast, right), nil
	}
	ok, _, err := s.hasher.Check(ctx, c.SecretHash, secret)
	if ok {
		s.remember(c.SecretHash, fast)
	}
	return ok, err
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (s *secretChecker) known(hash string) (fast string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fast, ok = s.right[hash]
	return fast, ok
}

func (s *secretChecker) remember(hash, fast string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.right == nil || len(s.right) >= clientCacheSize {
		s.right = map[string]string{}
	}
	s.right[hash] = fast
}
