package certification

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"vestibule/cmd/vestibule/servertest"
)

// proofKey is a key that a client makes DPoP proofs with, right ones and wrong ones.
type proofKey struct {
	private *ecdsa.PrivateKey
	clock   *servertest.Clock
}

func newProofKey(o *op) *proofKey {
	return &proofKey{must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)), o.site.Clock}
}

func (k *proofKey) thumbprint() string {
	return encode(must((&jose.JSONWebKey{Key: k.private.Public()}).Thumbprint(crypto.SHA256)))
}

var encode = base64.RawURLEncoding.EncodeToString

// Ahead is now, and that much more, as a claim.
func (k *proofKey) Ahead(by time.Duration) int64 { return k.clock.Now().Add(by).Unix() }

// Proof is for a request; the claims are more of them, as name and value in turn.
func (k *proofKey) Proof(method, address string, claims ...any) string {
	all := map[string]any{"jti": rand.Text(), "htm": method, "htu": address, "iat": k.Ahead(0)}
	for i := 0; i < len(claims); i += 2 {
		all[claims[i].(string)] = claims[i+1]
	}
	return k.write(nil, all)
}

// ProofWith is for a request with an access token.
func (k *proofKey) ProofWith(access, method, address string, claims ...any) string {
	sum := sha256.Sum256([]byte(access))
	return k.Proof(method, address, append([]any{"ath", encode(sum[:])}, claims...)...)
}

