package provider_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/client"
	"vestibule/provider/interaction"
	"vestibule/provider/providertest"
)

// TestLevelDemand is what a client can ask of the level, and what is made of it.
// Names of levels that other products know.
const (
	refeds = "https://refeds.org/profile/mfa"
	pape   = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
	nist   = "http://idmanagement.gov/ns/assurance/aal/"
)

func TestLevelDemand(t *testing.T) {
	o := newOP(t)
	o.ui.sign = func(ix *interaction.Interaction) { ix.Login = providertest.Login("otp") }
	const head, tail = `{"id_token":{"acr":{"essential":true,`, `}}}`
	for _, tt := range []struct {
		acrValues, claims string
		level, floor      string
		names             int
	}{
		{"", "", "", "", 0},
		{"aal2", "", "aal2", "", 1},
		{"aal1", "", "aal1", "", 1},
		{"aal2 aal1", "", "aal2", "", 2},
		{"aal1 aal2", "", "aal1", "", 2},
		{"gold aal2", "", "aal2", "", 1}, // the first known one
		{"gold silver", "", "", "", 0},
		{"AAL2", "", "", "", 0},
		{refeds, "", "aal2", "", 1},
		{pape, "", "aal2", "", 1},
		{nist + "2", "", "aal2", "", 1},
		{nist + "1", "", "aal1", "", 1},
		{"2", "", "aal2", "", 1},
		{"1", "", "aal1", "", 1},
		{"", `{}`, "", "", 0},
		{"", `null`, "", "", 0},
		{"", `{"id_token":null,"userinfo":null}`, "", "", 0},
		{"", `{"id_token":{"acr":null}}`, "", "", 0},
		{"", `{"id_token":{"acr":{}}}`, "", "", 0},
		{"", `{"id_token":{"acr":{"essential":true}}}`, "", "", 0}, // it is always sent
		{"", `{"id_token":{"acr":{"value":"aal2"}}}`, "aal2", "", 1},
		{"", `{"id_token":{"acr":{"values":["aal2","aal1"]}}}`, "aal2", "", 2},
		{"", `{"id_token":{"acr":{"essential":false,"values":["aal2"]}}}`, "aal2", "", 1},
		{"", `{"id_token":{"acr":{"values":["gold"]}}}`, "", "", 0},
		{"", head + `"value":"aal2"` + tail, "aal2", "aal2", 1},
		{"", head + `"values":["` + refeds + `","2"]` + tail, "aal2", "aal2", 2},
		{"", head + `"values":["aal2","aal1"]` + tail, "aal2", "aal1", 2},
		{"", head + `"values":["aal1","aal2"]` + tail, "aal1", "aal1", 2},
		{"", head + `"values":["gold","aal1"]` + tail, "aal1", "aal1", 1},
		{"aal2", head + `"value":"aal1"` + tail, "aal1", "aal1", 1}, // claims says more
		{"aal2", `{"id_token":{"acr":null}}`, "aal2", "", 1},
		{"", `{"userinfo":{"acr":{"essential":true,"value":"gold"}}}`, "", "", 0},
		{"", `{"id_token":{"auth_time":{"essential":true},"age":{"value":18}},"more":[1]}`, "", "", 0},
		{"", `{"ID_token":{"acr":{"value":"aal2"}}}`, "", "", 0},
	} {
		v := answer(t, o.authorize(request("acr_values", tt.acrValues, "claims", tt.claims)))
		if e := v.Get("error"); e != "" {
			t.Errorf("acr_values %q, claims %s: error %q", tt.acrValues, tt.claims, e)
			continue
		}
		d := o.ui.last.Demand
		if d.PreferredACR != tt.level || d.EssentialACR != tt.floor || len(d.Names) != tt.names {
			t.Errorf("acr_values %q, claims %s: level %q, floor %q, names %v; want %q, %q and %d names",
				tt.acrValues, tt.claims, d.PreferredACR, d.EssentialACR, d.Names, tt.level, tt.floor, tt.names)
		}
	}
}

