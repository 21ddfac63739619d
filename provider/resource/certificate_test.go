package resource_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"vestibule/provider/resource"
)

// TestCertificate: a token that is bound to a certificate comes over a connection with that, as Bearer and in no other way.
func TestCertificate(t *testing.T) {
	own, other := []*x509.Certificate{{Raw: []byte("abc")}}, []*x509.Certificate{{Raw: []byte("abd")}}
	bound := strings.Replace(good, `"Bearer"`, `"Bearer","cnf":{"x5t#S256":"ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"}`, 1)
	key := newProofKey(t)
	for _, tt := range []struct {
		name, answer string
		header       string
		proof        string
		shown        []*x509.Certificate
		unread       error
		status       int
		challenge    string
	}{
		{"with it", bound, "Bearer abc", "", own, nil, 200, ""},
		{"with it before others", bound, "Bearer abc", "", append(own, other...), nil, 200, ""},
		{"without", bound, "Bearer abc", "", nil, nil, 401, `Bearer error="invalid_token", error_description="the access token is bound to a certificate`},
		{"with another", bound, "Bearer abc", "", other, nil, 401, `Bearer error="invalid_token"`},
		{"with another before it", bound, "Bearer abc", "", append(other, own...), nil, 401, `Bearer error="invalid_token"`},
		{"by the scheme of keys", bound, "DPoP abc", key.proof(nil), own, nil, 401, `DPoP error="invalid_token"`},
		{"a header that nobody can read", bound, "Bearer abc", "", nil, errors.New("twice"), 400, `Bearer error="invalid_request"`},
		{"a token that is bound to nothing, with one", good, "Bearer abc", "", own, nil, 200, ""},
	} {
		for _, proxied := range []bool{false, true} {
			if tt.unread != nil && !proxied {
				continue
			}
			g := newServer(t, tt.answer).guard(t, func(c *resource.Config) {
				c.Address = "https://api.example"
				if proxied {
					c.Certificate = func(*http.Request) ([]*x509.Certificate, error) { return tt.shown, tt.unread }
				}
			})
			r := httptest.NewRequestWithContext(t.Context(), "POST", "http://internal:8080/transfer", nil)
			r.Header.Set("Authorization", tt.header)
			if tt.proof != "" {
				r.Header.Set("DPoP", key.proof(nil))
			}
			if !proxied {
				r.TLS = &tls.ConnectionState{PeerCertificates: tt.shown}
			}
			w := httptest.NewRecorder()
			g.Require(resource.Rule{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
			if got := w.Header().Get("WWW-Authenticate"); w.Code != tt.status || !strings.HasPrefix(got, tt.challenge) {
				t.Errorf("%s: %d %s, want %d %s", tt.name, w.Code, got, tt.status, tt.challenge)
			}
		}
	}
}
