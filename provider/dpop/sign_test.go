package dpop_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
)

// signature signs by the algorithm, whatever the header says.
func signature(key any, algorithm, text string) ([]byte, error) {
	sum := sha256.Sum256([]byte(text))
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if algorithm == "PS256" {
			return rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
		}
		return rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	case ed25519.PrivateKey:
		return ed25519.Sign(key, []byte(text)), nil
	case []byte:
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(text))
		return mac.Sum(nil), nil
	}
	digest := sum[:]
	if algorithm == "ES384" {
		long := sha512.Sum384([]byte(text))
		digest = long[:]
	}
	own := key.(*ecdsa.PrivateKey)
	size := (own.Curve.Params().BitSize + 7) / 8
	r, s, err := ecdsa.Sign(rand.Reader, own, digest)
	if err != nil {
		return nil, err
	}
	return append(r.FillBytes(make([]byte, size)), s.FillBytes(make([]byte, size))...), nil
}
