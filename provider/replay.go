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

// given is an answer to a refresh token. Neither key nor wish has a line break.
type given struct {
	key  string // what its tokens are bound to; empty: to nothing
	wish string // what its access token is for
	body []byte
}

// sealReplay encrypts the answer to a refresh token.
func sealReplay(token string, g given) ([]byte, error) {
	aead, err := replayCipher(token)
	if err != nil {
		return nil, fmt.Errorf("seal replay: %w", err)
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) // never fails
	return aead.Seal(nonce, nonce, slices.Concat([]byte(g.key+"\n"+g.wish+"\n"), g.body), nil), nil
}

// openReplay returns the answer that the token got at its first use, if that was with the same key.
func openReplay(token, key string, replay []byte) (given, error) {
	aead, err := replayCipher(token)
	if err != nil {
		return given{}, fmt.Errorf("open replay: %w", err)
	}
	if len(replay) < aead.NonceSize() {
		return given{}, fosite.ErrInvalidGrant.WithHint("It was used before.")
	}
	nonce, sealed := replay[:aead.NonceSize()], replay[aead.NonceSize():]
	opened, err := aead.Open(nil, nonce, sealed, nil)
	if err != nil {
		return given{}, errors.New("open replay: the stored answer is not of this token")
	}
	lines := bytes.SplitN(opened, []byte("\n"), 3)
	if len(lines) < 3 {
		return given{}, errors.New("open replay: the stored answer is none")
	}
	g := given{string(lines[0]), string(lines[1]), lines[2]}
	if g.key != key {
		return given{}, fosite.ErrInvalidGrant.WithHint("It was used a moment ago, with another DPoP key or certificate, or with none.")
	}
	return g, nil
}
