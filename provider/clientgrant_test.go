package provider_test

import (
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"testing"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/store"
)

// addJob registers a client that acts for itself, with the ledger to use.
func (o *op) addJob() {
	o.t.Helper()
	o.addLedger()
	shop, err := o.store.Client(o.t.Context(), "shop")
	if err != nil {
		o.t.Fatal(err)
	}
	o.store.AddClient(client.Client{ID: "job", SecretHash: shop.SecretHash, GrantTypes: []string{client.GrantClient}, Updated: o.clock(),
		Scopes: []string{"openid", "email", "admin", "offline_access", "report"}, Audiences: []string{ledger}})
}

// own asks for a token without a user.
func own(pairs ...string) url.Values {
	return change(url.Values{"grant_type": {"client_credentials"}}, pairs)
}

// TestClientCredentials: a client gets an access token for itself, and nothing that is of a user.
func TestClientCredentials(t *testing.T) {
	log := &recorder{}
	o := newOP(t)
	o.audit = log
	o.restart()
	o.addJob()
	now := float64(o.clock().Unix())
	for _, tt := range []struct {
		form    url.Values
		scope   string
		aud     string
		readers []string
	}{
		{own(), "admin report", "job", []string{"job"}},
		{own("scope", "report"), "report", "job", []string{"job"}},
		{own("scope", "report admin", "resource", ledger), "admin", ledger, []string{"job", "ledger-api"}}, // what the ledger serves
		{own("resource", issuer), "admin report", "job", []string{"job"}},
	} {
		status, got := o.token("job", tt.form)
		want := map[string]any{"access_token": got["access_token"], "token_type": "Bearer", "expires_in": got["expires_in"], "scope": tt.scope}
		if status != http.StatusOK || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v: %d %v, want %v", tt.form, status, got, want)
		}
		seen := map[string]any{"active": true, "client_id": "job", "sub": "job", "iss": issuer, "aud": []any{tt.aud}, "scope": tt.scope,
			"iat": now, "exp": now + 600, "token_type": "Bearer"}
		for _, reader := range []string{"job", "ledger-api", "api", "shop"} {
			_, told := o.introspect(reader, got["access_token"])
			switch knows := slices.Contains(tt.readers, reader); {
			case knows && !reflect.DeepEqual(told, seen):
				t.Errorf("%v: %s learns %v, want %v", tt.form, reader, told, seen)
			case !knows && told["active"] != false:
				t.Errorf("%v: %s learns %v", tt.form, reader, told)
			}
		}
		if status, body := o.userinfo(got["access_token"]); status != http.StatusUnauthorized {
			t.Errorf("%v: userinfo %d %v", tt.form, status, body)
		}
		o.revokes("shop", got["access_token"])
		if !o.active("job", got["access_token"].(string)) {
			t.Errorf("%v: another client has ended it", tt.form)
		}
		o.revokes("job", got["access_token"])
		if o.active("job", got["access_token"].(string)) {
			t.Errorf("%v: it is active after it was revoked", tt.form)
		}
	}
	events := log.of(audit.EventClientToken)
	if len(events) != 4 || events[2].Client != "job" || events[2].Subject != "" || events[2].Detail["scopes"] != "admin" || events[2].Detail["resource"] != ledger || events[2].Address != "192.0.2.1" {
		t.Errorf("recorded are %+v", events)
	}
}

// TestClientCredentialsAreRefused: to whoever is not registered for them, and for what only a user can allow.
func TestClientCredentialsAreRefused(t *testing.T) {
	o := newOP(t)
	o.addJob()
	for _, tt := range []struct {
		client string
		form   url.Values
		status int
		want   string
	}{
		{"shop", own(), 400, "unauthorized_client"},
		{"api", own(), 400, "unauthorized_client"},
		{"", own("client_id", "app"), 400, "unauthorized_client"}, // a public client
		{"", own("client_id", "job"), 401, "invalid_client"},
		{"nobody", own(), 401, "invalid_client"},
		{"job", own("scope", "openid"), 400, "invalid_scope"},
		{"job", own("scope", "report offline_access"), 400, "invalid_scope"},
		{"job", own("scope", "report email"), 400, "invalid_scope"},
		{"job", own("scope", "everything"), 400, "invalid_scope"},
		{"job", own("scope", "REPORT"), 400, "invalid_scope"},
		{"job", own("resource", bank), 400, "invalid_target"},
		{"job", own("code", "x"), 400, "invalid_request"},
		{"job", own("refresh_token", "x"), 400, "invalid_request"},
		{"job", own("grant_type", "client_credentials client_credentials"), 400, "unsupported_grant_type"},
		{"job", exchange(o.code()), 400, "unauthorized_client"},
		{"job", refresh(o.tokens()["refresh_token"]), 400, "unauthorized_client"},
	} {
		if status, got := o.token(tt.client, tt.form); status != tt.status || got["error"] != tt.want {
			t.Errorf("%s %v: %d %v, want %d %s", tt.client, tt.form, status, got, tt.status, tt.want)
		}
	}
	if r := o.authorize(request("client_id", "job")); r.StatusCode != http.StatusBadRequest {
		t.Errorf("a client without redirect URIs signs a user in: %d", r.StatusCode)
	}
	if status, got := o.token("job", own()); status != http.StatusOK {
		t.Errorf("in the end: %d %v", status, got)
	}
	o.store.Fail(store.ErrUnavailable)
	defer o.store.Fail(nil)
	if status, got := o.token("job", own()); status != http.StatusServiceUnavailable {
		t.Errorf("while the database is down: %d %v, want 503", status, got)
	}
}

