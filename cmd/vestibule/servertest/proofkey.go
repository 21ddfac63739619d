package servertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// ProofKey is the key of a client that sends DPoP proofs (RFC 9449).
type ProofKey struct {
	Thumbprint string

	t     *testing.T
	key   *ecdsa.PrivateKey
	clock *Clock
}

// NewProofKey makes a key, whose proofs are of the site's time.
func (s *Site) NewProofKey(t *testing.T) *ProofKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return &ProofKey{base64.RawURLEncoding.EncodeToString(sum), t, key, s.Clock}
}

// Proof makes a proof for a request. The claims are more of them, as name and value in turn.
func (k *ProofKey) Proof(method, address string, claims ...any) string {
	k.t.Helper()
	all := map[string]any{"jti": rand.Text(), "htm": method, "htu": address, "iat": k.clock.Now().Unix()}
	for i := 0; i < len(claims); i += 2 {
		all[claims[i].(string)] = claims[i+1]
	}
	payload, err := json.Marshal(all)
	if err != nil {
		k.t.Fatal(err)
	}
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.key}, options)
	if err != nil {
		k.t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		k.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		k.t.Fatal(err)
	}
	return text
}

// ProofWith makes a proof for a request with an access token.
func (k *ProofKey) ProofWith(access, method, address string, claims ...any) string {
	k.t.Helper()
	sum := sha256.Sum256([]byte(access))
	return k.Proof(method, address, append(claims, "ath", base64.RawURLEncoding.EncodeToString(sum[:]))...)
}

// Ahead is the site's time by a clock that is wrong by so much, as a proof tells it.
func (k *ProofKey) Ahead(by time.Duration) int64 { return k.clock.Now().Add(by).Unix() }
