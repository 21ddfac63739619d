package servertest

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"vestibule/provider/client"
	"vestibule/provider/resource"
)

// Inspector is somebody who asks about tokens: a resource server, or an app that asks about its own.
type Inspector struct {
	Issuer, ID, Secret string
	Resource           string // what tokens for it are asked for by
}

// NewInspector registers an API.
func (s *Site) NewInspector(t *testing.T) *Inspector {
	t.Helper()
	return s.NewInspectorAs(t, "inspector")
}

// NewInspectorAs is NewInspector under an id.
func (s *Site) NewInspectorAs(t *testing.T, id string) *Inspector {
	t.Helper()
	return &Inspector{s.Config.Issuer, id, s.addAPI(t, id), ResourceOf(id)}
}

// Inspector is the client itself, which may ask about its tokens whatever they are for.
func (c *Client) Inspector() *Inspector {
	return &Inspector{Issuer: c.Site.Config.Issuer, ID: c.OAuth.ClientID, Secret: c.OAuth.ClientSecret}
}

// ResourceOf is what the API of that id is known by.
func ResourceOf(id string) string { return "https://" + id + ".example" }

// usualAPIs are those that each client may use.
var usualAPIs = []string{ResourceOf("inspector"), ResourceOf("api")}

// addAPI registers an API and returns its secret.
func (s *Site) addAPI(t *testing.T, id string) (secret string) {
	t.Helper()
	secret, hash := client.NewSecret()
	s.KeepSecret(secret)
	now := s.Clock.Now()
	c := client.Client{ID: id, Name: "The API", SecretHash: hash, ResourceServer: true, ResourceURIs: []string{ResourceOf(id)}, Created: now, Updated: now}
	if err := s.Store.CreateClient(t.Context(), c); err != nil {
		t.Fatalf("create the API: %v", err)
	}
	return secret
}

// Learns fails the test unless introspection says what the ID token of the same answer does.
func (a *Inspector) Learns(t *testing.T, r Tokens) {
	t.Helper()
	got := a.Ask(t, r.Token.AccessToken)
	if !got.Active || got.Scope != "openid offline_access" || got.Subject != r.Subject || got.ACR != r.ACR ||
		got.AuthTime != r.AuthTime || !slices.Equal(got.AMR, r.AMR) {
		t.Errorf("an API learns %+v, the client %+v", got, r.Claims)
	}
}

// Inspected is what an API learns.
type Inspected struct {
	Claims
	Active bool   `json:"active"`
	Scope  string `json:"scope"`
}

// Ask asks the site about a token (RFC 7662).
func (a *Inspector) Ask(t *testing.T, token string) (got Inspected) {
	t.Helper()
	form := url.Values{"token": {token}}
	request, err := http.NewRequestWithContext(t.Context(), "POST", a.Issuer+"/introspect", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(a.ID, a.Secret)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("introspect: %v", err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		t.Fatalf("introspection: %v", err)
	}
	return got
}

// NewAPI registers an API and returns its guard.
func (s *Site) NewAPI(t *testing.T, change ...func(*resource.Config)) *resource.Guard {
	t.Helper()
	c := resource.Config{
		Endpoint: s.Config.Issuer + "/introspect", ClientID: "api", ClientSecret: s.addAPI(t, "api"), Now: s.Clock.Now,
		Issuer: s.Config.Issuer, Resource: ResourceOf("api"),
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	for _, f := range change {
		f(&c)
	}
	g, err := resource.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}
