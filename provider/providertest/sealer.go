package providertest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
)

// Sealer is an interaction.Sealer with one random key of its own. Use NewSealer.
type Sealer struct{ aead cipher.AEAD }

// NewSealer returns a Sealer that opens only what it sealed.
func NewSealer() *Sealer {
	key := make([]byte, 32)
	rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return &Sealer{aead}
}

// Seal implements interaction.Sealer.
func (s *Sealer) Seal(plaintext []byte, aad string) (string, []byte, error) {
	nonce := make([]byte, s.aead.NonceSize())
	rand.Read(nonce)
	return "test", s.aead.Seal(nonce, nonce, plaintext, []byte(aad)), nil
}

// Open implements interaction.Sealer.
func (s *Sealer) Open(keyID string, sealed []byte, aad string) ([]byte, error) {
	n := s.aead.NonceSize()
	if keyID != "test" || len(sealed) < n {
		return nil, errors.New("not sealed here")
	}
	return s.aead.Open(nil, sealed[:n], sealed[n:], []byte(aad))
}
