package storage_test

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"vestibule/provider"
	"vestibule/storage"
)

func account(name, email string) provider.Account {
	return provider.Account{
		Subject: "sub-" + name, Username: name, Name: "Name of " + name, Email: email, EmailVerified: email != "",
		Created: noon, Updated: noon,
	}
}

func TestAccounts(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		alice, bob := account("alice", "Alice@Example.org"), account("bob", "")
		must(t, s.CreateAccount(t.Context(), bob, "hash of bob"))
		must(t, s.CreateAccount(t.Context(), account("carol", ""), "")) // no address is no conflict
		must(t, s.CreateAccount(t.Context(), alice, "hash of alice"))
		for name, a := range map[string]provider.Account{
			"user name": {Subject: "new", Username: "bob"},
			"subject":   {Subject: "sub-bob", Username: "new"},
			"address":   {Subject: "new", Username: "new", Email: "ALICE@example.ORG"},
		} {
			if err := s.CreateAccount(t.Context(), a, ""); !errors.Is(err, provider.ErrConflict) {
				t.Errorf("CreateAccount with a %s that is taken: %v, want %v", name, err, provider.ErrConflict)
			}
		}
		if got, err := s.Account(t.Context(), "sub-alice"); err != nil || !reflect.DeepEqual(got, alice) {
			t.Errorf("Account = %+v, %v, want %+v", got, err, alice)
		}
		if _, err := s.Account(t.Context(), "none"); !errors.Is(err, provider.ErrNotFound) {
			t.Errorf("Account of none: %v, want %v", err, provider.ErrNotFound)
		}
		list, err := s.Accounts(t.Context())
		if want := []provider.Account{alice, bob, account("carol", "")}; err != nil || !reflect.DeepEqual(list, want) {
			t.Errorf("Accounts = %+v, %v, want %+v", list, err, want)
		}
	})
}

func TestAccountByName(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.CreateAccount(t.Context(), account("alice", "Alice@Example.org"), "1"))
		must(t, s.CreateAccount(t.Context(), account("alice@example.org", "eve@example.org"), "2"))
		must(t, s.CreateAccount(t.Context(), account("bob", "bob@example.org"), "3"))
		for name, want := range map[string]string{
			"alice": "1", "alice@example.org": "2", "eve@example.org": "2", "bob@example.org": "3", "none": "", "": "",
		} {
			_, hash, err := s.AccountByName(t.Context(), name)
			if hash != want || (want == "") != errors.Is(err, provider.ErrNotFound) {
				t.Errorf("AccountByName(%q) = %q, %v, want %q", name, hash, err, want)
			}
		}
	})
}

func TestSetPasswordHash(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.CreateAccount(t.Context(), account("alice", ""), "old"))
		won := race(t, 8, provider.ErrConflict, func(int) error {
			return s.SetPasswordHash(t.Context(), "sub-alice", "old", "new")
		})
		if _, hash, err := s.AccountByName(t.Context(), "alice"); won != 1 || err != nil || hash != "new" {
			t.Errorf("%d won, hash %q, %v, want 1 and new", won, hash, err)
		}
	})
}

func TestDisableAccountEndsEverything(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.CreateClient(t.Context(), client("rp")))
		for _, name := range []string{"alice", "bob"} {
			must(t, s.CreateAccount(t.Context(), account(name, ""), "hash"))
			must(t, s.SaveSession(t.Context(), nil, session(name, "sub-"+name)))
			f := family{id: name, client: "rp", subject: "sub-" + name}
			f.begin(t, s)
			save(t, s, f.code("second-"+name))
		}
		later := noon.Add(time.Hour)
		must(t, s.DisableAccount(t.Context(), "sub-alice", later))
		if err := s.DisableAccount(t.Context(), "none", later); !errors.Is(err, provider.ErrNotFound) {
			t.Errorf("DisableAccount of none: %v, want %v", err, provider.ErrNotFound)
		}
		for name, live := range map[string]bool{"alice": false, "bob": true} {
			a, err := s.Account(t.Context(), "sub-"+name)
			if err != nil || a.Disabled == live {
				t.Errorf("%s: disabled %v, %v", name, a.Disabled, err)
			}
			if got := hasSession(t, s, name); got != live {
				t.Errorf("%s has a session: %v, want %v", name, got, live)
			}
			if got := (family{id: name}).alive(t, s); got != live {
				t.Errorf("%s has tokens: %v, want %v", name, got, live)
			}
			if err := s.Exchange(t.Context(), "second-"+name, nil); errors.Is(err, provider.ErrConflict) == live {
				t.Errorf("Exchange for %s: %v", name, err)
			}
		}
	})
}
