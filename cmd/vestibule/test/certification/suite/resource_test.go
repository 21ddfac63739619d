//go:build conformance

package suite

import (
	"crypto"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"vestibule/provider/resource"
)

// ownAPI starts an API that belongs to the apps with a key, and returns its address. The suite names no resource in its
// requests, so that its tokens are for the app itself: the API asks the server about them as that app.
func (p *provider) ownAPI() string {
	asks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(p.introspect(r.PostFormValue("token")))
	}))
	p.T.Cleanup(asks.Close)
	var api http.Handler
	origin := p.vouched.serve(p.T, "127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { api.ServeHTTP(w, r) }))
	guard := must(resource.New(resource.Config{Endpoint: asks.URL, ClientID: "api", ClientSecret: "api", Issuer: p.issuer,
		Address: origin, Log: slog.New(slog.NewTextHandler(p.T.Output(), nil))}))
	api = guard.Require(resource.Rule{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"accounts":[]}`)
	}))
	return origin + "/accounts"
}

// introspect is what the server tells the app whose token it is; of no token that is for nobody.
func (p *provider) introspect(token string) []byte {
	for id, key := range p.keys {
		response, err := p.client.PostForm(p.issuer+"/introspect", url.Values{"token": {token}, "client_assertion": {p.assertion(id, key)},
			"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}})
		if err != nil {
			p.T.Error(err)
			break
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		var said struct{ Active bool }
		if err == nil && json.Unmarshal(body, &said) == nil && said.Active {
			return body
		}
	}
	return []byte(`{"active":false}`)
}

// assertion says who the app is (RFC 7523).
func (p *provider) assertion(id string, key crypto.Signer) string {
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.PS256, Key: key}, nil))
	now := time.Now().Unix()
	return must(jwt.Signed(signer).Claims(map[string]any{"iss": id, "sub": id, "aud": p.issuer, "iat": now, "exp": now + 60, "jti": rand.Text()}).Serialize())
}
