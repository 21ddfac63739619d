package ui

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"

	"vestibule/provider/spelling"
)

const tokenSize = 32

// NewToken returns 256 random bits in base64url, for a cookie, a link or a form.
func NewToken() string {
	b := make([]byte, tokenSize)
	rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// IsToken reports whether NewToken could have made the value.
func IsToken(value string) bool { return spelling.IsOpaque(value, tokenSize) }

// Digest is what is stored of a token.
func Digest(value string) []byte {
	sum := sha256.Sum256([]byte(value))
	return sum[:]
}
