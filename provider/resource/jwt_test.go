package resource_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"vestibule/provider/resource"
)

const (
	keysIssuer = "https://id.example.com"
	apiAddress = "https://bank.example/api"
)

// pair is a key of a server.
type pair struct {
	private jose.JSONWebKey
	alg     jose.SignatureAlgorithm
}

func newPair(t *testing.T, id string, alg jose.SignatureAlgorithm) pair {
	t.Helper()
	var private crypto.PrivateKey
	var err error
	switch alg {
	case jose.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jose.EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		private, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pair{jose.JSONWebKey{Key: private, KeyID: id, Algorithm: string(alg), Use: "sig"}, alg}
}

// sign returns the claims as a JWT of that type.
func (p pair) sign(t *testing.T, kind string, claims map[string]any) string {
	t.Helper()
	return signed(t, p.alg, p.private, kind, claims)
}

func signed(t *testing.T, alg jose.SignatureAlgorithm, key any, kind string, claims map[string]any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithType(jose.ContentType(kind)))
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// published is the answer of a server with these keys.
func published(t *testing.T, pairs ...pair) string {
	t.Helper()
	keys := []any{map[string]any{"kty": "FUTURE", "kid": "not yet"}} // of a kind that nobody knows
	for _, p := range pairs {
		keys = append(keys, p.private.Public())
	}
	data, err := stdjson.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// jwtClaims are of a token that is good, but for the changes: name and value in turn, nil takes one out.
func jwtClaims(changes ...any) map[string]any {
	c := map[string]any{
		"iss": keysIssuer, "aud": []string{apiAddress}, "sub": "ana", "client_id": "shop", "jti": "1", "scope": "openid transfer",
		"iat": noon.Unix() - 60, "exp": noon.Unix() + 60, "acr": "aal2", "amr": []string{"pwd", "otp", "mfa"}, "auth_time": noon.Unix() - 60,
	}
	c = maps.Clone(c)
	for i := 0; i < len(changes); i += 2 {
		c[changes[i].(string)] = changes[i+1]
		if changes[i+1] == nil {
			delete(c, changes[i].(string))
		}
	}
	return c
}

// keyGuard is a guard that verifies JWTs by the keys of s, and asks nobody about others.
func (s *server) keyGuard(t *testing.T, change ...func(*resource.Config)) *resource.Guard {
	t.Helper()
	return s.guard(t, append([]func(*resource.Config){func(c *resource.Config) {
		c.Endpoint, c.ClientID, c.ClientSecret = "", "", ""
		c.Keys, c.Issuer, c.Resource = s.URL, keysIssuer, apiAddress
	}}, change...)...)
}

// TestJWT: a JWT access token is believed for what the server has signed, for this API, now, and for nothing else.
func TestJWT(t *testing.T) {
	rs, es, ps, ed := newPair(t, "rs", jose.RS256), newPair(t, "es", jose.ES256), newPair(t, "ps", jose.PS256), newPair(t, "ed", jose.EdDSA)
	s := newServer(t, published(t, rs, es, ps, ed))
	g := s.keyGuard(t)
	for _, key := range []pair{rs, es, ps, ed} {
		token, err := g.Check(t.Context(), key.sign(t, "at+jwt", jwtClaims()), resource.Rule{Scopes: []string{"transfer"}, ACR: []string{"aal2"}, MaxAge: time.Minute})
		if err != nil || token.Subject != "ana" || token.ClientID != "shop" || token.ACR != "aal2" || len(token.AMR) != 3 ||
			token.Audience[0] != apiAddress || token.AuthTime.Unix() != noon.Unix()-60 || token.Expires.Unix() != noon.Unix()+60 {
			t.Errorf("%s: %+v, %v", key.alg, token, err)
		}
	}
	other := newPair(t, "es", jose.ES256) // the id of a key of ours
	strange := newPair(t, "strange", jose.ES256)
	public, err := x509.MarshalPKIXPublicKey(rs.private.Public().Key)
	if err != nil {
		t.Fatal(err)
	}
	good := es.sign(t, "at+jwt", jwtClaims())
	head, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	none := "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0Iiwia2lkIjoiZXMifQ"
	for _, tt := range []struct {
		name, token string
		rule        resource.Rule
		want        error
	}{
		{"type with its prefix", es.sign(t, "application/AT+JWT", jwtClaims()), resource.Rule{}, nil},
		{"several APIs", es.sign(t, "at+jwt", jwtClaims("aud", []string{"https://other.example", apiAddress})), resource.Rule{}, nil},
		{"one audience as a text", es.sign(t, "at+jwt", jwtClaims("aud", apiAddress)), resource.Rule{}, nil},
		{"issued by a clock that is a little ahead", es.sign(t, "at+jwt", jwtClaims("iat", noon.Unix()+20)), resource.Rule{}, nil},
		{"another API", es.sign(t, "at+jwt", jwtClaims("aud", "https://other.example")), resource.Rule{}, resource.ErrToken},
		{"an API whose address begins alike", es.sign(t, "at+jwt", jwtClaims("aud", apiAddress+"/v2")), resource.Rule{}, resource.ErrToken},
		{"the app itself", es.sign(t, "at+jwt", jwtClaims("aud", "shop")), resource.Rule{}, resource.ErrToken},
		{"no audience", es.sign(t, "at+jwt", jwtClaims("aud", nil)), resource.Rule{}, resource.ErrToken},
		{"another issuer", es.sign(t, "at+jwt", jwtClaims("iss", keysIssuer+"/")), resource.Rule{}, resource.ErrToken},
		{"ID token", es.sign(t, "JWT", jwtClaims()), resource.Rule{}, resource.ErrToken},
		{"logout token", es.sign(t, "logout+jwt", jwtClaims()), resource.Rule{}, resource.ErrToken},
		{"no type", es.sign(t, "", jwtClaims()), resource.Rule{}, resource.ErrToken},
		{"expired", es.sign(t, "at+jwt", jwtClaims("exp", noon.Unix())), resource.Rule{}, resource.ErrToken},
		{"without an end", es.sign(t, "at+jwt", jwtClaims("exp", nil)), resource.Rule{}, resource.ErrToken},
		{"of the future", es.sign(t, "at+jwt", jwtClaims("iat", noon.Unix()+60)), resource.Rule{}, resource.ErrToken},
		{"not yet", es.sign(t, "at+jwt", jwtClaims("nbf", noon.Unix()+60)), resource.Rule{}, resource.ErrToken},
		{"without an id", es.sign(t, "at+jwt", jwtClaims("jti", nil)), resource.Rule{}, resource.ErrToken},
		{"without an app", es.sign(t, "at+jwt", jwtClaims("client_id", nil)), resource.Rule{}, resource.ErrToken},
		{"without a subject", es.sign(t, "at+jwt", jwtClaims("sub", nil)), resource.Rule{}, resource.ErrToken},
		{"bound to a key", es.sign(t, "at+jwt", jwtClaims("cnf", map[string]string{"jkt": "x"})), resource.Rule{}, resource.ErrKey},
		{"bound to a certificate", es.sign(t, "at+jwt", jwtClaims("cnf", map[string]string{"x5t#S256": "x"})), resource.Rule{}, resource.ErrCertificate},
		{"bound to both", es.sign(t, "at+jwt", jwtClaims("cnf", map[string]string{"jkt": "x", "x5t#S256": "x"})), resource.Rule{}, resource.ErrToken},
		{"bound to something else", es.sign(t, "at+jwt", jwtClaims("cnf", map[string]string{"kid": "x"})), resource.Rule{}, resource.ErrToken},
		{"another key of that id", other.sign(t, "at+jwt", jwtClaims()), resource.Rule{}, resource.ErrToken},
		{"a key that is not the server's", strange.sign(t, "at+jwt", jwtClaims()), resource.Rule{}, resource.ErrToken},
		{"a key of another algorithm", signed(t, jose.PS256, rs.private, "at+jwt", jwtClaims()), resource.Rule{}, resource.ErrToken},
		{"the public key as a secret", signed(t, jose.HS256, jose.JSONWebKey{Key: public, KeyID: "rs"}, "at+jwt", jwtClaims()), resource.Rule{}, resource.ErrToken},
		{"no algorithm", none + "." + body + ".", resource.Rule{}, resource.ErrToken},
		{"no algorithm, but a signature", none + "." + body + "." + signature, resource.Rule{}, resource.ErrToken},
		{"no signature", head + "." + body + ".", resource.Rule{}, resource.ErrToken},
		{"cut off", good[:len(good)-3], resource.Rule{}, resource.ErrToken},
		{"with a line break", good[:8] + "\n" + good[8:], resource.Rule{}, resource.ErrToken},
		{"with one in the signature", good[:len(good)-8] + "\n" + good[len(good)-8:], resource.Rule{}, resource.ErrToken},
		{"no JWT", "a.b.c", resource.Rule{}, resource.ErrToken},
		{"opaque", "vst_at_abc.def", resource.Rule{}, resource.ErrToken},
		{"scope", good, resource.Rule{Scopes: []string{"admin"}}, resource.ErrScope},
		{"level", good, resource.Rule{ACR: []string{"phr"}}, resource.ErrLevel},
		{"age", good, resource.Rule{MaxAge: 59 * time.Second}, resource.ErrAge},
		{"no user", es.sign(t, "at+jwt", jwtClaims("auth_time", nil, "acr", nil, "amr", nil, "sub", "shop")), resource.Rule{MaxAge: time.Hour}, resource.ErrAge},
	} {
		if _, err := g.Check(t.Context(), tt.token, tt.rule); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	if n := s.asked.Load(); n != 1 {
		t.Errorf("the keys were asked for %d times, want once: a strange key so soon is worth no question", n)
	}
}

// TestAppForItself: a token that an app has got for itself is about no user, whatever its id is.
func TestAppForItself(t *testing.T) {
	es := newPair(t, "es", jose.ES256)
	token, err := newServer(t, published(t, es)).keyGuard(t).Check(t.Context(), es.sign(t, "at+jwt", jwtClaims("sub", "shop", "acr", nil)), resource.Rule{})
	if err != nil || token.Subject != "" || token.ClientID != "shop" {
		t.Errorf("read: %+v, %v", token, err)
	}
	s := newServer(t, `{"active":true,"token_type":"Bearer","client_id":"shop","sub":"shop"}`)
	if token, err = s.guard(t).Check(t.Context(), "abc", resource.Rule{}); err != nil || token.Subject != "" || token.ClientID != "shop" {
		t.Errorf("asked: %+v, %v", token, err)
	}
}

// TestKeysChange: a new key is found at once, a strange one costs a question now and then, and a server that does not
// answer is not needed for a while.
func TestKeysChange(t *testing.T) {
	now := noon
	first, second := newPair(t, "first", jose.ES256), newPair(t, "second", jose.ES256)
	s := newServer(t, published(t, first))
	g := s.keyGuard(t, func(c *resource.Config) { c.Now = func() time.Time { return now } })
	check := func(what string, key pair, want error, asked int64) {
		t.Helper()
		token := key.sign(t, "at+jwt", jwtClaims("iat", now.Unix(), "exp", now.Unix()+60))
		if _, err := g.Check(t.Context(), token, resource.Rule{}); !errors.Is(err, want) || s.asked.Load() != asked {
			t.Errorf("%s: %v after %d questions, want %v after %d", what, err, s.asked.Load(), want, asked)
		}
	}
	check("the first token", first, nil, 1)
	check("a key that is unknown", second, resource.ErrToken, 1)
	now = now.Add(11 * time.Second)
	s.say(json(200, published(t, first, second)))
	check("the next key", second, nil, 2)
	now = now.Add(6 * time.Minute)
	s.say(json(200, published(t, second)))
	check("a key that was taken away", first, resource.ErrToken, 3)
	now = now.Add(6 * time.Minute)
	s.say(json(500, "{}"))
	check("the server is in trouble", second, nil, 4)
	check("the server was in trouble a moment ago", second, nil, 4)
	check("a strange key meanwhile", first, resource.ErrUnavailable, 4)
	now = now.Add(time.Hour)
	check("the server is gone for long", second, resource.ErrUnavailable, 5)
	for _, body := range []string{`{"keys":[]}`, `{`, `<!doctype html>`, `{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"second"}]}`} {
		now = now.Add(time.Minute)
		s.say(json(200, body))
		if _, err := g.Check(t.Context(), second.sign(t, "at+jwt", jwtClaims("iat", now.Unix(), "exp", now.Unix()+60)), resource.Rule{}); !errors.Is(err, resource.ErrUnavailable) {
			t.Errorf("keys %q: %v, want %v", body, err, resource.ErrUnavailable)
		}
	}
}

// TestBothKinds: with keys and an endpoint a JWT is read here, and the server is asked about any other.
func TestBothKinds(t *testing.T) {
	es := newPair(t, "es", jose.ES256)
	keys, questions := newServer(t, published(t, es)), newServer(t, strings.Replace(good, `"sub"`, `"aud":"`+apiAddress+`","sub"`, 1))
	g := questions.guard(t, func(c *resource.Config) { c.Keys, c.Issuer, c.Resource = keys.URL, keysIssuer, apiAddress })
	for _, access := range []string{es.sign(t, "at+jwt", jwtClaims()), "vst_at_abc.def"} {
		if token, err := g.Check(t.Context(), access, resource.Rule{}); err != nil || token.Subject != "ana" {
			t.Errorf("%s: %+v, %v", access, token, err)
		}
	}
	if keys.asked.Load() != 1 || questions.asked.Load() != 1 {
		t.Errorf("asked for keys %d times, about tokens %d times, want once each", keys.asked.Load(), questions.asked.Load())
	}
}

// TestAudience: whatever a server says, a token that is not for this API, or of another issuer, does not open it.
func TestAudience(t *testing.T) {
	for _, tt := range []struct {
		name, more string
		want       error
	}{
		{"for this API", `"aud":"` + apiAddress + `",`, nil},
		{"for this one too", `"aud":["https://other.example","` + apiAddress + `"],`, nil},
		{"for another", `"aud":["https://other.example"],`, resource.ErrToken},
		{"for nobody knows whom", ``, resource.ErrToken},
	} {
		s := newServer(t, strings.Replace(good, `"sub"`, tt.more+`"sub"`, 1))
		g := s.guard(t, func(c *resource.Config) { c.Resource, c.Issuer = apiAddress, keysIssuer })
		if _, err := g.Check(t.Context(), "abc", resource.Rule{}); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
	s := newServer(t, good)
	if _, err := s.guard(t, func(c *resource.Config) { c.Issuer = "https://other.example" }).Check(t.Context(), "abc", resource.Rule{}); !errors.Is(err, resource.ErrToken) {
		t.Errorf("of another issuer: %v, want %v", err, resource.ErrToken)
	}
}

// TestMetadata: a client that knows the address of the API finds out which server to ask, from the first answer.
func TestMetadata(t *testing.T) {
	s := newServer(t, `{"active":false}`)
	for _, tt := range []struct{ api, path string }{
		{"https://bank.example", "/.well-known/oauth-protected-resource"},
		{"https://bank.example/", "/.well-known/oauth-protected-resource"},
		{"https://bank.example/mcp", "/.well-known/oauth-protected-resource/mcp"},
		{"https://bank.example/mcp/", "/.well-known/oauth-protected-resource/mcp/"},
	} {
		g := s.guard(t, func(c *resource.Config) {
			c.Resource, c.Issuer, c.Name, c.Scopes = tt.api, keysIssuer, "The bank", []string{"transfer"}
		})
		about := `resource_metadata="https://bank.example` + tt.path + `"`
		for _, c := range []struct{ header, want string }{
			{"", `Bearer ` + about + `, scope="transfer"`},
			{"Bearer abc", `Bearer error="invalid_token", error_description="the access token is malformed, expired or revoked", ` + about},
		} {
			var headers []string
			if c.header != "" {
				headers = []string{c.header}
			}
			if got := call(t, g, resource.Rule{Scopes: []string{"transfer"}}, headers...).Header.Get("WWW-Authenticate"); got != c.want {
				t.Errorf("challenge %s, want %s", got, c.want)
			}
		}
		mux := http.NewServeMux()
		mux.Handle(g.Metadata())
		if status, body, _ := ask(mux, "GET", tt.path); status != 200 ||
			body != fmt.Sprintf(`{"resource":%q,"authorization_servers":[%q],"resource_name":"The bank","scopes_supported":["transfer"],"bearer_methods_supported":["header"]}`, tt.api, keysIssuer) {
			t.Errorf("%s: %d %s", tt.path, status, body)
		}
		if status, _, h := ask(mux, "OPTIONS", tt.path); status != 204 || h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Headers") != "*" {
			t.Errorf("a script may not read the metadata: %d %v", status, h)
		}
		if status, _, _ := ask(mux, "POST", tt.path); status != 405 {
			t.Errorf("POST: %d, want 405", status)
		}
		if status, _, _ := ask(mux, "GET", strings.TrimSuffix(tt.path, "/")+"/x"); status != 404 {
			t.Errorf("below: %d, want 404", status)
		}
	}
	mux := http.NewServeMux()
	mux.Handle(s.guard(t).Metadata())
	if status, _, _ := ask(mux, "GET", "/.well-known/oauth-protected-resource"); status != 404 {
		t.Errorf("an API without an address has metadata: %d", status)
	}
}

func ask(h http.Handler, method, path string) (status int, body string, header http.Header) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w.Code, w.Body.String(), w.Header()
}
