package consenttest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
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
		{"scopes that look alike", alike},
		{"many scopes", many},
		{"revoke", revoked},
		{"list", listed},
		{"parallel", parallel},
		{"client made anew", madeAnew},
		{"client made anew meanwhile", madeAnewMeanwhile},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

var (
	ctx     = context.Background()
	shop    = registered("shop")
	created = time.UnixMicro(1_790_000_000_123_456).UTC()
	updated = created.Add(time.Hour)
)

// registered is the client as it was registered first.
func registered(id string) consent.Client {
	return consent.Client{ID: id, Registration: "first of " + id}
}

// anew is the client after it was removed and registered once more.
func anew(c consent.Client) consent.Client {
	c.Registration = "second of " + c.ID
	return c
}

func nothing(t *testing.T, s consent.Store) {
	if _, err := s.Grant(ctx, "ana", shop); !errors.Is(err, consent.ErrNotFound) {
		t.Errorf("Grant of nothing: %v, want ErrNotFound", err)
	}
	if err := s.RevokeAccess(ctx, "ana", "shop", created); !errors.Is(err, consent.ErrNotFound) {
		t.Errorf("RevokeAccess of nothing: %v, want ErrNotFound", err)
	}
	if list, err := s.Accesses(ctx, "ana", created); err != nil || len(list) != 0 {
		t.Errorf("Accesses of nothing = %v, %v", list, err)
	}
}

func saved(t *testing.T, s consent.Store) {
	add(t, s, "ana", registered("wiki"), created)
	same(t, read(t, s, "ana", registered("wiki")), consent.Grant{Subject: "ana", Client: registered("wiki"), Created: created, Updated: created})
	add(t, s, "ana", shop, created, "openid", "email", "offline_access")
	same(t, read(t, s, "ana", shop), consent.Grant{Subject: "ana", Client: shop,
		Scopes: []string{"email", "offline_access", "openid"}, Created: created, Updated: created})
	if _, err := s.Grant(ctx, "ana", registered("other")); !errors.Is(err, consent.ErrNotFound) {
		t.Errorf("Grant for another client: %v, want ErrNotFound", err)
	}
	if _, err := s.Grant(ctx, "ben", shop); !errors.Is(err, consent.ErrNotFound) {
		t.Errorf("Grant of another subject: %v, want ErrNotFound", err)
	}
}

func added(t *testing.T, s consent.Store) {
	add(t, s, "ana", shop, created, "openid")
	add(t, s, "ana", shop, updated, "openid", "email", "email")
	want := consent.Grant{Subject: "ana", Client: shop, Scopes: []string{"email", "openid"}, Created: created, Updated: updated}
	same(t, read(t, s, "ana", shop), want)
	add(t, s, "ana", shop, updated.Add(time.Hour), "openid")
	same(t, read(t, s, "ana", shop), want)
}

func required(t *testing.T, s consent.Store) {
	add(t, s, "ana", shop, created, "openid", "email")
	add(t, s, "ana", registered("wiki"), created)
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
		if err := s.RequireGrant(ctx, tt.subject, registered(tt.client), tt.scopes); !errors.Is(err, tt.want) {
			t.Errorf("RequireGrant(%s, %s, %v) = %v, want %v", tt.subject, tt.client, tt.scopes, err, tt.want)
		}
	}
}

// One scope is not another that a pattern would take for it, or that has it as a part.
func alike(t *testing.T, s consent.Store) {
	for _, tt := range []struct{ allowed, other string }{
		{"a%b", "axxb"}, {"axxb", "a%b"}, {"c_d", "cxd"}, {"cxd", "c_d"}, {"Read", "read"}, {"read", "Read"},
		{"orders:write", "orders"}, {"orders", "orders:write"}, {`\e`, "e"}, {"e", `\e`},
	} {
		client := registered("of " + tt.allowed)
		add(t, s, "ana", client, created, tt.allowed)
		if err := s.RequireGrant(ctx, "ana", client, []string{tt.other}); !errors.Is(err, consent.ErrNotFound) {
			t.Errorf("RequireGrant of %q where %q is allowed = %v, want ErrNotFound", tt.other, tt.allowed, err)
		}
		add(t, s, "ana", client, updated, tt.other)
		want := consent.Grant{Subject: "ana", Client: client, Scopes: slices.Sorted(slices.Values([]string{tt.allowed, tt.other})), Created: created, Updated: updated}
		same(t, read(t, s, "ana", client), want)
		if err := s.RequireGrant(ctx, "ana", client, want.Scopes); err != nil {
			t.Errorf("RequireGrant of %q where they are allowed: %v", want.Scopes, err)
		}
	}
}

