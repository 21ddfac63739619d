package provider_test

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"vestibule/provider/account"
	"vestibule/provider/client"
)

// rotate gives the client another secret, beside the one that it had.
func (o *op) rotate(c *client.Client) {
	c.PreviousSecrets = []client.PreviousSecret{{Hash: c.SecretHash, Ends: o.clock().Add(time.Hour)}}
	_, c.SecretHash = client.NewSecret()
}

// hashSlowly has the client keep its secret, by another hash.
func (o *op) hashSlowly(c *client.Client) {
	var err error
	if c.SecretHash, err = (&account.Hasher{Memory: 8 << 10, Passes: 1}).Hash(o.t.Context(), o.secret); err != nil {
		o.t.Fatal(err)
	}
}

// TestSecretOfAClientThatChanges: whoever comes with a secret that is good before and after a change is not refused for what
// has ended beside it; whoever comes with what has ended is.
func TestSecretOfAClientThatChanges(t *testing.T) {
	changes := map[string]struct {
		change func(o *op, c *client.Client)
		good   bool
	}{
		"it is the one before":  {(*op).rotate, true},
		"it has another hash":   {(*op).hashSlowly, true},
		"it has ended":          {func(_ *op, c *client.Client) { _, c.SecretHash = client.NewSecret() }, false},
		"it is sent otherwise":  {func(_ *op, c *client.Client) { c.TokenEndpointAuthMethod = client.AuthSecretPost }, false},
		"another registration":  {func(_ *op, c *client.Client) { c.Registration = "another" }, false},
		"a public client by it": {func(_ *op, c *client.Client) { c.Public, c.SecretHash = true, "" }, false},
	}
	for kind, ask := range map[string]struct {
		client string
		form   func(o *op) url.Values
		fault  string
	}{
		"for itself":      {"job", func(*op) url.Values { return own() }, "invalid_client"},
		"a code":          {"shop", func(o *op) url.Values { return exchange(o.code()) }, "invalid_grant"},
		"a refresh token": {"shop", func(o *op) url.Values { return refresh(o.tokens()["refresh_token"]) }, "invalid_grant"},
	} {
		for name, tt := range changes {
			o := newOP(t)
			o.addJob()
			o.changeRemembered(ask.client, func(c *client.Client) { // it has a secret of before, which ends with the change
				_, hash := client.NewSecret()
				c.PreviousSecrets = []client.PreviousSecret{{Hash: hash, Ends: o.clock().Add(time.Hour)}}
			})
			form := ask.form(o)
			o.revokes(ask.client, "nothing") // it is remembered
			o.changeRemembered(ask.client, func(c *client.Client) {
				c.PreviousSecrets = nil
				tt.change(o, c)
			})
			if status, got := o.token(ask.client, form); (status == http.StatusOK) != tt.good || !tt.good && got["error"] != ask.fault {
				t.Errorf("%s, %s: %d %v, want it done: %v", kind, name, status, got, tt.good)
			}
		}
	}
}

// TestKeyOfAClientThatChanges is the same for a client that signs what it sends: its assertion works once, whatever else
// has changed.
func TestKeyOfAClientThatChanges(t *testing.T) {
	o := newOP(t)
	public, private, _ := ed25519.GenerateKey(nil)
	other, _, _ := ed25519.GenerateKey(nil)
	keys := func(all ...ed25519.PublicKey) []byte {
		var set jose.JSONWebKeySet
		for i, key := range all {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: key, KeyID: fmt.Sprint(i)})
		}
		data, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: private}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(jti string) (int, map[string]any) {
		said := map[string]any{"iss": "bank", "sub": "bank", "aud": issuer, "exp": o.clock().Unix() + 60, "jti": jti}
		assertion, err := jwt.Signed(signer).Claims(said).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return o.token("", own("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", assertion))
	}
	o.store.AddClient(client.Client{ID: "bank", TokenEndpointAuthMethod: client.AuthPrivateKey, JWKS: keys(public),
		GrantTypes: []string{client.GrantClient}, Scopes: []string{"report"}, Updated: o.clock()})
	for _, step := range []struct {
		jti  string
		keys []byte
		want int
	}{
		{"1", keys(public), http.StatusOK},
		{"2", keys(public, other), http.StatusOK},
		{"2", keys(public, other), http.StatusUnauthorized},
		{"3", keys(other), http.StatusUnauthorized},
	} {
		o.changeRemembered("bank", func(c *client.Client) { c.JWKS = step.keys })
		if status, got := ask(step.jti); status != step.want {
			t.Errorf("jti %s: %d %v, want %d", step.jti, status, got, step.want)
		}
	}
}
