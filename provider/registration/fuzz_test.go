package registration

import (
	"testing"

	"vestibule/provider/client"
)

// FuzzDocument has documents of anybody's making judged: what is taken is within the policy, and nothing of what is an
// operator's to say.
func FuzzDocument(f *testing.F) {
	f.Add([]byte(`{"redirect_uris": ["https://shop.example/cb"], "scope": "openid email", "contacts": [], "jwks": null}`))
	f.Add([]byte(`{"redirect_uris": ["http://127.0.0.1/cb"], "token_endpoint_auth_method": "none", "two_steps": "", "Consent": "never", "PUBLIC": true}`))
	f.Add([]byte(`{"grant_types": ["client_credentials"], "client_name": 7, "redirect_uris": {"a": "b"}}`))
	f.Add([]byte(`{"client_id": "a", "registered_by": "", "audiences": ["https://api.example"], "access_token_format": "jwt", "redirect_uris": ["x:/y"]}`))
	e := New(Config{Policy: Policy{Redirects: []string{"shop.example", Loopback}}})
	base := client.Client{ID: "shop", RegisteredBy: client.ByItself, TwoSteps: client.TwoStepsRequired, Audiences: []string{"https://api.shop.example"}}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := readDocument(data)
		if err != nil {
			return
		}
		c, err := e.wanted(d, base)
		if err != nil {
			return
		}
		for _, rule := range []struct {
			broken bool
			text   string
		}{
			{len(checked(c)) > 0, "is faulty"},
			{len(e.Policy.faults(c)) > 0, "is not within the policy"},
			{c.ID != "shop" || c.RegisteredBy != client.ByItself || c.TwoSteps != base.TwoSteps || len(c.Audiences) != 1 || c.AccessTokenFormat != "", "has what an operator says"},
			{c.Consent != client.ConsentAsk || c.Grants(client.GrantClient), "may too much"},
		} {
			if rule.broken {
				t.Errorf("%s %s: %+v", data, rule.text, c)
			}
		}
	})
}

// TestNames: what a client can register is the client's to say or an operator's, by name; a new name of ours is an operator's.
func TestNames(t *testing.T) {
	all, err := members(client.Client{
		ID: "shop", Public: true, TwoSteps: client.TwoStepsRequired, Consent: client.ConsentAsk, ACRNames: map[string][]string{"aal2": {"x"}}, RegisteredBy: client.ByItself,
		ResourceServer: true, ResourceURIs: []string{"x"}, ResourceScopes: client.Words{"x"}, Audiences: []string{"x"}, AccessTokenFormat: "jwt", IDTokenClaims: []string{"email"}, AssertionAudience: "issuer",
	})
	if err != nil {
		t.Fatal(err)
	}
	delete(all, "token_endpoint_auth_method")
	for name := range all {
		if isClients(name) {
			t.Errorf("%s is a client's to say", name)
		}
	}
}
