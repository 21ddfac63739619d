package keyset_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"vestibule/provider/fetch"
	"vestibule/provider/keyset"
)

var (
	rsaKey      = sync.OnceValue(func() *rsa.PrivateKey { key, _ := rsa.GenerateKey(rand.Reader, 2048); return key })
	weakKey     = sync.OnceValue(func() *rsa.PrivateKey { key, _ := rsa.GenerateKey(rand.Reader, 1024); return key })
	ecKey, _    = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	otherKey, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p384, _     = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, edKey, _ = ed25519.GenerateKey(rand.Reader)
)

// sign returns a JWT, with more headers as name and value in turn.
func sign(t *testing.T, algorithm, kid string, key crypto.PrivateKey, headers ...string) string {
	t.Helper()
	options := &jose.SignerOptions{}
	for i := 0; i < len(headers); i += 2 {
		options.WithHeader(jose.HeaderKey(headers[i]), headers[i+1])
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(algorithm), Key: jose.JSONWebKey{Key: key, KeyID: kid}}, options)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte(`{"iss":"shop"}`))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func jwks(t *testing.T, keys ...jose.JSONWebKey) []byte {
	t.Helper()
	data, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// ed25519Named is a JWT that names its algorithm as RFC 9864 does.
func ed25519Named(t *testing.T, kid string) string {
	t.Helper()
	head := base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, `{"alg":"Ed25519","kid":%q}`, kid)) + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"shop"}`))
	return head + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(edKey, []byte(head)))
}

func TestVerify(t *testing.T) {
	t.Parallel()
	set, err := keyset.Parse(jwks(t,
		jose.JSONWebKey{Key: rsaKey().Public(), KeyID: "r"}, jose.JSONWebKey{Key: ecKey.Public(), KeyID: "e"},
		jose.JSONWebKey{Key: otherKey.Public(), KeyID: "o", Algorithm: "ES256", Use: "sig"},
		jose.JSONWebKey{Key: edKey.Public(), KeyID: "d", Algorithm: "EdDSA"}, jose.JSONWebKey{Key: otherKey.Public(), KeyID: "enc", Use: "enc"},
		jose.JSONWebKey{Key: weakKey().Public(), KeyID: "weak"}, jose.JSONWebKey{Key: []byte("a secret that is shared by two"), KeyID: "s"}))
	if err != nil {
		t.Fatal(err)
	}
	good := sign(t, "ES256", "e", ecKey)
	for _, tt := range []struct {
		name, raw string
		want      error
	}{
		{"RS256", sign(t, "RS256", "r", rsaKey()), nil},
		{"PS256 of the same key", sign(t, "PS256", "r", rsaKey()), nil},
		{"ES256", good, nil},
		{"without kid", sign(t, "ES256", "", otherKey), nil},
		{"EdDSA", sign(t, "EdDSA", "d", edKey), nil},
		{"Ed25519", ed25519Named(t, "d"), nil},
		{"another kid", sign(t, "ES256", "x", ecKey), keyset.ErrKey},
		{"the kid of another key", sign(t, "ES256", "o", ecKey), keyset.ErrSignature},
		{"the kid of a key of another kind", sign(t, "ES256", "r", ecKey), keyset.ErrKey},
		{"key for encryption", sign(t, "ES256", "enc", otherKey), keyset.ErrKey},
		{"short RSA key", sign(t, "RS256", "weak", weakKey()), keyset.ErrKey},
		{"HS256 with a public secret", sign(t, "HS256", "s", []byte("a secret that is shared by two, so long as it is")), keyset.ErrKey},
		{"RS512", sign(t, "RS512", "r", rsaKey()), keyset.ErrKey},
		{"other claims", good[:strings.IndexByte(good, '.')] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"bank"}`)) + good[strings.LastIndexByte(good, '.'):], keyset.ErrSignature},
	} {
		token, err := keyset.ParseToken(tt.raw)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if err := set.Verify(token); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestParseToken(t *testing.T) {
	t.Parallel()
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for _, tt := range []struct{ name, raw, want string }{
		{"nothing", "", "no JWT"},
		{"one part", "x", "no JWT"},
		{"encrypted", "a.b.c.d.e", "encrypted"},
		{"padding", part(`{"alg":"ES256"}`) + "=." + part("{}") + ".AA", "no JWT"},
		{"line break", part(`{"alg":"ES256"}`) + "\n." + part("{}") + ".AA", "no JWT"},
		{"header is a list", part(`[]`) + "." + part("{}") + ".AA", "no JSON object"},
		{"alg is a number", part(`{"alg":1}`) + "." + part("{}") + ".AA", "no string"},
		{"extension", part(`{"alg":"ES256","crit":["exp"],"exp":1}`) + "." + part("{}") + ".AA", "extensions"},
		{"other payload", part(`{"alg":"ES256","b64":false}`) + "." + part("{}") + ".AA", "extensions"},
		{"none with a signature", part(`{"alg":"none"}`) + "." + part("{}") + ".AA", "no signature"},
		{"no signature", part(`{"alg":"ES256"}`) + "." + part("{}") + ".", "no signature"},
		{"none", part(`{"alg":"none"}`) + "." + part("{}") + ".", ""},
	} {
		_, err := keyset.ParseToken(tt.raw)
		if got := fmt.Sprint(err); (err == nil) != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		set  []byte
		want string
	}{
		{"good", jwks(t, jose.JSONWebKey{Key: ecKey.Public()}, jose.JSONWebKey{Key: edKey.Public(), Algorithm: "Ed25519"}), ""},
		{"no JSON", []byte("x"), "no JSON Web Key Set"},
		{"a key alone", []byte(`{"kty":"EC"}`), "no JSON Web Key Set"},
		{"no keys", []byte(`{"keys":[]}`), "has no keys"},
		{"private", jwks(t, jose.JSONWebKey{Key: ecKey}), "private"},
		{"symmetric", jwks(t, jose.JSONWebKey{Key: []byte("secret")}), "no public key"},
		{"short", jwks(t, jose.JSONWebKey{Key: weakKey().Public()}), "1024 bits"},
		{"another curve", jwks(t, jose.JSONWebKey{Key: p384.Public()}), "another curve"},
		{"encryption", jwks(t, jose.JSONWebKey{Key: ecKey.Public(), Use: "enc"}), "not for signatures"},
		{"algorithm of another kind", jwks(t, jose.JSONWebKey{Key: ecKey.Public(), Algorithm: "RS256"}), "another algorithm"},
		{"unknown kind", []byte(`{"keys":[{"kty":"XX"}]}`), "no JSON Web Key"},
	} {
		err := keyset.Check(tt.set)
		if got := fmt.Sprint(err); (err == nil) != (tt.want == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}

// TestKeysFollowRotation has a client replace its key, with another kid or none.
func TestKeysFollowRotation(t *testing.T) {
	t.Parallel()
	var served []byte
	var asked int
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { asked++; w.Write(served) }))
	t.Cleanup(host.Close)
	now := time.Unix(1000, 0)
	keys := keyset.New(fetch.New(fetch.Config{Loopback: true}), func() time.Time { return now }, nil)
	verify := func(raw string) error {
		token, err := keyset.ParseToken(raw)
		if err != nil {
			t.Fatal(err)
		}
		return keys.Verify(t.Context(), keyset.Source{URI: host.URL}, token)
	}
	first, second, bare := sign(t, "ES256", "1", ecKey), sign(t, "ES256", "2", otherKey), sign(t, "ES256", "", otherKey)
	for _, step := range []struct {
		what  string
		after time.Duration
		serve []byte
		raw   string
		want  error
		asked int
	}{
		{"no set is there", 0, []byte("<html>"), first, keyset.ErrUnavailable, 1},
		{"the first key", 11 * time.Second, jwks(t, jose.JSONWebKey{Key: ecKey.Public(), KeyID: "1"}), first, nil, 2},
		{"a key that is not there", time.Second, nil, second, keyset.ErrKey, 2},
		{"the second key", 11 * time.Second, jwks(t, jose.JSONWebKey{Key: otherKey.Public(), KeyID: "2"}), second, nil, 3},
		{"the first key again", 11 * time.Second, nil, first, keyset.ErrKey, 4},
		{"the second without its name", 0, nil, bare, nil, 4},
		{"no set again", 11 * time.Second, []byte("<html>"), first, keyset.ErrKey, 5},
		{"the second is still good", 0, nil, second, nil, 5},
	} {
		now = now.Add(step.after)
		if step.serve != nil {
			served = step.serve
		}
		if err := verify(step.raw); !errors.Is(err, step.want) || asked != step.asked {
			t.Errorf("%s: %v, asked %d times; want %v, %d", step.what, err, asked, step.want, step.asked)
		}
	}
	token, _ := keyset.ParseToken(first)
	if err := keys.Verify(t.Context(), keyset.Source{}, token); !errors.Is(err, keyset.ErrKey) {
		t.Errorf("client without keys: %v, want ErrKey", err)
	}
}
