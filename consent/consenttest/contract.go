package consenttest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"vestibule/consent"
)

// TestStore proves that what open returns, an empty store each time, keeps the contract of
// consent.Store. The subjects and clients that it uses are known to nobody else.
func TestStore(t *testing.T, open func(t *testing.T) consent.Store) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, consent.Store)
	}{
		{"nothing", nothing},
		{"save and read", saved},
		{"add", added},
		{"require", required},
		{"delete", deleted},
		{"list", listed},
		{"parallel", parallel},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

var (
	ctx     = context.Background()
	created = time.UnixMicro(1_790_000_000_123_456).UTC()
	updated = created.Add(time.Hour)
)

func nothing(t *testing.T, s consent.Store) {
	if _, err := s.Grant(ctx, "ana", "shop"); !errors.Is(err, consent.ErrNotFound) {
		t.Errorf("Grant of nothing: %v, want ErrNotFound", err)
	}
	if err := s.DeleteGrant(ctx, "ana", "shop"); !errors.Is(err, consent.ErrNotFound) {
		t.Errorf("DeleteGrant of nothing: %v, want ErrNotFound", err)
	}
	if list, err := s.Grants(ctx, "ana"); err != nil || len(list) != 0 {
		t.Errorf("Grants of nothing = %v, %v", list, err)
	}
}

func saved(t *testing.T, s consent.Store) {
	add(t, s, "ana", "wiki", created)
	same(t, read(t, s, "ana", "wiki"), consent.Grant{Subject: "ana", Client: "wiki", Created: created, Updated: created})
	add(t, s, "ana", "shop", created, "openid", "email", "offline_access")
	same(t, read(t, s, "ana", "shop"), consent.Grant{Subject: "ana", Client: "shop",
		Scopes: []string{"email", "offline_access", "openid"}, Created: created, Updated: created})
	if _, err := s.Grant(ctx, "ana", "other"); !errors.Is(err, consent.ErrNotFound) {
		t.Errorf("Grant for another client: %v, want ErrNotFound", err)
	}
	if _, err := s.Grant(ctx, "ben", "shop"); !errors.Is(err, consent.ErrNotFound) {
		t.Errorf("Grant of another subject: %v, want ErrNotFound", err)
	}
}

func added(t *testing.T, s consent.Store) {
	add(t, s, "ana", "shop", created, "openid")
	add(t, s, "ana", "shop", updated, "openid", "email", "email")
	want := consent.Grant{Subject: "ana", Client: "shop", Scopes: []string{"email", "openid"}, Created: created, Updated: updated}
	same(t, read(t, s, "ana", "shop"), want)
	add(t, s, "ana", "shop", updated.Add(time.Hour), "openid")
	same(t, read(t, s, "ana", "shop"), want)
}

func required(t *testing.T, s consent.Store) {
	add(t, s, "ana", "shop", created, "openid", "email")
	add(t, s, "ana", "wiki", created)
	for _, tt := range []struct {
		subject, client string
		scopes          []string
		want            error
	}{
		{"ana", "shop", []string{"openid", "email", "openid"}, nil},
		{"ana", "shop", []string{"email"}, nil},
		{"ana", "shop", nil, nil},
		{"ana", "shop", []string{"openid", "profile"}, consent.ErrNotFound},
		{"ana", "wiki", nil, nil},
		{"ana", "wiki", []string{"openid"}, consent.ErrNotFound},
		{"ana", "mail", nil, consent.ErrNotFound},
		{"ben", "shop", []string{"openid"}, consent.ErrNotFound},
	} {
		if err := s.RequireGrant(ctx, tt.subject, tt.client, tt.scopes); !errors.Is(err, tt.want) {
			t.Errorf("RequireGrant(%s, %s, %v) = %v, want %v", tt.subject, tt.client, tt.scopes, err, tt.want)
		}
	}
}

func deleted(t *testing.T, s consent.Store) {
	add(t, s, "ana", "shop", created, "openid")
	add(t, s, "ana", "wiki", created, "openid")
	if err := s.DeleteGrant(ctx, "ana", "shop"); err != nil {
		t.Fatalf("DeleteGrant: %v", err)
	}
	if _, err := s.Grant(ctx, "ana", "shop"); !errors.Is(err, consent.ErrNotFound) {
		t.Errorf("Grant after DeleteGrant: %v, want ErrNotFound", err)
	}
	read(t, s, "ana", "wiki")
}

func listed(t *testing.T, s consent.Store) {
	for _, client := range []string{"wiki", "shop", "mail"} {
		add(t, s, "ana", client, created, "openid")
	}
	add(t, s, "ben", "blog", created, "openid")
	list, err := s.Grants(ctx, "ana")
	if err != nil {
		t.Fatalf("Grants: %v", err)
	}
	var clients []string
	for _, g := range list {
		clients = append(clients, g.Client)
	}
	if want := []string{"mail", "shop", "wiki"}; !slices.Equal(clients, want) {
		t.Errorf("Grants of ana are for %v, want %v", clients, want)
	}
}

// Pages that allow different scopes at once have all of them allowed.
func parallel(t *testing.T, s consent.Store) {
	var group sync.WaitGroup
	var want []string
	for i := range 16 {
		scope := "scope-" + string(rune('a'+i))
		want = append(want, scope)
		group.Go(func() {
			if err := s.AddScopes(ctx, "ana", "shop", []string{"openid", scope}, created); err != nil {
				t.Errorf("AddScopes at once with others: %v", err)
			}
		})
	}
	group.Wait()
	want = append([]string{"openid"}, want...)
	same(t, read(t, s, "ana", "shop"), consent.Grant{Subject: "ana", Client: "shop", Scopes: want, Created: created, Updated: created})
}

func add(t *testing.T, s consent.Store, subject, client string, now time.Time, scopes ...string) {
	t.Helper()
	if err := s.AddScopes(ctx, subject, client, scopes, now); err != nil {
		t.Fatalf("AddScopes(%s, %s, %v): %v", subject, client, scopes, err)
	}
}

func read(t *testing.T, s consent.Store, subject, client string) consent.Grant {
	t.Helper()
	g, err := s.Grant(ctx, subject, client)
	if err != nil {
		t.Fatalf("Grant(%s, %s): %v", subject, client, err)
	}
	return g
}

func same(t *testing.T, got, want consent.Grant) {
	t.Helper()
	if got.Subject != want.Subject || got.Client != want.Client || !slices.Equal(got.Scopes, want.Scopes) ||
		!got.Created.Equal(want.Created) || !got.Updated.Equal(want.Updated) {
		t.Errorf("grant = %+v, want %+v", got, want)
	}
}