// TestClientCredentialsEnd: a token that a client has got for itself ends with any change of what that rests on, and one
// that is asked for at that moment rests on what is registered then.
func TestClientCredentialsEnd(t *testing.T) {
	for name, change := range map[string]func(c *client.Client){
		"secret":       func(c *client.Client) { _, c.SecretHash = client.NewSecret() },
		"scopes":       func(c *client.Client) { c.Scopes = []string{"report"} },
		"APIs":         func(c *client.Client) { c.Audiences = nil },
		"grant types":  func(c *client.Client) { c.GrantTypes = nil },
		"made anew":    func(c *client.Client) { c.Registration = "another" },
		"JWT, in fact": func(c *client.Client) { c.AccessTokenFormat = client.FormatJWT },
	} {
		o := newOP(t)
		o.addJob()
		if name == "scopes" {
			o.change("job", func(c *client.Client) { c.AccessTokenFormat = client.FormatJWT })
		}
		_, got := o.token("job", own("resource", ledger))
		access, _ := got["access_token"].(string)
		if !o.active("ledger-api", access) {
			t.Fatalf("%s: %v", name, got)
		}
		o.change("job", change)
		if o.active("ledger-api", access) {
			t.Errorf("%s: the token is active after the change", name)
		}
	}
}

// TestClientCredentialsOfAClientThatChanges: what was remembered of the client is not what counts.
func TestClientCredentialsOfAClientThatChanges(t *testing.T) {
	o := newOP(t)
	o.addJob()
	if status, got := o.token("job", own()); status != http.StatusOK { // it is known for a moment
		t.Fatalf("%d %v", status, got)
	}
	change := func(change func(c *client.Client)) {
		c, err := o.store.Client(t.Context(), "job")
		if err != nil {
			t.Fatal(err)
		}
		change(&c)
		c.Updated = c.Updated.Add(time.Second)
		o.store.AddClient(c)
	}
	change(func(c *client.Client) { c.Scopes = []string{"report"} })
	if status, got := o.token("job", own()); status != http.StatusOK || got["scope"] != "report" || !o.active("job", got["access_token"].(string)) {
		t.Errorf("fewer scopes: %d %v", status, got)
	}
	change(func(c *client.Client) { c.GrantTypes = nil })
	if status, got := o.token("job", own()); got["error"] != "unauthorized_client" {
		t.Errorf("no such grant: %d %v, want unauthorized_client", status, got)
	}
	change(func(c *client.Client) { c.GrantTypes = []string{client.GrantClient} })
	o.advance(4 * time.Second)
	o.token("job", own())
	change(func(c *client.Client) { _, c.SecretHash = client.NewSecret() })
	if status, got := o.token("job", own()); status != http.StatusUnauthorized || got["error"] != "invalid_client" {
		t.Errorf("another secret: %d %v, want invalid_client", status, got)
	}
}

// TestClientCredentialsAndJWT: the client is the subject, and nothing says that anybody has signed in.
func TestClientCredentialsAndJWT(t *testing.T) {
	o := newOP(t)
	o.addJob()
	o.change("ledger-api", func(c *client.Client) { c.AccessTokenFormat = client.FormatJWT })
	_, got := o.token("job", own("resource", ledger))
	_, said := claims(t, got["access_token"])
	now := float64(o.clock().Unix())
	want := map[string]any{"iss": issuer, "sub": "job", "client_id": "job", "aud": []any{ledger}, "iat": now, "exp": now + 600, "jti": said["jti"], "scope": "admin"}
	if !reflect.DeepEqual(said, want) {
		t.Errorf("the token says %v, want %v", said, want)
	}
	if !o.active("ledger-api", got["access_token"].(string)) {
		t.Error("it is not active")
	}
}

// TestClientCredentialsThatAreLost: an answer that does not come is nobody's fault but ours.
func TestClientCredentialsThatAreLost(t *testing.T) {
	o := newOP(t)
	o.addJob()
	o.store.Lose(errors.New("connection lost"))
	if status, got := o.token("job", own()); status != http.StatusInternalServerError || got["access_token"] != nil {
		t.Errorf("%d %v, want 500", status, got)
	}
}