// However many scopes are allowed at once, they are one grant, and all of them go with another registration.
func many(t *testing.T, s consent.Store) {
	var scopes []string
	for i := range 1200 {
		scopes = append(scopes, fmt.Sprintf("scope-%04d", i))
	}
	for _, client := range []consent.Client{shop, anew(shop)} {
		add(t, s, "ana", client, created, scopes...)
		same(t, read(t, s, "ana", client), consent.Grant{Subject: "ana", Client: client, Scopes: scopes, Created: created, Updated: created})
		if err := s.RequireGrant(ctx, "ana", client, scopes); err != nil {
			t.Errorf("RequireGrant of %d scopes: %v", len(scopes), err)
		}
		if err := s.RequireGrant(ctx, "ana", client, append(scopes, "other")); !errors.Is(err, consent.ErrNotFound) {
			t.Errorf("RequireGrant of %d scopes and another = %v, want ErrNotFound", len(scopes), err)
		}
	}
}

func revoked(t *testing.T, s consent.Store) {
	add(t, s, "ana", shop, created, "openid")
	add(t, s, "ana", registered("wiki"), created, "openid")
	add(t, s, "ben", shop, created, "openid")
	if err := s.RevokeAccess(ctx, "ana", "shop", updated); err != nil {
		t.Fatalf("RevokeAccess: %v", err)
	}
	isStrange(t, s, "ana", shop)
	if err := s.RevokeAccess(ctx, "ana", "shop", updated); !errors.Is(err, consent.ErrNotFound) {
		t.Errorf("RevokeAccess once more: %v, want ErrNotFound", err)
	}
	read(t, s, "ana", registered("wiki"))
	read(t, s, "ben", shop)
}

func listed(t *testing.T, s consent.Store) {
	for _, client := range []string{"wiki", "shop", "mail"} {
		add(t, s, "ana", registered(client), created, "openid")
	}
	add(t, s, "ana", registered("wiki"), updated, "email")
	add(t, s, "ben", registered("blog"), created, "openid")
	list := accesses(t, s, "ana")
	want := []consent.Access{
		{Client: registered("mail"), Scopes: []string{"openid"}, Allowed: created, Remembered: true},
		{Client: registered("shop"), Scopes: []string{"openid"}, Allowed: created, Remembered: true},
		{Client: registered("wiki"), Scopes: []string{"email", "openid"}, Allowed: created, Remembered: true},
	}
	if !reflect.DeepEqual(list, want) {
		t.Errorf("Accesses of ana are %+v, want %+v", list, want)
	}
}

// accesses are those of the subject, with their times in UTC.
func accesses(t *testing.T, s consent.Store, subject string) []consent.Access {
	t.Helper()
	list, err := s.Accesses(ctx, subject, updated)
	if err != nil {
		t.Fatalf("Accesses(%s): %v", subject, err)
	}
	for i := range list {
		list[i].Allowed = list[i].Allowed.UTC()
	}
	return list
}

// Pages that allow different scopes at once have all of them allowed.
func parallel(t *testing.T, s consent.Store) {
	var group sync.WaitGroup
	var want []string
	for i := range 16 {
		scope := "scope-" + string(rune('a'+i))
		want = append(want, scope)
		group.Go(func() {
			if err := s.AddScopes(ctx, "ana", shop, []string{"openid", scope}, created); err != nil {
				t.Errorf("AddScopes at once with others: %v", err)
			}
		})
	}
	group.Wait()
	want = append([]string{"openid"}, want...)
	same(t, read(t, s, "ana", shop), consent.Grant{Subject: "ana", Client: shop, Scopes: want, Created: created, Updated: created})
}

