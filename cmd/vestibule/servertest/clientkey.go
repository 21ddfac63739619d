package servertest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// ClientKey is a key that a client signs with.
type ClientKey struct {
	t   *testing.T
	key jose.JSONWebKey
}

// NewClientKey makes a key for ES256.
func NewClientKey(t *testing.T, id string) *ClientKey {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &ClientKey{t, jose.JSONWebKey{Key: private, KeyID: id, Algorithm: string(jose.ES256), Use: "sig"}}
}

// NewEd25519ClientKey makes a key for EdDSA.
func NewEd25519ClientKey(t *testing.T, id string) *ClientKey {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &ClientKey{t, jose.JSONWebKey{Key: private, KeyID: id, Use: "sig"}}
}

// ID is its kid.
func (k *ClientKey) ID() string { return k.key.KeyID }

// Private is the key as its client keeps it, a JSON Web Key.
func (k *ClientKey) Private() string {
	k.t.Helper()
	data, err := json.Marshal(k.key)
	if err != nil {
		k.t.Fatal(err)
	}
	return string(data)
}

// JWKS is the set of the public half.
func (k *ClientKey) JWKS() json.RawMessage {
	k.t.Helper()
	data, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k.key.Public()}})
	if err != nil {
		k.t.Fatal(err)
	}
	return data
}

// Sign returns the claims as a JWT of that type.
func (k *ClientKey) Sign(kind string, claims map[string]any) string {
	k.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.key}, (&jose.SignerOptions{}).WithType(jose.ContentType(kind)))
	if err != nil {
		k.t.Fatal(err)
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		k.t.Fatal(err)
	}
	return raw
}

// Assertion is by what the client says who it is, as most libraries make it. The changes are claims in place of others; nil
// takes one away.
func (c *Client) Assertion(k *ClientKey, changes map[string]any) string {
	c.T.Helper()
	now := c.Site.Clock.Now().Unix()
	claims := map[string]any{
		"iss": c.OAuth.ClientID, "sub": c.OAuth.ClientID, "aud": c.Site.Config.Issuer, "jti": rand.Text(), "iat": now, "nbf": now, "exp": now + 60,
	}
	maps.Copy(claims, changes)
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	raw := k.Sign("JWT", claims)
	c.Site.KeepSecret(raw)
	return raw
}
