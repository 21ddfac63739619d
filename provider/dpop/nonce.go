package dpop

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"vestibule/provider/spelling"
)

const (
	nonceTurn = time.Minute     // how long one nonce is given out
	nonceLife = 5 * time.Minute // how long it may be used
	nonceSize = 8 + sha256.Size // bytes
)

// Nonces are those of a server (RFC 9449 section 8). They are kept nowhere: each tells its minute and is signed, so that all
// servers with the same secrets know each other's. They say that a proof was not made long before it is used, and not that
// it is used once.
type Nonces struct {
	keys [][]byte
}

// NewNonces returns the nonces of servers that share the secrets: the first makes them, all of them verify. Each must have
// 32 bytes at least.
func NewNonces(secrets ...[]byte) (*Nonces, error) {
	if len(secrets) == 0 {
		return nil, errors.New("nonces need a secret")
	}
	n := &Nonces{}
	for _, secret := range secrets {
		if len(secret) < 32 {
			return nil, errors.New("a secret of nonces must have 32 bytes at least")
		}
		key, err := hkdf.Key(sha256.New, secret, nil, "dpop nonce", sha256.Size)
		if err != nil {
			return nil, err
		}
		n.keys = append(n.keys, key)
	}
	return n, nil
}

// Now returns the nonce to give out.
func (n *Nonces) Now(now time.Time) string {
	return base64.RawURLEncoding.EncodeToString(sign(n.keys[0], uint64(now.Truncate(nonceTurn).Unix())))
}

func sign(key []byte, turn uint64) []byte {
	nonce := binary.BigEndian.AppendUint64(nil, turn)
	mac := hmac.New(sha256.New, key)
	mac.Write(nonce)
	return mac.Sum(nonce)
}

// good reports whether the nonce was given out by one of the servers, whose clocks may differ, and not too long ago.
func (n *Nonces) good(nonce string, now time.Time) bool {
	data, err := spelling.DecodeOpaque(nonce)
	if err != nil || len(data) != nonceSize {
		return false
	}
	turn := binary.BigEndian.Uint64(data)
	if turn > uint64(now.Add(Ahead).Unix()) || turn < uint64(now.Add(-nonceLife).Unix()) {
		return false
	}
	for _, key := range n.keys {
		if hmac.Equal(data, sign(key, turn)) {
			return true
		}
	}
	return false
}
