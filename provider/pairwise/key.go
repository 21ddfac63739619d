package pairwise

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"vestibule/provider/client"
	"vestibule/provider/spelling"
)

// Key makes pairwise subjects, and opens them.
type Key struct {
	mac   []byte
	block cipher.Block
}

const (
	keySize = 32 // of the secret
	// unit is what names are filled up to: their lengths must not tell one user from another.
	unit = 32
	// maxSubject is how many bytes a subject may have (OIDC Core section 2).
	maxSubject = 255
)

// What is sealed: neither is taken for the other.
const (
	ofUser    = "subject"
	ofSession = "session"
)

// NewKey returns the Key with that secret, of 32 random bytes.
func NewKey(secret []byte) (*Key, error) {
	if len(secret) != keySize {
		return nil, fmt.Errorf("the secret of pairwise subjects has %d bytes", len(secret))
	}
	mac, err := hkdf.Expand(sha256.New, secret, "pairwise mac", keySize)
	if err != nil {
		return nil, err
	}
	key, err := hkdf.Expand(sha256.New, secret, "pairwise encryption", keySize)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	return &Key{mac, block}, err
}

// Subject is the sub by which the client knows the user with that subject.
func (k *Key) Subject(c client.Client, subject string) string { return k.seal(c, ofUser, subject) }

// Session is the sid by which the client knows the session: with one that others have too, they could put together what each
// knows of its user.
func (k *Key) Session(c client.Client, sid string) string { return k.seal(c, ofSession, sid) }

// OpenSubject returns the user that the client means by a sub; false: nobody.
func (k *Key) OpenSubject(c client.Client, sub string) (subject string, ok bool) {
	return k.open(c, ofUser, sub)
}

// OpenSession returns the session that the client means by a sid; false: none.
func (k *Key) OpenSession(c client.Client, sid string) (string, bool) {
	return k.open(c, ofSession, sid)
}

// seal is deterministic authenticated encryption (SIV, after RFC 5297): a code over sector and name, cut to a block, is both what
// the name is encrypted under and what tells later that it was. So the same name always becomes the same text, in this sector
// alone. A name that would become too long for a subject becomes a code that nobody can open.
func (k *Key) seal(c client.Client, kind, name string) string {
	sector := c.Sector()
	if sector == "" || name == "" {
		return name
	}
	plain := pad(name)
	code := k.code(sector, kind, plain)
	sealed := append(bytes.Clone(code[:aes.BlockSize]), plain...)
	cipher.NewCTR(k.block, sealed[:aes.BlockSize]).XORKeyStream(sealed[aes.BlockSize:], sealed[aes.BlockSize:])
	if text := base64.RawURLEncoding.EncodeToString(sealed); len(text) <= maxSubject {
		return text
	}
	return base64.RawURLEncoding.EncodeToString(code)
}

func (k *Key) open(c client.Client, kind, text string) (name string, ok bool) {
	sector := c.Sector()
	if sector == "" {
		return text, true
	}
	sealed, err := spelling.DecodeOpaque(text)
	if err != nil || len(sealed) <= aes.BlockSize {
		return "", false
	}
	code, plain := sealed[:aes.BlockSize], sealed[aes.BlockSize:]
	cipher.NewCTR(k.block, code).XORKeyStream(plain, plain)
	if !hmac.Equal(code, k.code(sector, kind, plain)[:aes.BlockSize]) {
		return "", false
	}
	return unpad(plain), true
}

// code is over all three, each with its length before it.
func (k *Key) code(sector, kind string, plain []byte) []byte {
	h := hmac.New(sha256.New, k.mac)
	fmt.Fprintf(h, "%d %s %d %s %d ", len(kind), kind, len(sector), sector, len(plain)) // a hash takes all
	h.Write(plain)
	return h.Sum(nil)
}

// pad fills the name up with a byte that ends it, and zeros.
func pad(name string) []byte {
	plain := append([]byte(name), 0x80)
	return append(plain, make([]byte, (unit-len(plain)%unit)%unit)...)
}

func unpad(plain []byte) string {
	plain = bytes.TrimRight(plain, "\x00")
	return string(bytes.TrimSuffix(plain, []byte{0x80}))
}
