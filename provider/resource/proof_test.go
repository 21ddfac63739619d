package resource_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	encoding "encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"vestibule/provider/dpop"
	"vestibule/provider/resource"
)

// proofKey is the key of an app.
type proofKey struct {
	t      *testing.T
	signer jose.Signer
	jkt    string
}

func newProofKey(t *testing.T) proofKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := (&jose.JSONWebKey{Key: key.Public()}).Thumbprint(crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return proofKey{t, signer, base64.RawURLEncoding.EncodeToString(sum)}
}

// proof is one for a transfer with the token abc, changed by the claims.
func (k proofKey) proof(change map[string]any) string {
	k.t.Helper()
	ath := sha256.Sum256([]byte("abc"))
	claims := map[string]any{"jti": rand.Text(), "htm": "POST", "htu": "https://api.example/transfer", "iat": noon.Unix(),
		"ath": base64.RawURLEncoding.EncodeToString(ath[:])}
	maps.Copy(claims, change)
	payload, err := encoding.Marshal(claims)
	if err != nil {
		k.t.Fatal(err)
	}
	signed, err := k.signer.Sign(payload)
	if err != nil {
		k.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		k.t.Fatal(err)
	}
	return text
}

// bound is an answer about a token that is bound to the key.
func (k proofKey) bound() string {
	return strings.Replace(good, `"Bearer"`, fmt.Sprintf(`"DPoP","cnf":{"jkt":%q}`, k.jkt), 1)
}

// send asks an API behind the guard, with proofs.
func send(t *testing.T, g *resource.Guard, rule resource.Rule, authorization string, proofs ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), "POST", "http://internal:8080/transfer?x=y", nil)
	r.Header.Set("Authorization", authorization)
	r.Header["Dpop"] = proofs
	w := httptest.NewRecorder()
	g.Require(rule, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
	return w.Result()
}

func TestProof(t *testing.T) {
	key, thief := newProofKey(t), newProofKey(t)
	const algs = `algs="ES256 PS256 RS256 EdDSA"`
	strict := resource.Rule{ACR: []string{"phr"}}
	for _, tt := range []struct {
		name, answer string
		rule         resource.Rule
		header       string
		proofs       []string
		status       int
		challenge    string // how the first begins
	}{
		{"good", key.bound(), resource.Rule{}, "DPoP abc", []string{key.proof(nil)}, 200, ""},
		{"as Bearer", key.bound(), resource.Rule{}, "Bearer abc", nil, 401, `Bearer error="invalid_token", error_description="the access token is bound to a key`},
		{"as Bearer with a proof", key.bound(), resource.Rule{}, "Bearer abc", []string{key.proof(nil)}, 401, `Bearer error="invalid_token"`},
		{"another key", key.bound(), resource.Rule{}, "DPoP abc", []string{thief.proof(nil)}, 401, `DPoP error="invalid_token", error_description="the access token is bound to a key`},
		{"no proof", key.bound(), resource.Rule{}, "DPoP abc", nil, 401, `DPoP error="invalid_dpop_proof"`},
		{"two proofs", key.bound(), resource.Rule{}, "DPoP abc", []string{key.proof(nil), key.proof(nil)}, 401, `DPoP error="invalid_dpop_proof"`},
		{"another token", key.bound(), resource.Rule{}, "DPoP abd", []string{key.proof(nil)}, 401, `DPoP error="invalid_dpop_proof"`},
		{"the Host of the request", key.bound(), resource.Rule{}, "DPoP abc", []string{key.proof(map[string]any{"htu": "http://internal:8080/transfer"})}, 401, `DPoP error="invalid_dpop_proof"`},
		{"another path", key.bound(), resource.Rule{}, "DPoP abc", []string{key.proof(map[string]any{"htu": "https://api.example/balance"})}, 401, `DPoP error="invalid_dpop_proof"`},
		{"another time", key.bound(), resource.Rule{}, "DPoP abc", []string{key.proof(map[string]any{"iat": noon.Unix() - 61})}, 401, `DPoP error="invalid_dpop_proof"`},
		{"level", key.bound(), strict, "DPoP abc", []string{key.proof(nil)}, 401, `DPoP error="insufficient_user_authentication", error_description="the user must sign in with more steps", acr_values="phr", ` + algs},
		{"bound to nothing", good, resource.Rule{}, "DPoP abc", []string{key.proof(nil)}, 401, `DPoP error="invalid_token"`},
		{"bound to nothing, with the type", strings.Replace(good, "Bearer", "DPoP", 1), resource.Rule{}, "DPoP abc", []string{key.proof(nil)}, 401, `DPoP error="invalid_token"`},
		{"bound, without the type", strings.Replace(key.bound(), `"DPoP"`, `"Bearer"`, 1), resource.Rule{}, "DPoP abc", []string{key.proof(nil)}, 401, `DPoP error="invalid_token"`},
		{"bound to more", strings.Replace(key.bound(), `"jkt"`, `"x5t#S256":"x","jkt"`, 1), resource.Rule{}, "DPoP abc", []string{key.proof(nil)}, 401, `DPoP error="invalid_token"`},
		{"bound otherwise", strings.Replace(key.bound(), `"jkt"`, `"x5t#S256"`, 1), resource.Rule{}, "Bearer abc", nil, 401, `Bearer error="invalid_token"`},
		{"nothing", good, resource.Rule{}, "", nil, 401, "Bearer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newServer(t, tt.answer).guard(t, func(c *resource.Config) { c.Address = "https://api.example" })
			resp := send(t, g, tt.rule, tt.header, tt.proofs...)
			challenges := append(resp.Header.Values("WWW-Authenticate"), "")
			if resp.StatusCode != tt.status || !strings.HasPrefix(challenges[0], tt.challenge) {
				t.Errorf("%d %q, want %d %s", resp.StatusCode, challenges, tt.status, tt.challenge)
			}
			if tt.status == 401 && !strings.Contains(strings.Join(challenges, "; "), algs) {
				t.Errorf("%q does not say which proofs are good", challenges)
			}
		})
	}
}

