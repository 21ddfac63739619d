package protocol

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// withAssertion is a form of a client that authenticates by what it has signed.
func withAssertion(assertion string, parameters ...string) url.Values {
	form := url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion}}
	for i := 0; i < len(parameters); i += 2 {
		form.Set(parameters[i], parameters[i+1])
	}
	return form
}

// byKey has a client authenticate with the key, and send signed request objects if it likes.
func byKey(k *servertest.ClientKey) func(*client.Client) {
	return func(c *client.Client) { c.TokenEndpointAuthMethod, c.JWKS = client.AuthPrivateKey, k.JWKS() }
}

// TestPrivateKeyJWT has a client of a user with two steps authenticate by its key at each endpoint, on two servers.
func TestPrivateKeyJWT(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		phone := servertest.NewEnrolled(t, s, 2).Phone
		key := servertest.NewClientKey(t, "one")
		c := s.NewClient(t, "bank", byKey(key))
		c.OAuth.Endpoint.AuthStyle = oauth2.AuthStyleInParams
		s.Clock.Advance(servertest.Step)
		v := c.Begin("scope", "openid offline_access", "prompt", "consent")
		code := v.Code(v.SignIn(s.NewBrowser(t), "ana").GiveCode(phone.Code(0)).Allow())
		exchange := func(assertion string) servertest.Reply {
			return s.Token(c, withAssertion(assertion, "grant_type", "authorization_code", "code", code, "redirect_uri", c.OAuth.RedirectURL, "code_verifier", v.PKCE))
		}
		for name, assertion := range map[string]string{
			"of another key":     c.Assertion(servertest.NewClientKey(t, "one"), nil),
			"for another server": c.Assertion(key, map[string]any{"aud": "https://bank.example"}),
			"expired":            c.Assertion(key, map[string]any{"exp": s.Clock.Now().Unix() - 31}),
			"for a day":          c.Assertion(key, map[string]any{"exp": s.Clock.Now().Add(24 * time.Hour).Unix()}),
			"without jti":        c.Assertion(key, map[string]any{"jti": nil}),
			"of another client":  c.Assertion(key, map[string]any{"iss": "shop", "sub": "shop"}),
			"a request object":   key.Sign("oauth-authz-req+jwt", map[string]any{"client_id": "bank"}),
			"no JWT":             "x",
		} {
			if got := exchange(assertion); got.Status != http.StatusUnauthorized || got.Error != "invalid_client" {
				t.Errorf("assertion %s: %+v, want 401 invalid_client", name, got)
			}
		}
		if got := s.Token(c, url.Values{"grant_type": {"authorization_code"}, "code": {code}}); got.Error != "invalid_client" {
			t.Errorf("without an assertion: %+v, want invalid_client", got)
		}
		first := c.Assertion(key, map[string]any{"aud": s.Config.Issuer + "/token"})
		tokens := exchange(first)
		if tokens.Status != http.StatusOK || tokens.RefreshToken == "" {
			t.Fatalf("exchange: %+v", tokens)
		}
		refresh := func(assertion string) servertest.Reply {
			return s.Token(c, withAssertion(assertion, "grant_type", "refresh_token", "refresh_token", tokens.RefreshToken))
		}
		for range 2 { // one for each server
			if got := refresh(first); got.Error != "invalid_client" {
				t.Errorf("replayed: %+v, want invalid_client", got)
			}
		}
		if got := refresh(c.Assertion(key, map[string]any{"aud": []string{s.Config.Issuer, s.Config.Issuer + "/token"}})); got.Status != http.StatusOK {
			t.Errorf("refresh: %+v", got)
		}
		endpoint := func(path string) servertest.Reply {
			return s.Ask(c, s.Config.Issuer+path, withAssertion(c.Assertion(key, map[string]any{"aud": s.Config.Issuer + path}), "token", tokens.AccessToken))
		}
		if got := endpoint("/introspect"); got.Status != http.StatusOK {
			t.Errorf("introspect: %+v", got)
		}
		if got := endpoint("/revoke"); got.Status != http.StatusOK {
			t.Errorf("revoke: %+v", got)
		}
		checkOnce(t, s, c, key)
	})
}

