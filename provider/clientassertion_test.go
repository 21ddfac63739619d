package provider_test

import (
	"crypto/ed25519"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"vestibule/provider/client"
	"vestibule/provider/store"
)

// TestAssertionWhenWeCannotAnswer: a database that is down is not the client's fault, and what it could not note may be
// sent again.
func TestAssertionWhenWeCannotAnswer(t *testing.T) {
	o := newOP(t)
	public, private, _ := ed25519.GenerateKey(nil)
	keys, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: public}}})
	if err != nil {
		t.Fatal(err)
	}
	o.store.AddClient(client.Client{ID: "bank", TokenEndpointAuthMethod: client.AuthPrivateKey, JWKS: keys, RedirectURIs: []string{callback}})
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: private}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(jti string) int {
		claims := map[string]any{"iss": "bank", "sub": "bank", "aud": issuer, "exp": o.clock().Unix() + 60, "jti": jti}
		assertion, err := jwt.Signed(signer).Claims(claims).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		form := url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}, "token": {"x"}}
		r := httptest.NewRequest("POST", issuer+"/introspect", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return o.do(r).StatusCode
	}
	for _, step := range []struct {
		jti  string
		down error
		want int
	}{
		{"1", nil, http.StatusOK},
		{"1", nil, http.StatusUnauthorized},
		{"2", store.ErrUnavailable, http.StatusServiceUnavailable}, // the client is remembered, the jti is not
		{"2", nil, http.StatusOK},
	} {
		o.store.Fail(step.down)
		if got := ask(step.jti); got != step.want {
			t.Errorf("jti %s while the database says %v: %d, want %d", step.jti, step.down, got, step.want)
		}
	}
}
