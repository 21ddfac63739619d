package storage_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/store"
	"vestibule/storage"
)

func newClient(id string) client.Client {
	return client.Client{
		ID: id, Registration: "registration of " + id, Name: "Client " + id, SecretHash: "sha256:x", IDTokenAlg: "RS256",
		RedirectURIs: []string{"https://rp.example/cb", "https://rp.example/with space"},
		Scopes:       []string{"openid", "offline_access"}, Created: noon, Updated: noon,
		PostLogoutRedirectURIs: []string{"https://rp.example/out"},
		PreviousSecrets:        []client.PreviousSecret{{Hash: "sha256:y", Ends: noon.Add(time.Hour)}, {Hash: "sha256:z", Ends: noon}},
	}
}

func TestClients(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		b, a := newClient("b"), newClient("a")
		a.Public, a.SecretHash, a.PreviousSecrets = true, "", nil
		must(t, s.CreateClient(t.Context(), b))
		must(t, s.CreateClient(t.Context(), a))
		if err := s.CreateClient(t.Context(), a); !errors.Is(err, store.ErrConflict) {
			t.Errorf("CreateClient again: %v, want %v", err, store.ErrConflict)
		}
		got, err := s.Clients(t.Context())
		if want := []client.Client{a, b}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Clients = %+v, %v, want %+v", got, err, want)
		}
		if got, err := s.Client(t.Context(), "b"); err != nil || !reflect.DeepEqual(got, b) {
			t.Errorf("Client = %+v, %v, want %+v", got, err, b)
		}
		if _, err := s.Client(t.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Client of none: %v, want %v", err, store.ErrNotFound)
		}
	})
}

func TestUpdateClient(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		c := newClient("shop")
		c.ResponseTypes = []string{"code", "id_token"}
		c.TwoSteps, c.ACRNames = client.TwoStepsPhishingResistant, map[string][]string{"aal2": {"gold", "silver"}}
		c.IDTokenClaims = []string{"profile", "email"}
		must(t, s.CreateClient(t.Context(), c))
		api := client.Client{ID: "api", SecretHash: "sha256:x", ResourceServer: true, Created: noon, Updated: noon}
		must(t, s.CreateClient(t.Context(), api))
		for _, want := range []client.Client{c, api} {
			got, err := s.Client(t.Context(), want.ID)
			if err != nil || got.TwoSteps != want.TwoSteps || got.ResourceServer != want.ResourceServer || !reflect.DeepEqual(got.IDTokenClaims, want.IDTokenClaims) || !reflect.DeepEqual(got.ACRNames, want.ACRNames) ||
				!reflect.DeepEqual(got.ResponseTypes, want.ResponseTypes) {
				t.Errorf("Client = %+v, %v, want %+v", got, err, want)
			}
		}
		changed := c
		changed.Name, changed.RedirectURIs, changed.Scopes = "Shop", []string{"https://rp.example/new"}, []string{"openid"}
		changed.PostLogoutRedirectURIs = []string{"https://rp.example/out", "https://rp.example/bye"}
		changed.IDTokenClaims = nil
		changed.ResponseTypes = nil
		changed.TwoSteps, changed.ACRNames, changed.Updated = client.TwoStepsRequired, nil, noon.Add(time.Minute)
		must(t, s.UpdateClient(t.Context(), changed, noon))
		if got, err := s.Client(t.Context(), "shop"); err != nil || !reflect.DeepEqual(got, changed) {
			t.Errorf("Client = %+v, %v, want %+v", got, err, changed)
		}
		if err := s.UpdateClient(t.Context(), c, noon); !errors.Is(err, store.ErrConflict) {
			t.Errorf("UpdateClient of an older state: %v, want %v", err, store.ErrConflict)
		}
		if err := s.UpdateClient(t.Context(), newClient("none"), noon); !errors.Is(err, store.ErrConflict) {
			t.Errorf("UpdateClient of none: %v, want %v", err, store.ErrConflict)
		}
	})
}

// TestResources: at most one API is known by a resource, whoever changes, and none that is gone.
func TestResources(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		ctx, first, second := t.Context(), newClient("first"), newClient("second")
		first.ResourceURIs, first.ResourceScopes = []string{"https://a.example", "https://b.example"}, []string{"read", "write"}
		must(t, s.CreateClient(ctx, first))
		must(t, s.CreateClient(ctx, second))
		known := func(want map[string]string) {
			t.Helper()
			for uri, id := range want {
				switch got, err := s.ClientOf(ctx, uri); {
				case id == "" && !errors.Is(err, store.ErrNotFound), id != "" && (err != nil || got.ID != id):
					t.Errorf("%s is %q, %v, want %q", uri, got.ID, err, id)
				}
			}
		}
		known(map[string]string{"https://a.example": "first", "https://b.example": "first", "https://A.example": "", "": ""})
		if got, err := s.ClientOf(ctx, "https://a.example"); err != nil || !reflect.DeepEqual(got, first) {
			t.Errorf("ClientOf = %+v, %v, want %+v", got, err, first)
		}
		other := newClient("third")
		other.ResourceURIs = []string{"https://c.example", "https://b.example"}
		var taken *client.ResourceTaken
		if err := s.CreateClient(ctx, other); !errors.As(err, &taken) || taken.URI != "https://b.example" {
			t.Errorf("CreateClient with the resource of another: %v", err)
		}
		second.ResourceURIs, second.Updated = []string{"https://a.example"}, noon.Add(time.Minute)
		if err := s.UpdateClient(ctx, second, noon); !errors.As(err, &taken) {
			t.Errorf("UpdateClient with the resource of another: %v", err)
		}
		if _, err := s.Client(ctx, "third"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("a client that was refused is there: %v", err)
		}
		known(map[string]string{"https://c.example": "", "https://a.example": "first"})
		first.ResourceURIs, first.Updated = []string{"https://b.example"}, noon.Add(time.Minute)
		must(t, s.UpdateClient(ctx, first, noon))
		must(t, s.UpdateClient(ctx, second, noon))
		known(map[string]string{"https://a.example": "second", "https://b.example": "first"})
		must(t, s.DeleteClient(ctx, "first", noon))
		known(map[string]string{"https://a.example": "second", "https://b.example": ""})
		must(t, s.CreateClient(ctx, other))
		known(map[string]string{"https://b.example": "third"})
	})
}
