package provider_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/provider/client"
)

// Scopes that a client is not registered for are ignored, and the answer says what was granted.
func TestUnknownScopesAreIgnored(t *testing.T) {
	o := newOP(t)
	for _, tt := range []struct{ asked, granted string }{
		{"openid", "openid"},
		{"openid admin", "openid"},
		{"admin openid email address phone", "openid email"},
		{"openid  openid", "openid"},
		{"OpenID openid", "openid"},
		{"openid https://api.example/read offline_access", "openid offline_access"},
		{"admin", ""},
		{"", ""},
		{"-", ""}, // not sent
	} {
		body := o.tokens("scope", tt.asked)
		if body["scope"] != tt.granted {
			t.Errorf("asked for %q: the answer says scope %q, want %q", tt.asked, body["scope"], tt.granted)
		}
		if got := fmt.Sprintf("%q", o.ui.last.Scopes); got != fmt.Sprintf("%q", strings.Fields(tt.granted)) {
			t.Errorf("asked for %q: the pages see %s, want %q", tt.asked, got, tt.granted)
		}
		if id := body["id_token"] != nil; id != (tt.granted != "") {
			t.Errorf("asked for %q: an ID token is there: %v", tt.asked, id)
		}
	}
	for _, bad := range []string{"openid \"", "openid\temail", "openid\nemail", "openid \\", "openid jos\u00e9", "openid \x00", "openid \xff"} {
		if v := answer(t, o.authorize(request("scope", bad))); v.Get("error") != "invalid_scope" || v.Get("state") != "st" {
			t.Errorf("scope %q: %v, want invalid_scope", bad, v)
		}
	}
	if r := o.authorize(request("client_id", "nobody", "scope", "openid \"")); r.StatusCode != http.StatusBadRequest {
		t.Errorf("malformed scope of nobody: %d, want a page with 400", r.StatusCode)
	}
}

// A refresh may ask for less: its access token is good for that, and the family stays as it was.
func TestRefreshNarrowsTheScope(t *testing.T) {
	o := newOP(t)
	const all = "openid email offline_access"
	token := o.tokens("scope", all)["refresh_token"]
	for _, tt := range []struct{ asked, granted string }{
		{"openid", "openid"},
		{"", all},
		{"email openid", "email openid"},
		{"email", "email"},
		{"offline_access", "offline_access"},
		{all, all},
	} {
		status, body := o.token("shop", refresh(token, "scope", tt.asked))
		if status != http.StatusOK || body["scope"] != tt.granted {
			t.Fatalf("asked for %q: %d %v, want scope %q", tt.asked, status, body, tt.granted)
		}
		openid := slices.Contains(strings.Fields(tt.granted), client.ScopeOpenID)
		if (body["id_token"] != nil) != openid {
			t.Errorf("asked for %q: an ID token is there: %v", tt.asked, body["id_token"] != nil)
		}
		if _, seen := o.introspect("shop", body["access_token"]); seen["scope"] != tt.granted {
			t.Errorf("asked for %q: the access token has scope %q, want %q", tt.asked, seen["scope"], tt.granted)
		}
		if _, seen := o.introspect("shop", body["refresh_token"]); seen["scope"] != all {
			t.Errorf("asked for %q: the refresh token has scope %q, want %q", tt.asked, seen["scope"], all)
		}
		want := map[bool]int{true: http.StatusOK, false: http.StatusForbidden}[openid]
		status, who := o.userinfo(body["access_token"])
		if email := slices.Contains(strings.Fields(tt.granted), "email"); status != want || openid && (who["email"] != nil) != email {
			t.Errorf("asked for %q: userinfo %d %v", tt.asked, status, who)
		}
		token = body["refresh_token"]
	}
}

func TestRefreshNeverWidensTheScope(t *testing.T) {
	o := newOP(t)
	token := o.tokens("scope", "openid offline_access")["refresh_token"]
	for _, asked := range []string{"openid email", "email", "admin", "openid \"x\"", "openid\temail", "OPENID", "\xff"} {
		if status, body := o.token("shop", refresh(token, "scope", asked)); status != http.StatusBadRequest || body["error"] != "invalid_scope" {
			t.Errorf("refresh with scope %q: %d %v, want invalid_scope", asked, status, body)
		}
	}
	status, body := o.token("shop", refresh(token))
	if status != http.StatusOK {
		t.Fatalf("the refresh token after that: %d %v; a fault must not spend it", status, body)
	}
	if status, body := o.token("shop", refresh(token, "scope", "openid email")); status != http.StatusBadRequest || body["error"] != "invalid_scope" {
		t.Errorf("a retry with more: %d %v, want invalid_scope", status, body)
	}
}

// register changes what the client may ask for.
func (o *op) register(scopes string) {
	o.t.Helper()
	c, err := o.store.Client(o.t.Context(), "shop")
	if err != nil {
		o.t.Fatal(err)
	}
	c.Scopes, c.Updated = strings.Fields(scopes), c.Updated.Add(time.Second)
	o.store.AddClient(c)
}

// A code is decided anew for a client that may ask for less by then, and what comes of it never has more again.
func TestCodeOfAClientThatMayAskForLess(t *testing.T) {
	const all, usual = "openid email offline_access", "openid profile email offline_access"
	for _, tt := range []struct{ may, granted string }{
		{usual, all},
		{"openid offline_access profile", "openid offline_access"},
		{"openid email", "openid email"},
		{"email offline_access", "email offline_access"},
		{"profile", ""},
	} {
		o := newOP(t)
		code := o.code("scope", all)
		o.register(tt.may)
		status, body := o.token("shop", exchange(code))
		if status != http.StatusOK || body["scope"] != tt.granted {
			t.Errorf("may ask for %q: %d %v, want scope %q", tt.may, status, body, tt.granted)
			continue
		}
		granted := strings.Fields(tt.granted)
		for field, scope := range map[string]string{"id_token": client.ScopeOpenID, "refresh_token": client.ScopeOffline} {
			if (body[field] != nil) != slices.Contains(granted, scope) {
				t.Errorf("may ask for %q: there is an %s: %v", tt.may, field, body[field] != nil)
			}
		}
		if _, seen := o.introspect("shop", body["access_token"]); seen["active"] != true || strings.Join(granted, " ") != text(seen["scope"]) {
			t.Errorf("may ask for %q: of the access token is said %v, want scope %q", tt.may, seen, tt.granted)
		}
		o.register(usual)
		if body["refresh_token"] == nil {
			continue
		}
		if _, later := o.token("shop", refresh(body["refresh_token"])); later["scope"] != tt.granted {
			t.Errorf("may ask for %q: a refresh is answered with %v, want scope %q", tt.may, later, tt.granted)
		}
	}
}

// text is a claim that may be missing.
func text(claim any) string {
	s, _ := claim.(string)
	return s
}
