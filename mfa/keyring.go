package mfa

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"vestibule/provider/spelling"
)

// ErrUnknownKey reports a secret that was sealed with a key that is not in the ring.
var ErrUnknownKey = errors.New("unknown secret key")

const (
	keySize = 32
	howTo   = "run `vestibule secret-key generate` to make one"
)

// Keyring encrypts secrets at rest with AES-256-GCM. The newest key seals, all open.
type Keyring struct {
	keys []secretKey // newest first
}

type secretKey struct {
	id   string
	raw  []byte
	aead cipher.AEAD
}

// NewKey makes a key: 32 random bytes in base64.
func NewKey() string {
	key := make([]byte, keySize)
	rand.Read(key)
	return base64.StdEncoding.EncodeToString(key)
}

// ParseKeyring makes a ring of keys, newest first. Each is 32 bytes in base64 or hex. An error
// names the place of the faulty key and never what was in it.
func ParseKeyring(keys []string) (*Keyring, error) {
	if len(keys) == 0 {
		return nil, errors.New("no secret key: " + howTo)
	}
	k := &Keyring{}
	for i, text := range keys {
		key, err := parseKey(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("secret key %d: %w", i+1, err)
		}
		if _, err := k.find(key.id); err == nil {
			return nil, fmt.Errorf("secret key %d: is in the list twice", i+1)
		}
		k.keys = append(k.keys, key)
	}
	return k, nil
}

func parseKey(text string) (secretKey, error) {
	raw := spelling.DecodeKey(text)
	if text == "" {
		return secretKey{}, errors.New("is empty: " + howTo)
	}
	if len(raw) != keySize {
		return secretKey{}, errors.New("is not 32 bytes in base64 or hex: " + howTo)
	}
	block, err := aes.NewCipher(raw)
	if err != nil {
		return secretKey{}, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return secretKey{}, err
	}
	return secretKey{id: keyID(raw), raw: raw, aead: aead}, nil
}

// keyID names a key without telling anything about it.
func keyID(raw []byte) string {
	sum := sha256.Sum256(append([]byte("vestibule key id"), raw...))
	return hex.EncodeToString(sum[:4])
}

// Seal encrypts plaintext with the newest key and a fresh nonce, bound to aad: it opens only
// under the same aad, so a row that is copied to another user is worth nothing.
func (k *Keyring) Seal(plaintext []byte, aad string) (keyID string, sealed []byte, err error) {
	key := k.keys[0]
	nonce := make([]byte, key.aead.NonceSize())
	rand.Read(nonce)
	return key.id, key.aead.Seal(nonce, nonce, plaintext, []byte(aad)), nil
}

// Open decrypts what Seal made under the same aad.
func (k *Keyring) Open(keyID string, sealed []byte, aad string) ([]byte, error) {
	key, err := k.find(keyID)
	if err != nil {
		return nil, err
	}
	size := key.aead.NonceSize()
	if len(sealed) < size {
		return nil, errors.New("open sealed secret: too short")
	}
	plaintext, err := key.aead.Open(nil, sealed[:size], sealed[size:], []byte(aad))
	if err != nil {
		return nil, errors.New("open sealed secret: it was altered, or belongs elsewhere")
	}
	return plaintext, nil
}

// Newest is the id of the key that seals.
func (k *Keyring) Newest() string { return k.keys[0].id }

// IDs returns the ids of all keys, newest first.
func (k *Keyring) IDs() []string {
	ids := make([]string, len(k.keys))
	for i, key := range k.keys {
		ids[i] = key.id
	}
	return ids
}

// Missing returns those of the key ids that are not in the ring.
func (k *Keyring) Missing(ids []string) []string {
	var missing []string
	for _, id := range ids {
		if _, err := k.find(id); err != nil && !slices.Contains(missing, id) {
			missing = append(missing, id)
		}
	}
	return missing
}

// Reseal seals with the newest key what Seal made, with any of the ring, under the same aad.
func (k *Keyring) Reseal(keyID string, sealed []byte, aad string) (newest string, resealed []byte, err error) {
	plaintext, err := k.Open(keyID, sealed, aad)
	if err != nil {
		return "", nil, err
	}
	return k.Seal(plaintext, aad)
}

// Derive makes a 32-byte key for another purpose out of each key, newest first.
func (k *Keyring) Derive(purpose string) [][]byte {
	var derived [][]byte
	for _, key := range k.keys {
		d, err := hkdf.Key(sha256.New, key.raw, nil, "vestibule "+purpose, keySize)
		if err != nil {
			panic(err) // only for a length that HKDF cannot give, and keySize is a constant
		}
		derived = append(derived, d)
	}
	return derived
}

func (k *Keyring) find(id string) (secretKey, error) {
	for _, key := range k.keys {
		if key.id == id {
			return key, nil
		}
	}
	return secretKey{}, fmt.Errorf("%w %q: put it back into the settings, behind the newest one", ErrUnknownKey, id)
}

// SecretAAD is what the secret of an Authenticator is bound to, for whoever seals a Store's rows anew with another key.
func SecretAAD(a Authenticator) string { return aad(a.Kind, a.Subject, a.ID) }

// SetupAAD is what the sealed part of a Setup is bound to, for the same.
func SetupAAD(p Setup) string { return aad("setup", p.Subject, p.Owner) }

func challengeAAD(kind, subject, owner string) string {
	return aad("challenge", kind, subject, owner)
}

func proofAAD(subject string) string { return aad("proof", subject) }

// aad joins what sealed secrets are bound to. The parts are escaped, so that no two lists of parts read alike.
func aad(parts ...string) string {
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "|")
}