// write signs what it is given, whether it is right or not. The changes are members of the header in place of others; nil takes
// one away, as it does among the claims.
func (k *proofKey) write(changes, claims map[string]any) string {
	header := map[string]any{"typ": "dpop+jwt", "alg": "ES256", "jwk": jose.JSONWebKey{Key: k.private.Public()}}
	maps.Copy(header, changes)
	missing := func(_ string, value any) bool { return value == nil }
	maps.DeleteFunc(header, missing)
	maps.DeleteFunc(claims, missing)
	signed := encode(must(json.Marshal(header))) + "." + encode(must(json.Marshal(claims)))
	sum := sha256.Sum256([]byte(signed))
	if header["alg"] == "RS256" {
		return signed + "." + encode(must(rsa.SignPKCS1v15(nil, rsaKey(), crypto.SHA256, sum[:])))
	}
	r, s, err := ecdsa.Sign(rand.Reader, k.private, sum[:])
	if err != nil {
		panic(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + encode(signature)
}

// bound are the modules that both plans have, of those that are about DPoP.
var bound = []asked{
	{"access-token-type-header-case-sensitivity", func(t *testing.T, b, _ *bank) {
		got := b.signedIn(t)
		for _, scheme := range []string{"dpop", "DPOP", "dPoP"} {
			b.works(t, got.access, scheme)
		}
	}},
	{"check-dpop-proof-nbf-exp", func(t *testing.T, b, _ *bank) {
		b.proven(t, func() []any { return []any{"nbf", b.proofs.Ahead(0), "exp", b.proofs.Ahead(5 * time.Minute)} })
	}},
	{"ensure-dpopproof-with-iat-10seconds-before-succeeds", func(t *testing.T, b, _ *bank) {
		b.proven(t, func() []any { return []any{"iat", b.proofs.Ahead(-10 * time.Second)} })
	}},
	{"ensure-dpopproof-with-iat-10seconds-after-succeeds", func(t *testing.T, b, _ *bank) {
		b.proven(t, func() []any { return []any{"iat", b.proofs.Ahead(10 * time.Second)} })
	}},
	{"ensure-mismatched-dpop-jkt-fails", func(t *testing.T, b, _ *bank) {
		request := b.challenged("dpop_jkt", newProofKey(b.op).thumbprint())
		failed(t, b.push(t, request, b.pushProof()), http.StatusBadRequest, "invalid_request", "invalid_dpop_proof")
	}},
	{"ensure-token-endpoint-fails-with-mismatched-dpop-proof-jkt", func(t *testing.T, b, _ *bank) {
		code := b.authorize(t, b.challenged(), b.pushProof()).Get("code")
		other := newProofKey(b.op).Proof(http.MethodPost, b.op.endpoint("token_endpoint"))
		failed(t, b.ask(t, code, other), http.StatusBadRequest, "invalid_grant", "invalid_dpop_proof")
	}},
	{"ensure-token-endpoint-fails-with-mismatched-dpop-jkt", func(t *testing.T, b, _ *bank) {
		code := b.code(t, "dpop_jkt", newProofKey(b.op).thumbprint())
		failed(t, b.ask(t, code, b.proof()), http.StatusBadRequest, "invalid_grant", "invalid_dpop_proof")
	}},
	{"ensure-dpopproof-at-par-endpoint-binding-success", func(t *testing.T, b, _ *bank) {
		b.read(t, b.ask(t, b.authorize(t, b.challenged(), b.pushProof()).Get("code"), b.proof()))
	}},
	{"ensure-dpop-auth-code-binding-success", func(t *testing.T, b, _ *bank) {
		request := b.challenged("dpop_jkt", b.proofs.thumbprint())
		b.read(t, b.ask(t, b.authorize(t, request, b.pushProof()).Get("code"), b.proof()))
	}},
	{"dpop-negative-tests", func(t *testing.T, b, _ *bank) {
		push, token := b.op.endpoint("pushed_authorization_request_endpoint"), b.op.endpoint("token_endpoint")
		failed(t, b.push(t, b.challenged(), b.byRS256(http.MethodPost, push)), http.StatusBadRequest, "invalid_dpop_proof")
		failed(t, b.ask(t, b.code(t), b.byRS256(http.MethodPost, token)), http.StatusBadRequest, "invalid_dpop_proof")
		dpopNegative(t, b)
	}},
}

// byRS256 is a proof that is right but for its algorithm.
func (b *bank) byRS256(method, address string) string {
	header := map[string]any{"alg": "RS256", "jwk": jose.JSONWebKey{Key: rsaKey().Public()}}
	return b.proofs.write(header, map[string]any{"jti": rand.Text(), "htm": method, "htu": address, "iat": b.proofs.Ahead(0)})
}

// pushProof is one for the endpoint that takes pushed requests.
func (b *bank) pushProof(claims ...any) string {
	return b.proofs.Proof(http.MethodPost, b.op.endpoint("pushed_authorization_request_endpoint"), claims...)
}

// proven signs in with proofs that have these claims, at each endpoint.
func (b *bank) proven(t *testing.T, claims func() []any) {
	t.Helper()
	code := b.authorize(t, b.challenged(), b.pushProof(claims()...)).Get("code")
	got := b.read(t, b.ask(t, code, b.proof(claims()...)))
	proof := b.proofs.ProofWith(got.access, http.MethodGet, b.op.endpoint("userinfo_endpoint"), claims()...)
	b.readUserInfo(t, b.atUserInfo(t, got.access, "DPoP", proof))
}

// dpopNegative sends proofs that are wrong in one way each, and some that look wrong.
func dpopNegative(t *testing.T, b *bank) {
	access := b.signedIn(t).access
	address, k := b.op.endpoint("userinfo_endpoint"), b.proofs
	sum := sha256.Sum256([]byte(access))
	made := func(header map[string]any, claims ...any) string {
		all := map[string]any{"jti": rand.Text(), "htm": "GET", "htu": address, "iat": k.Ahead(0), "ath": encode(sum[:])}
		for i := 0; i < len(claims); i += 2 {
			all[claims[i].(string)] = claims[i+1]
		}
		return k.write(header, all)
	}
	good := made(nil)
	again := made(nil)
	host := must(url.Parse(address)).Host
	for _, tt := range []struct {
		name   string
		scheme string
		proofs []string
		taken  bool
	}{
		{"right", "DPoP", []string{good}, true},
		{"two of them", "DPoP", []string{made(nil), made(nil)}, false},
		{"no JWT", "DPoP", []string{strings.Replace(made(nil), ".", "", 1)}, false},
		{"no typ", "DPoP", []string{made(map[string]any{"typ": nil})}, false},
		{"no alg", "DPoP", []string{made(map[string]any{"alg": nil})}, false},
		{"no jwk", "DPoP", []string{made(map[string]any{"jwk": nil})}, false},
		{"no jti", "DPoP", []string{made(nil, "jti", nil)}, false},
		{"no htm", "DPoP", []string{made(nil, "htm", nil)}, false},
		{"no htu", "DPoP", []string{made(nil, "htu", nil)}, false},
		{"no iat", "DPoP", []string{made(nil, "iat", nil)}, false},
		{"no ath", "DPoP", []string{made(nil, "ath", nil)}, false},
		{"another typ", "DPoP", []string{made(map[string]any{"typ": "JWT"})}, false},
		{"RS256", "DPoP", []string{made(map[string]any{"alg": "RS256", "jwk": jose.JSONWebKey{Key: rsaKey().Public()}})}, false},
		{"alg none", "DPoP", []string{made(map[string]any{"alg": "none"})}, false},
		{"wrong signature", "DPoP", []string{made(nil)[:strings.LastIndex(good, ".")] + good[strings.LastIndex(good, "."):]}, false},
		{"private key", "DPoP", []string{made(map[string]any{"jwk": jose.JSONWebKey{Key: k.private}})}, false},
		{"another htm", "DPoP", []string{made(nil, "htm", "PUT")}, false},
		{"htu with query and fragment", "DPoP", []string{made(nil, "htu", address+"?query=1#fragment")}, true},
		{"another htu", "DPoP", []string{made(nil, "htu", address+"/other")}, false},
		{"iat an hour ahead", "DPoP", []string{made(nil, "iat", k.Ahead(time.Hour))}, false},
		{"iat an hour ago", "DPoP", []string{made(nil, "iat", k.Ahead(-time.Hour))}, false},
		{"jti for the first time", "DPoP", []string{again}, true},
		{"jti for the second time", "DPoP", []string{again}, false},
		{"another ath", "DPoP", []string{made(nil, "ath", encode(make([]byte, 32)))}, false},
		{"another key", "DPoP", []string{newProofKey(b.op).ProofWith(access, "GET", address)}, false},
		{"more members than are known", "DPoP", []string{made(map[string]any{"more": "1"}, "more", []string{"1"})}, true},
		{"htu in capitals", "DPoP", []string{made(nil, "htu", strings.Replace(address, "http://"+host, "HTTP://"+strings.ToUpper(host), 1))}, true},
		{"none", "DPoP", nil, false},
		{"none, as Bearer", "Bearer", nil, false},
		{"right at the end", "DPoP", []string{made(nil)}, true},
	} {
		got := b.atUserInfo(t, access, tt.scheme, tt.proofs...)
		if tt.taken != (got.status == http.StatusOK) || !tt.taken && got.status != http.StatusUnauthorized && got.status != http.StatusBadRequest {
			t.Errorf("a proof that is %s: %d %s", tt.name, got.status, got.body)
		}
	}
}