func TestClaimsThatAreRefused(t *testing.T) {
	o := newOP(t)
	hint := o.tokens()["id_token"].(string)
	for _, tt := range []struct{ claims, want string }{
		{`x`, "invalid_request"},
		{`[]`, "invalid_request"},
		{`{} {}`, "invalid_request"},
		{`{"id_token":[]}`, "invalid_request"},
		{`{"userinfo":"all"}`, "invalid_request"},
		{`{"id_token":{"acr":"aal2"}}`, "invalid_request"},
		{`{"id_token":{"acr":{"essential":"yes"}}}`, "invalid_request"},
		{`{"id_token":{"acr":{"value":2}}}`, "invalid_request"},
		{`{"id_token":{"acr":{"values":"aal2"}}}`, "invalid_request"},
		{`{"id_token":{"acr":{"values":["aal2",2]}}}`, "invalid_request"},
		{`{"id_token":{"name":true}}`, "invalid_request"},
		{`{"id_token":{"sub":{"values":["u1","u2"]}}}`, "invalid_request"},
		{`{"id_token":{"sub":{"value":""}}}`, "invalid_request"},
		{`{"id_token":{"sub":{"value":"u2"}}}`, "invalid_request"}, // the hint says u1
		{`{"id_token":{"acr":{"essential":true,"value":"gold"}}}`, assurance.ErrorUnmet},
		{`{"id_token":{"acr":{"essential":true,"values":[]}}}`, assurance.ErrorUnmet},
		{`{"id_token":{"acr":{"essential":true,"values":["gold","AAL2"]}}}`, assurance.ErrorUnmet},
	} {
		v := answer(t, o.authorize(request("claims", tt.claims, "id_token_hint", hint)))
		if v.Get("error") != tt.want || v.Get("state") != "st" || v.Get("error_description") == "" {
			t.Errorf("claims %s: %v, want error %s", tt.claims, v, tt.want)
		}
	}
}

func TestClaimsNameTheUser(t *testing.T) {
	o := newOP(t)
	o.authorize(request("claims", `{"id_token":{"sub":{"value":"u1"}}}`))
	if got := o.ui.last.Demand.Subject; got != "u1" {
		t.Errorf("subject %q, want u1", got)
	}
	if r := o.authorize(request("claims", `{"id_token":{"sub":{"value":"u2"}}}`)); r.StatusCode == 303 {
		t.Error("another user than the client asked for got a code")
	}
}

// A client's own names win over the server's, and its answer is in its own words.
func TestOwnNamesOfAClient(t *testing.T) {
	o := newOP(t)
	c, err := o.store.Client(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	c.ACRNames = map[string][]string{"aal1": {"2"}, "aal2": {"gold", "1"}}
	o.store.AddClient(c)
	for _, tt := range []struct {
		asked string
		two   bool // signs in with two factors
		want  string
	}{
		{"", false, "2"},
		{"", true, "gold"},
		{"1", true, "1"},
		{"2", false, "2"},
		{"2", true, "2"},
		{refeds, true, refeds},
		{"silver", true, "gold"},
	} {
		o.ui.sign = func(ix *interaction.Interaction) {
			ix.Login = providertest.Login()
			if tt.two {
				ix.Login = providertest.Login("otp")
			}
		}
		tokens := o.tokens("acr_values", tt.asked)
		if _, body := claims(t, tokens["id_token"]); body["acr"] != tt.want {
			t.Errorf("asked with %q: acr %q, want %q", tt.asked, body["acr"], tt.want)
		}
		_, again := o.token("shop", refresh(tokens["refresh_token"]))
		if _, body := claims(t, again["id_token"]); body["acr"] != tt.want {
			t.Errorf("asked with %q, refreshed: acr %q, want %q", tt.asked, body["acr"], tt.want)
		}
	}
}

// A refresh gives no more than the client may ask for by then: no claims of a scope that was taken from it, and nothing to
// one that may not have codes.
func TestRefreshFollowsTheClient(t *testing.T) {
	wish := []string{"scope", "openid offline_access", "claims", `{"id_token":{"email":null},"userinfo":{"email":null}}`}
	for name, tt := range map[string]struct {
		change func(c *client.Client)
		status int
	}{
		"scope taken":  {func(c *client.Client) { c.Scopes = []string{"openid", "offline_access"} }, http.StatusOK},
		"no more code": {func(c *client.Client) { c.ResponseTypes = []string{client.ResponseIDToken} }, http.StatusBadRequest},
	} {
		o := newOP(t)
		given := o.tokens(wish...)
		if _, info := o.userinfo(given["access_token"]); info["email"] == nil {
			t.Fatalf("%s: userinfo says %v before", name, info)
		}
		code := o.code(wish...)
		o.changeClient("shop", tt.change)
		o.advance(time.Minute)
		status, fresh := o.token("shop", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {given["refresh_token"].(string)}})
		if status != tt.status {
			t.Errorf("%s: refresh answers %d %v, want %d", name, status, fresh, tt.status)
		}
		if token, ok := fresh["access_token"]; ok {
			if _, info := o.userinfo(token); info["email"] != nil {
				t.Errorf("%s: userinfo says %v", name, info)
			}
		}
		o.advance(-30 * time.Second)
		if status, got := o.token("shop", exchange(code)); status != tt.status {
			t.Errorf("%s: exchange answers %d %v, want %d", name, status, got, tt.status)
		}
	}
}
