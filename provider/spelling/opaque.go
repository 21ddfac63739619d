// Package spelling is how names, paths, addresses of visitors and opaque values may be written, so that each has one
// reading, and which name was meant by one that is misspelt.
package spelling

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
)

// ErrBase64 reports text that is not what the bytes are written as.
var ErrBase64 = errors.New("not base64 in its one spelling")

// DecodeOpaque returns the bytes of an opaque value: a token, an id, a link or what is sealed, in base64url without
// padding.
func DecodeOpaque(text string) ([]byte, error) { return DecodeBase64(opaque, text) }

var opaque = base64.RawURLEncoding

// DecodeBase64 returns the bytes that e writes as text. encoding/base64 alone overlooks line breaks, and bits of the last symbol
// that stand for nothing, so that the same bytes have many spellings. Here they have one: whatever else reads base64 from
// outside is a fault.
func DecodeBase64(e *base64.Encoding, text string) ([]byte, error) {
	data, err := e.DecodeString(text)
	if err != nil || e.EncodeToString(data) != text {
		return nil, ErrBase64
	}
	return data, nil
}

// DecodeKey returns the bytes of a secret key as people write it: in hex, or in base64 of either alphabet, padded or not. Hex
// goes first: 64 of its digits are good base64 too, of 48 bytes. Nil if it is neither.
func DecodeKey(text string) []byte {
	if raw, err := hex.DecodeString(text); err == nil {
		return raw
	}
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	raw, _ := DecodeBase64(base64.RawStdEncoding, text)
	return raw
}

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
