package clientauth_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/clientauth"
	"vestibule/provider/store"
)

var errDown = errors.New("the database is down")

// registered are clients by their ids.
type registered map[string]client.Client

func (r registered) Known(_ *http.Request, id string) (client.Client, error) {
	if id == "down" {
		return client.Client{ID: id}, errDown
	}
	if c, ok := r[id]; ok {
		return c, nil
	}
	return client.Client{}, store.ErrNotFound
}

// noHasher is for secrets that nobody chose: they have no slow hash.
type noHasher struct{}

func (noHasher) Hash(context.Context, string) (string, error) { return "", errDown }
func (noHasher) Check(context.Context, string, string) (ok, weak bool, err error) {
	return false, false, errDown
}

// TestClient: a client, or an error and no client.
func TestClient(t *testing.T) {
	secret, hash := client.NewSecret()
	a := &clientauth.Authenticator{
		Clients: registered{
			"app":    {ID: "app", Public: true},
			"shop":   {ID: "shop", SecretHash: hash},
			"post":   {ID: "post", SecretHash: hash, TokenEndpointAuthMethod: client.AuthSecretPost},
			"ledger": {ID: "ledger", TokenEndpointAuthMethod: client.AuthTLS},
		},
		Secrets: client.NewSecretChecker(noHasher{}), Now: time.Now,
	}
	for _, tt := range []struct {
		name  string
		basic []string // id and secret
		form  url.Values
		want  string // the id; empty: none
		code  string
	}{
		{"public", nil, url.Values{"client_id": {"app"}}, "app", ""},
		{"public with a secret", nil, url.Values{"client_id": {"app"}, "client_secret": {secret}}, "", clientauth.InvalidClient},
		{"basic", []string{"shop", secret}, nil, "shop", ""},
		{"form", nil, url.Values{"client_id": {"shop"}, "client_secret": {secret}}, "shop", ""},
		{"wrong secret", []string{"shop", "wrong"}, nil, "", clientauth.InvalidClient},
		{"no secret", nil, url.Values{"client_id": {"shop"}}, "", clientauth.InvalidClient},
		{"not by its method", []string{"post", secret}, nil, "", clientauth.InvalidClient},
		{"both ways", []string{"shop", secret}, url.Values{"client_secret": {secret}}, "", clientauth.InvalidRequest},
		{"of another", []string{"shop", secret}, url.Values{"client_id": {"app"}}, "", clientauth.InvalidRequest},
		{"no certificate", nil, url.Values{"client_id": {"ledger"}}, "", clientauth.InvalidClient},
		{"no assertion", nil, url.Values{"client_id": {"shop"}, "client_assertion": {"x"}}, "", clientauth.InvalidClient},
		{"unknown", []string{"nobody", secret}, nil, "", clientauth.InvalidClient},
		{"nothing", nil, nil, "", clientauth.InvalidClient},
		{"our fault", []string{"down", secret}, nil, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/token", strings.NewReader(""))
			if tt.basic != nil {
				r.SetBasicAuth(tt.basic[0], tt.basic[1])
			}
			got, _, err := a.Client(t.Context(), r, tt.form)
			var wrong *clientauth.Error
			if errors.As(err, &wrong); got.ID != tt.want || (wrong != nil) != (tt.code != "") || wrong != nil && wrong.Code != tt.code {
				t.Errorf("client %q, %v; want %q, %s", got.ID, err, tt.want, tt.code)
			}
			if err != nil && !reflect.DeepEqual(got, client.Client{}) {
				t.Errorf("there is a client beside the error: %+v", got)
			}
			if tt.want == "" && tt.code == "" && !errors.Is(err, errDown) {
				t.Errorf("%v, want our fault as it is", err)
			}
		})
	}
}
