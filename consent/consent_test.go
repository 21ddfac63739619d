package consent_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"vestibule/consent"
	"vestibule/consent/consenttest"
)

var (
	ctx  = context.Background()
	shop = consent.Client{ID: "shop", Registration: "first"}
)

func TestMemory(t *testing.T) {
	consenttest.TestStore(t, func(*testing.T) consent.Store { return consenttest.New() })
}

func TestMissing(t *testing.T) {
	for _, tt := range []struct {
		name    string
		allowed []string // nil: never asked
		wanted  []string
		missing []string
		known   bool
	}{
		{"new client", nil, []string{"openid", "email"}, []string{"openid", "email"}, false},
		{"new client that wants nothing", nil, nil, []string{}, false},
		{"all allowed", []string{"email", "openid"}, []string{"openid", "email"}, []string{}, true},
		{"fewer than allowed", []string{"email", "openid"}, []string{"openid"}, []string{}, true},
		{"more than allowed", []string{"openid"}, []string{"openid", "profile", "email"}, []string{"profile", "email"}, true},
		{"offline access is a scope", []string{"openid"}, []string{"openid", "offline_access"}, []string{"offline_access"}, true},
		{"wanted twice", []string{"openid"}, []string{"email", "email"}, []string{"email"}, true},
		{"known, nothing allowed", []string{}, []string{"openid"}, []string{"openid"}, true},
	} {
		s := &consent.Service{Store: consenttest.New()}
		if tt.allowed != nil {
			allow(t, s, tt.allowed...)
		}
		missing, known, err := s.Missing(ctx, "ana", shop, tt.wanted)
		if err != nil || !slices.Equal(missing, tt.missing) || known != tt.known {
			t.Errorf("%s: Missing = %v, %v, %v, want %v, %v", tt.name, missing, known, err, tt.missing, tt.known)
		}
		if missing == nil {
			t.Errorf("%s: Missing is nil, want an empty list", tt.name)
		}
	}
}

func TestAllowAdds(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := &consent.Service{Store: consenttest.New(), Now: func() time.Time { return now }}
	allow(t, s, "openid", "email")
	now = now.Add(time.Hour)
	allow(t, s, "profile", "openid")
	g, err := s.Store.Grant(ctx, "ana", shop)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"email", "openid", "profile"}; !slices.Equal(g.Scopes, want) {
		t.Errorf("scopes after two Allows = %v, want %v", g.Scopes, want)
	}
	if got := g.Updated.Sub(g.Created); got != time.Hour {
		t.Errorf("Updated is %v after Created, want 1h", got)
	}
	list, err := s.Accesses(ctx, "ana")
	if err != nil || len(list) != 1 || !slices.Equal(list[0].Scopes, g.Scopes) {
		t.Errorf("Accesses = %v, %v, want that of the grant", list, err)
	}
}

func TestRevoke(t *testing.T) {
	s := &consent.Service{Store: consenttest.New()}
	allow(t, s, "openid")
	if err := s.Revoke(ctx, "ana", shop.ID); err != nil {
		t.Fatalf("Revoke: %v", err)
	}
	if missing, known, _ := s.Missing(ctx, "ana", shop, []string{"openid"}); known || len(missing) != 1 {
		t.Errorf("Missing after Revoke = %v, %v", missing, known)
	}
	if err := s.Revoke(ctx, "ana", shop.ID); !errors.Is(err, consent.ErrNotFound) {
		t.Errorf("second Revoke: %v, want ErrNotFound", err)
	}
}

// A client that is made anew under an old id is new to the user.
func TestMissingOfAClientMadeAnew(t *testing.T) {
	s := &consent.Service{Store: consenttest.New()}
	allow(t, s, "openid")
	anew := consent.Client{ID: shop.ID, Registration: "second"}
	if missing, known, err := s.Missing(ctx, "ana", anew, []string{"openid"}); err != nil || known || !slices.Equal(missing, []string{"openid"}) {
		t.Errorf("Missing = %v, %v, %v, want all of it, of a client that is not known", missing, known, err)
	}
	if err := s.Require(ctx, "ana", anew, nil); !errors.Is(err, consent.ErrNotFound) {
		t.Errorf("Require: %v, want ErrNotFound", err)
	}
}

// A store in trouble must look neither like consent nor like its absence.
func TestStoreInTrouble(t *testing.T) {
	down := errors.New("database down")
	s := &consent.Service{Store: broken{err: down}}
	if _, known, err := s.Missing(ctx, "ana", shop, []string{"openid"}); !errors.Is(err, down) || known {
		t.Errorf("Missing = %v, %v, want the store's error", known, err)
	}
	if err := s.Allow(ctx, "ana", shop, []string{"openid"}); !errors.Is(err, down) {
		t.Errorf("Allow: %v, want the store's error", err)
	}
}

type broken struct {
	consent.Store
	err error
}

func (b broken) Grant(context.Context, string, consent.Client) (consent.Grant, error) {
	return consent.Grant{}, b.err
}

func (b broken) AddScopes(context.Context, string, consent.Client, []string, time.Time) error {
	return b.err
}

func allow(t *testing.T, s *consent.Service, scopes ...string) {
	t.Helper()
	if err := s.Allow(ctx, "ana", shop, scopes); err != nil {
		t.Fatalf("Allow(%v): %v", scopes, err)
	}
}