// checkOnce sends one assertion to both servers many times at once.
func checkOnce(t *testing.T, s *servertest.Site, c *servertest.Client, key *servertest.ClientKey) {
	t.Helper()
	assertion := c.Assertion(key, nil)
	good := 0
	for _, reply := range servertest.AtOnce(16, func(int) servertest.Reply {
		return s.Ask(c, s.Config.Issuer+"/introspect", withAssertion(assertion, "token", "x"))
	}) {
		switch {
		case reply.Status == http.StatusOK:
			good++
		case reply.Error != "invalid_client":
			t.Errorf("one of many: %+v", reply)
		}
	}
	if good != 1 {
		t.Errorf("an assertion was good %d times, want once", good)
	}
}

// TestKeysOfAClientRotate has a client change the keys at its jwks_uri, which goes down after that.
func TestKeysOfAClientRotate(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	one, two := servertest.NewClientKey(t, "one"), servertest.NewClientKey(t, "two")
	var served atomic.Value
	served.Store([]byte(one.JWKS()))
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(served.Load().([]byte)) }))
	t.Cleanup(host.Close)
	c := s.NewClient(t, "bank", func(c *client.Client) {
		c.TokenEndpointAuthMethod, c.TokenEndpointAuthAlg, c.JWKSURI = client.AuthPrivateKey, "ES256", host.URL
		c.AssertionAudience = client.AudienceIssuer
	})
	ask := func(what string, assertion string, want int) {
		t.Helper()
		if got := s.Ask(c, s.Config.Issuer+"/introspect", withAssertion(assertion, "token", "x")); got.Status != want {
			t.Errorf("%s: %+v, want %d", what, got, want)
		}
	}
	ask("the first key", c.Assertion(one, nil), http.StatusOK)
	ask("for the endpoint, where FAPI wants the issuer", c.Assertion(one, map[string]any{"aud": s.Config.Issuer + "/introspect"}), http.StatusUnauthorized)
	served.Store([]byte(two.JWKS()))
	s.Clock.Advance(time.Minute)
	ask("the second key", c.Assertion(two, nil), http.StatusOK)
	ask("the first key after that", c.Assertion(one, nil), http.StatusUnauthorized)
	served.Store([]byte("down"))
	s.Clock.Advance(time.Hour)
	ask("the second key while nobody serves any", c.Assertion(two, nil), http.StatusOK)
}

// TestSecretsInTheHeader: form-encoded as RFC 6749 wants them, and raw as many clients send them.
func TestSecretsInTheHeader(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	const secret = "p+ss%2Bw/rd%zz, with 43 characters at least, so"
	hash, err := client.HashSecret(t.Context(), nil, secret)
	if err != nil {
		t.Fatal(err)
	}
	methods := map[string]string{"either": "", "basic": client.AuthSecretBasic, "post": client.AuthSecretPost}
	for id, method := range methods {
		s.NewClient(t, id, func(c *client.Client) { c.SecretHash, c.TokenEndpointAuthMethod = hash, method })
	}
	for _, tt := range []struct {
		name, header, body string
		good               bool
	}{
		{"raw", secret, "", true},
		{"form-encoded", url.QueryEscape(secret), "", true},
		{"in the body", "", secret, true},
		{"form-encoded twice", url.QueryEscape(url.QueryEscape(secret)), "", false},
		{"form-encoded in the body", "", url.QueryEscape(secret), false},
		{"wrong", "wrong", "", false},
	} {
		for id, method := range methods {
			form := url.Values{"token": {"x"}}
			if tt.body != "" {
				form.Set("client_id", id)
				form.Set("client_secret", tt.body)
			}
			reply := s.AskAs(id, tt.header, s.Config.Issuer+"/introspect", form)
			registered := method == "" || (method == client.AuthSecretBasic) == (tt.header != "")
			if good := reply.Status == http.StatusOK; good != (tt.good && registered) {
				t.Errorf("%s, of a client that is registered for %q: %+v", tt.name, method, reply)
			}
		}
	}
}
