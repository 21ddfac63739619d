// Package spelling is how names, paths, addresses of visitors and opaque values may be written, so that each has one
// reading, and which name was meant by one that is misspelt.
package spelling

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
)

// ErrOpaque reports an opaque value that is not written as it was given out.
var ErrOpaque = errors.New("not base64url in its one spelling")

// DecodeOpaque returns the bytes of an opaque value: a token, an id, a link or what is sealed, in base64url without
// padding. encoding/base64 alone overlooks line breaks, and bits of the last symbol that stand for nothing, so that one
// value has many spellings. Here it has one.
func DecodeOpaque(text string) ([]byte, error) {
	if strings.IndexByte(text, '\r') >= 0 || strings.IndexByte(text, '\n') >= 0 {
		return nil, ErrOpaque
	}
	data, err := opaque.DecodeString(text)
	if err != nil {
		return nil, ErrOpaque
	}
	return data, nil
}

// opaque refuses bits that stand for nothing.
var opaque = base64.RawURLEncoding.Strict()

// IsOpaque reports whether text is an opaque value of that many bytes in its one spelling.
func IsOpaque(text string, size int) bool {
	if len(text) != opaque.EncodedLen(size) {
		return false
	}
	_, err := DecodeOpaque(text)
	return err == nil
}

// idSize is how many bytes a RandomID has.
const idSize = 16

// RandomID returns an id of 128 random bits, or a little less: none begins with a hyphen, which the commands that take ids as
// arguments would read as a flag.
func RandomID() string {
	b := make([]byte, idSize)
	for {
		rand.Read(b) // never fails
		if id := base64.RawURLEncoding.EncodeToString(b); id[0] != '-' {
			return id
		}
	}
}

// IsRandomID reports whether text may be of RandomID.
func IsRandomID(text string) bool { return IsOpaque(text, idSize) }

// IsJWT reports whether text has the three parts of a signed token in their one spelling (RFC 7515 section 7.1).
func IsJWT(text string) bool {
	parts := strings.Split(text, ".")
	for _, part := range parts {
		if _, err := DecodeOpaque(part); err != nil {
			return false
		}
	}
	return len(parts) == 3
}
