package provider

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/ory/fosite"
)

// replayCipher is keyed by the refresh token itself: whoever has the database but not that cannot open the
// answer, which holds live tokens.
func replayCipher(token string) (cipher.AEAD, error) {
	key := sha256.Sum256([]byte("vestibule replay\x00" + token))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// sealReplay encrypts the answer to a refresh token, with what its tokens are bound to; empty: to nothing.
func sealReplay(token, key string, answer []byte) ([]byte, error) {
	aead, err := replayCipher(token)
	if err != nil {
		return nil, fmt.Errorf("seal replay: %w", err)
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) // never fails
	return aead.Seal(nonce, nonce, slices.Concat([]byte(key+"\n"), answer), nil), nil
}

// openReplay returns the answer that the token got at its first use, if that was with the same key.
func openReplay(token, key string, replay []byte) ([]byte, error) {
	aead, err := replayCipher(token)
	if err != nil {
		return nil, fmt.Errorf("open replay: %w", err)
	}
	if len(replay) < aead.NonceSize() {
		return nil, fosite.ErrInvalidGrant.WithHint("It was used before.")
	}
	nonce, sealed := replay[:aead.NonceSize()], replay[aead.NonceSize():]
	opened, err := aead.Open(nil, nonce, sealed, nil)
	if err != nil {
		return nil, errors.New("open replay: the stored answer is not of this token")
	}
	first, answer, _ := bytes.Cut(opened, []byte("\n"))
	if string(first) != key {
		return nil, fosite.ErrInvalidGrant.WithHint("It was used a moment ago, with another DPoP key or certificate, or with none.")
	}
	return answer, nil
}