// TestProofIsUsedOnce: also by several processes that share a Once, which must answer.
func TestProofIsUsedOnce(t *testing.T) {
	key := newProofKey(t)
	s, shared := newServer(t, key.bound()), &dpop.Memory{Now: func() time.Time { return noon }}
	guard := func(once dpop.Once) *resource.Guard {
		return s.guard(t, func(c *resource.Config) { c.Address, c.Proofs.Once = "https://api.example", once })
	}
	one, two, three := guard(shared), guard(shared), guard(broken{})
	proof := key.proof(nil)
	for i, tt := range []struct {
		guard *resource.Guard
		want  int
	}{{one, 200}, {one, 401}, {two, 401}, {three, 503}} {
		if resp := send(t, tt.guard, resource.Rule{}, "DPoP abc", proof); resp.StatusCode != tt.want {
			t.Errorf("use %d: %s, want %d", i, resp.Status, tt.want)
		}
	}
}

// broken is a Once whose database is down.
type broken struct{}

func (broken) UseProof(context.Context, string, time.Time) error { return errors.New("down") }

func TestProofNonce(t *testing.T) {
	key := newProofKey(t)
	nonces, err := dpop.NewNonces([]byte(strings.Repeat("a", 32)))
	if err != nil {
		t.Fatal(err)
	}
	g := newServer(t, key.bound()).guard(t, func(c *resource.Config) {
		c.Address, c.Proofs = "https://api.example", dpop.Checker{Nonces: nonces, NeedNonce: true, Algorithms: []string{"ES256"}}
	})
	resp := send(t, g, resource.Rule{}, "DPoP abc", key.proof(nil))
	if got := resp.Header.Get("WWW-Authenticate"); resp.StatusCode != 401 || !strings.HasPrefix(got, `DPoP error="use_dpop_nonce"`) || !strings.HasSuffix(got, `algs="ES256"`) {
		t.Errorf("%s %s", resp.Status, got)
	}
	resp = send(t, g, resource.Rule{}, "DPoP abc", key.proof(map[string]any{"nonce": resp.Header.Get("DPoP-Nonce")}))
	if resp.StatusCode != 200 || resp.Header.Get("DPoP-Nonce") == "" {
		t.Errorf("with the nonce: %s %v", resp.Status, resp.Header)
	}
}

// TestNoAddress: an API that does not say where it is cannot check proofs, and so takes no token that needs one.
func TestNoAddress(t *testing.T) {
	key := newProofKey(t)
	g := newServer(t, key.bound()).guard(t)
	for _, header := range []string{"Bearer abc", "DPoP abc"} {
		if resp := send(t, g, resource.Rule{}, header, key.proof(nil)); resp.StatusCode != 401 || strings.Contains(fmt.Sprint(resp.Header), "algs") {
			t.Errorf("%s: %s %v", header, resp.Status, resp.Header)
		}
	}
	if _, err := g.Check(t.Context(), "abc", resource.Rule{}); !errors.Is(err, resource.ErrKey) {
		t.Errorf("Check: %v, want %v", err, resource.ErrKey)
	}
	for _, address := range []string{"api.example", "http://api.example", "https://api.example/", "https://api.example?x", "https://a:b@api.example"} {
		if _, err := resource.New(resource.Config{Endpoint: "https://id.example", ClientID: "api", ClientSecret: "x", Address: address}); err == nil {
			t.Errorf("the address %s is taken", address)
		}
	}
}

// TestProofOfJWT: a JWT that is bound to a key is good with a proof of that, as a token is that the server is asked about.
func TestProofOfJWT(t *testing.T) {
	key, thief, es := newProofKey(t), newProofKey(t), newPair(t, "es", jose.ES256)
	g := newServer(t, published(t, es)).keyGuard(t, func(c *resource.Config) { c.Address = "https://api.example" })
	access := es.sign(t, "at+jwt", jwtClaims("cnf", map[string]string{"jkt": key.jkt}))
	sum := sha256.Sum256([]byte(access))
	ath := map[string]any{"ath": base64.RawURLEncoding.EncodeToString(sum[:])}
	for _, tt := range []struct {
		header, proof string
		want          int
	}{{"DPoP", key.proof(ath), 200}, {"DPoP", thief.proof(ath), 401}, {"Bearer", key.proof(ath), 401}} {
		if resp := send(t, g, resource.Rule{}, tt.header+" "+access, tt.proof); resp.StatusCode != tt.want {
			t.Errorf("%s: %s %s, want %d", tt.header, resp.Status, resp.Header.Get("WWW-Authenticate"), tt.want)
		}
	}
}
