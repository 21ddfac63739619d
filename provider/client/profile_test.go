package client_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/provider/client"
)

// TestProfile: a client that adopts the profile registers what that wants, and each thing that it then has otherwise is a fault.
func TestProfile(t *testing.T) {
	t.Parallel()
	bank := func() client.Client {
		c := client.Client{ID: "bank", RedirectURIs: []string{"https://bank.example/callback"}, Scopes: []string{"openid"},
			JWKS: json.RawMessage(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","kid":"one"}]}`)}
		c.Adopt(client.ProfileFAPI2)
		return c
	}
	good := bank()
	if err := client.Check(good); err != nil {
		t.Fatalf("a client that has adopted the profile: %v", err)
	}
	certified := bank()
	certified.BoundTokens, certified.CertificateBound, certified.TokenEndpointAuthMethod = false, true, client.AuthSelfSignedTLS
	certified.Adopt(client.ProfileFAPI2)
	if err := client.Check(certified); err != nil || certified.BoundTokens {
		t.Errorf("a client that shows certificates: %v, %+v", err, certified)
	}
	if !good.RequirePushedRequests || !good.BoundTokens || good.AssertionAudience != client.AudienceIssuer || !good.NeedsPKCE() ||
		good.RotatesRefreshTokens() || good.CodeLife(time.Hour) != time.Minute {
		t.Errorf("it has %+v", good)
	}
	for _, tt := range []struct {
		c                       client.Client
		registered, usual, want string
	}{
		{good, "", client.RS256, client.ES256}, {good, "", client.PS256, client.PS256}, {good, client.EdDSA, client.RS256, client.EdDSA},
		{client.Client{IDTokenAlg: client.ES256}, "", client.RS256, client.RS256},
	} {
		if got := tt.c.SignedBy(tt.registered, tt.usual); got != tt.want {
			t.Errorf("with profile %q, %q registered and %s usual the server signs with %s, want %s", tt.c.Profile, tt.registered, tt.usual, got, tt.want)
		}
	}
	for _, algorithms := range [][]string{good.AssertionAlgorithms(), good.RequestObjectAlgorithms(), good.ProofAlgorithms()} {
		if slices.Contains(algorithms, client.RS256) || len(algorithms) != 3 {
			t.Errorf("it may sign with %q", algorithms)
		}
	}
	for name, change := range map[string]func(*client.Client){
		"needs pushed requests":                  func(c *client.Client) { c.RequirePushedRequests = false },
		"needs bound tokens":                     func(c *client.Client) { c.BoundTokens = false },
		"needs client_assertion_audience issuer": func(c *client.Client) { c.AssertionAudience = "" },
		"needs token_endpoint_auth_method": func(c *client.Client) {
			c.TokenEndpointAuthMethod, c.SecretHash = client.AuthSecretBasic, "x"
		},
		"signs ID tokens":             func(c *client.Client) { c.IDTokenAlg = client.RS256 },
		"answers of userinfo":         func(c *client.Client) { c.UserInfoAlg = client.RS256 },
		"answers about tokens":        func(c *client.Client) { c.IntrospectionAlg = client.RS256 },
		"signs answers":               func(c *client.Client) { c.AnswerAlg = "" },
		"assertions that":             func(c *client.Client) { c.TokenEndpointAuthAlg = client.RS256 },
		"request objects that":        func(c *client.Client) { c.RequestObjectAlg = "none" },
		"no ID token as an answer":    func(c *client.Client) { c.ResponseTypes = []string{client.ResponseCode, client.ResponseIDToken} },
		"no devices":                  func(c *client.Client) { c.GrantTypes = []string{client.GrantCode, client.GrantDevice} },
		"https only":                  func(c *client.Client) { c.RedirectURIs = []string{"http://127.0.0.1/callback"} },
		"apps that can keep a key":    func(c *client.Client) { c.Public, c.TokenEndpointAuthMethod = true, "" },
		"the profile can be fapi2":    func(c *client.Client) { c.Profile = "fapi1" },
		"needs its public keys: jwks": func(c *client.Client) { c.JWKS = nil },
	} {
		c := bank()
		change(&c)
		if err := client.Check(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	free := client.Client{ID: "shop"}
	if free.NeedsPKCE() || !free.RotatesRefreshTokens() || free.CodeLife(time.Hour) != time.Hour || free.ProofAlgorithms() != nil {
		t.Error("a client without a profile is held to it")
	}
}
