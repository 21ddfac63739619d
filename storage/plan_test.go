package storage_test

import (
	"maps"
	"slices"
	"testing"

	"vestibule/storage"
)

func TestWithoutFactor(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		for _, id := range []string{"shop", "bank", "gone"} {
			must(t, s.CreateClient(t.Context(), newClient(id)))
		}
		for _, name := range []string{"alice", "bob", "carol", "dora"} {
			must(t, s.CreateAccount(t.Context(), newUser(name, ""), "hash"))
			must(t, s.AddScopes(t.Context(), "sub-"+name, registered("shop"), []string{"openid"}, noon))
		}
		(family{id: "one", client: "bank", subject: "sub-alice"}).begin(t, s)
		(family{id: "two", client: "gone", subject: "sub-alice"}).begin(t, s)
		must(t, s.AddScopes(t.Context(), "sub-dora", registered("gone"), []string{"openid"}, noon))
		must(t, s.DeleteClient(t.Context(), "gone", noon))
		addApp(t, s, "sub-bob", "b1")
		must(t, s.DisableAccount(t.Context(), "sub-carol", noon))

		accounts, err := s.AccountsWithoutFactor(t.Context(), nil)
		must(t, err)
		var names []string
		for _, a := range accounts {
			names = append(names, a.Username)
		}
		if want := []string{"alice", "dora"}; !slices.Equal(names, want) {
			t.Errorf("AccountsWithoutFactor = %v, want %v", names, want)
		}
		for _, tt := range []struct {
			kinds []string
			want  int
		}{{[]string{"totp"}, 2}, {[]string{"key", "totp"}, 2}, {[]string{"key"}, 3}, {[]string{"tot"}, 3}, {[]string{}, 3}} {
			accounts, err := s.AccountsWithoutFactor(t.Context(), tt.kinds)
			if err != nil || len(accounts) != tt.want {
				t.Errorf("AccountsWithoutFactor of %q = %d accounts, %v, want %d", tt.kinds, len(accounts), err, tt.want)
			}
			used, err := s.ClientsWithoutFactor(t.Context(), tt.kinds)
			if err != nil || len(used) != tt.want {
				t.Errorf("ClientsWithoutFactor of %q = %v, %v, want %d users", tt.kinds, used, err, tt.want)
			}
		}
		if n, err := s.ActiveAccounts(t.Context()); err != nil || n != 3 {
			t.Errorf("ActiveAccounts = %d, %v, want 3", n, err)
		}
		used, err := s.ClientsWithoutFactor(t.Context(), nil)
		want := map[string][]string{"sub-alice": {"bank", "shop"}, "sub-dora": {"shop"}}
		if err != nil || !maps.EqualFunc(used, want, slices.Equal) {
			t.Errorf("ClientsWithoutFactor = %v, %v, want %v", used, err, want)
		}
	})
}
