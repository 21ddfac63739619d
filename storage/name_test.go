package storage_test

import (
	"errors"
	"fmt"
	"testing"

	"vestibule/provider/account"
	"vestibule/provider/store"
	"vestibule/storage"
)

// owns fails the test unless the name is the subject's; an empty subject is nobody.
func owns(t *testing.T, s *storage.Store, name, subject string) {
	t.Helper()
	got, _, err := s.AccountByName(t.Context(), name)
	if got.Subject != subject || (subject == "") != errors.Is(err, store.ErrNotFound) {
		t.Errorf("%s is a name of %q, %v, want %q", name, got.Subject, err, subject)
	}
}

// User names and e-mail addresses are one name space: what is taken as one is taken as the other.
func TestOneNameSpace(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.CreateAccount(t.Context(), newUser("victor", "V@example.com"), "hash"))
		must(t, s.CreateAccount(t.Context(), newUser("own@example.com", "Own@example.com"), "hash"))
		must(t, s.CreateAccount(t.Context(), newUser("eve", "eve@example.com"), "hash"))
		taken := func(what, name string, err error) {
			t.Helper()
			var fault *account.NameTaken
			if !errors.As(err, &fault) || fault.Name != name || !errors.Is(err, store.ErrConflict) {
				t.Errorf("%s: %v, want %s to be taken", what, err, name)
			}
		}
		taken("user name that is an address", "v@example.com", s.CreateAccount(t.Context(), newUser("v@example.com", "x@example.com"), ""))
		taken("user name", "victor", s.CreateAccount(t.Context(), account.Account{Subject: "new", Username: "victor"}, ""))
		taken("address", "v@example.com", s.CreateAccount(t.Context(), newUser("new", "v@EXAMPLE.com"), ""))
		taken("address that is a user name", "own@example.com", s.CreateAccount(t.Context(), newUser("new", "own@example.com"), ""))
		for _, name := range []string{"x@example.com", "new"} {
			owns(t, s, name, "") // what was refused took nothing
		}
		for _, address := range []string{"V@example.com", "own@example.com"} {
			eve := newUser("eve", address)
			name, err := account.CanonicalName(address)
			must(t, err)
			taken("new address", name, s.UpdateAccount(t.Context(), eve))
		}
		owns(t, s, "eve@example.com", "sub-eve")
		owns(t, s, "v@example.com", "sub-victor")

		must(t, s.UpdateAccount(t.Context(), newUser("own@example.com", "other@example.com")))
		owns(t, s, "own@example.com", "sub-own@example.com") // it is the user name still
		owns(t, s, "other@example.com", "sub-own@example.com")
		must(t, s.UpdateAccount(t.Context(), newUser("own@example.com", "")))
		owns(t, s, "other@example.com", "")
		must(t, s.UpdateAccount(t.Context(), newUser("eve", "other@example.com")))
		owns(t, s, "other@example.com", "sub-eve")
		owns(t, s, "eve@example.com", "")
		if err := s.CreateAccount(t.Context(), newUser("Ana", ""), ""); err == nil {
			t.Error("a user name that is not canonical was stored")
		}
	})
}

// Of many who want a name at once, as a user name, as an address, or as another address, one gets it.
func TestOneGetsTheName(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		for i := range 4 {
			must(t, s.CreateAccount(t.Context(), newUser(fmt.Sprintf("old%d", i), fmt.Sprintf("old%d@example.com", i)), ""))
		}
		won := race(t, 12, store.ErrConflict, func(i int) error {
			switch i % 3 {
			case 0:
				a := newUser("z@example.com", fmt.Sprintf("a%d@example.com", i))
				a.Subject = fmt.Sprintf("user %d", i)
				return s.CreateAccount(t.Context(), a, "")
			case 1:
				return s.CreateAccount(t.Context(), newUser(fmt.Sprintf("new%d", i), "z@example.com"), "")
			}
			return s.UpdateAccount(t.Context(), newUser(fmt.Sprintf("old%d", i/3), "z@example.com"))
		})
		if won != 1 {
			t.Errorf("%d got the name, want one", won)
		}
	})
}

// Two users exchange their addresses at once: neither can, and nobody waits for ever.
func TestNamesAreExchanged(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.CreateAccount(t.Context(), newUser("alice", "a@example.com"), ""))
		must(t, s.CreateAccount(t.Context(), newUser("bob", "b@example.com"), ""))
		won := race(t, 8, store.ErrConflict, func(i int) error {
			if i%2 == 0 {
				return s.UpdateAccount(t.Context(), newUser("alice", "b@example.com"))
			}
			return s.UpdateAccount(t.Context(), newUser("bob", "a@example.com"))
		})
		if won != 0 {
			t.Errorf("%d got an address that another had", won)
		}
		owns(t, s, "a@example.com", "sub-alice")
		owns(t, s, "b@example.com", "sub-bob")
	})
}