// A client that is made anew under an old id inherits nothing, and what it is allowed takes the place of what the old one
// was. None of both is the one without a registration.
func madeAnew(t *testing.T, s consent.Store) {
	add(t, s, "ana", shop, created, "openid", "email")
	add(t, s, "ben", shop, created, "openid")
	for _, other := range []consent.Client{anew(shop), {ID: shop.ID}} {
		isStrange(t, s, "ana", other)
	}
	read(t, s, "ana", shop)
	add(t, s, "ana", anew(shop), updated, "openid", "profile")
	want := consent.Grant{Subject: "ana", Client: anew(shop), Scopes: []string{"openid", "profile"}, Created: updated, Updated: updated}
	same(t, read(t, s, "ana", anew(shop)), want)
	isStrange(t, s, "ana", shop)
	access := consent.Access{Client: want.Client, Scopes: want.Scopes, Allowed: updated, Remembered: true}
	if list := accesses(t, s, "ana"); !reflect.DeepEqual(list, []consent.Access{access}) {
		t.Errorf("Accesses = %+v, want that of the client made anew alone", list)
	}
	read(t, s, "ben", shop) // who has not met it yet
	if err := s.RevokeAccess(ctx, "ana", shop.ID, updated); err != nil {
		t.Errorf("RevokeAccess: %v", err)
	}
	isStrange(t, s, "ana", anew(shop))
	isStrange(t, s, "ana", shop)
}

// isStrange checks that the client is one that the subject has allowed nothing.
func isStrange(t *testing.T, s consent.Store, subject string, client consent.Client) {
	t.Helper()
	if g, err := s.Grant(ctx, subject, client); !errors.Is(err, consent.ErrNotFound) {
		t.Errorf("Grant(%s, %v) = %+v, %v, want ErrNotFound", subject, client, g, err)
	}
	for _, scopes := range [][]string{nil, {"openid"}} {
		if err := s.RequireGrant(ctx, subject, client, scopes); !errors.Is(err, consent.ErrNotFound) {
			t.Errorf("RequireGrant(%s, %v, %v) = %v, want ErrNotFound", subject, client, scopes, err)
		}
	}
}

// Pages of the old client and the new one that are answered at once leave one grant, with the scopes of its own page.
func madeAnewMeanwhile(t *testing.T, s consent.Store) {
	var group sync.WaitGroup
	for i := range 16 {
		client, scope := shop, "old"
		if i%2 == 1 {
			client, scope = anew(shop), "new"
		}
		group.Go(func() {
			if err := s.AddScopes(ctx, "ana", client, []string{"openid", scope}, created); err != nil {
				t.Errorf("AddScopes of %v at once with others: %v", client, err)
			}
		})
	}
	group.Wait()
	list := accesses(t, s, "ana")
	if len(list) != 1 {
		t.Fatalf("Accesses = %v, want one", list)
	}
	want := map[consent.Client][]string{shop: {"old", "openid"}, anew(shop): {"new", "openid"}}[list[0].Client]
	if !slices.Equal(list[0].Scopes, want) {
		t.Errorf("%v is allowed %v, want %v", list[0].Client, list[0].Scopes, want)
	}
	same(t, read(t, s, "ana", list[0].Client), consent.Grant{Subject: "ana", Client: list[0].Client, Scopes: want, Created: created, Updated: created})
}

func add(t *testing.T, s consent.Store, subject string, client consent.Client, now time.Time, scopes ...string) {
	t.Helper()
	if err := s.AddScopes(ctx, subject, client, scopes, now); err != nil {
		t.Fatalf("AddScopes(%s, %v, %v): %v", subject, client, scopes, err)
	}
}

func read(t *testing.T, s consent.Store, subject string, client consent.Client) consent.Grant {
	t.Helper()
	g, err := s.Grant(ctx, subject, client)
	if err != nil {
		t.Fatalf("Grant(%s, %v): %v", subject, client, err)
	}
	ctx, found := s.GrantAlong(ctx, subject, client)
	along, err := found(ctx)
	if err != nil {
		t.Fatalf("GrantAlong(%s, %v): %v", subject, client, err)
	}
	same(t, along, g)
	return g
}

func same(t *testing.T, got, want consent.Grant) {
	t.Helper()
	if got.Subject != want.Subject || got.Client != want.Client || !slices.Equal(got.Scopes, want.Scopes) ||
		!got.Created.Equal(want.Created) || !got.Updated.Equal(want.Updated) {
		t.Errorf("grant = %+v, want %+v", got, want)
	}
}
