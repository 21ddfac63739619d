package storage_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/claims"
	"vestibule/provider/store"
	"vestibule/storage"
)

func newUser(name, email string) account.Account {
	return account.Account{
		Subject: "sub-" + name, Username: name, Name: "Name of " + name, Email: email, EmailVerified: email != "",
		Created: noon, Updated: noon,
	}
}

func TestAccounts(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		alice, bob := newUser("alice", "Alice@Example.org"), newUser("bob", "")
		must(t, s.CreateAccount(t.Context(), bob, "hash of bob"))
		must(t, s.CreateAccount(t.Context(), newUser("carol", ""), "")) // no address is no conflict
		must(t, s.CreateAccount(t.Context(), alice, "hash of alice"))
		must(t, s.CreateAccount(t.Context(), newUser("dora@example.org", ""), ""))
		for name, a := range map[string]account.Account{
			"user name":                    {Subject: "new", Username: "bob"},
			"subject":                      {Subject: "sub-bob", Username: "new"},
			"address":                      {Subject: "new", Username: "new", Email: "ALICE@example.ORG"},
			"user name that is an address": {Subject: "new", Username: "alice@example.org"},
			"address that is a user name":  {Subject: "new", Username: "new", Email: "dora@example.org"},
		} {
			if err := s.CreateAccount(t.Context(), a, ""); !errors.Is(err, store.ErrConflict) {
				t.Errorf("CreateAccount with a %s that is taken: %v, want %v", name, err, store.ErrConflict)
			}
		}
		if got, err := s.Account(t.Context(), "sub-alice"); err != nil || !reflect.DeepEqual(got, alice) {
			t.Errorf("Account = %+v, %v, want %+v", got, err, alice)
		}
		if _, err := s.Account(t.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Account of none: %v, want %v", err, store.ErrNotFound)
		}
		list, err := s.Accounts(t.Context())
		if want := []account.Account{alice, bob, newUser("carol", ""), newUser("dora@example.org", "")}; err != nil || !reflect.DeepEqual(list, want) {
			t.Errorf("Accounts = %+v, %v, want %+v", list, err, want)
		}
	})
}

func TestAccountByName(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.CreateAccount(t.Context(), newUser("alice", "Alice@Example.org"), "1"))
		must(t, s.CreateAccount(t.Context(), newUser("eve@example.org", "Eve@Example.org"), "2")) // her own address
		must(t, s.CreateAccount(t.Context(), newUser("bob", "bob@example.org"), "3"))
		for name, want := range map[string]string{
			"alice": "1", "alice@example.org": "1", "eve@example.org": "2", "bob@example.org": "3", "none": "", "": "",
		} {
			_, hash, err := s.AccountByName(t.Context(), name)
			if hash != want || (want == "") != errors.Is(err, store.ErrNotFound) {
				t.Errorf("AccountByName(%q) = %q, %v, want %q", name, hash, err, want)
			}
		}
	})
}

func TestSetPasswordHash(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.CreateAccount(t.Context(), newUser("alice", ""), "old"))
		won := race(t, 8, store.ErrConflict, func(int) error {
			return s.SetPasswordHash(t.Context(), "sub-alice", "old", "new")
		})
		if _, hash, err := s.AccountByName(t.Context(), "alice"); won != 1 || err != nil || hash != "new" {
			t.Errorf("%d won, hash %q, %v, want 1 and new", won, hash, err)
		}
	})
}

func TestDisableAccountEndsEverything(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.CreateClient(t.Context(), newClient("rp")))
		for _, name := range []string{"alice", "bob"} {
			must(t, s.CreateAccount(t.Context(), newUser(name, ""), "hash"))
			must(t, s.SaveSession(t.Context(), nil, session(name, "sub-"+name)))
			f := family{id: name, client: "rp", subject: "sub-" + name}
			f.begin(t, s)
			save(t, s, f.code("second-"+name))
		}
		later := noon.Add(time.Hour)
		must(t, s.DisableAccount(t.Context(), "sub-alice", later))
		if err := s.DisableAccount(t.Context(), "none", later); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("DisableAccount of none: %v, want %v", err, store.ErrNotFound)
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
			if err := s.Exchange(t.Context(), "second-"+name, nil); errors.Is(err, store.ErrConflict) == live {
				t.Errorf("Exchange for %s: %v", name, err)
			}
		}
	})
}

func TestUpdateAccount(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		alice := newUser("alice", "alice@example.org")
		alice.Groups, alice.Attributes = []string{"finance", "ops"}, claims.Attributes{"given_name": "Alice", "address.formatted": "A 1\n\"B\""}
		must(t, s.CreateAccount(t.Context(), alice, "hash"))
		must(t, s.CreateAccount(t.Context(), newUser("bob", "bob@example.org"), "hash"))
		if got, err := s.Account(t.Context(), "sub-alice"); err != nil || !reflect.DeepEqual(got, alice) {
			t.Errorf("Account = %+v, %v, want %+v", got, err, alice)
		}
		alice.Name, alice.Email, alice.EmailVerified = "Alice A.", "a@example.org", false
		alice.Groups, alice.Attributes, alice.Updated = nil, claims.Attributes{"locale": "pt"}, noon.Add(time.Hour)
		must(t, s.UpdateAccount(t.Context(), alice))
		if got, err := s.Account(t.Context(), "sub-alice"); err != nil || !reflect.DeepEqual(got, alice) {
			t.Errorf("Account = %+v, %v, want %+v", got, err, alice)
		}
		alice.Attributes = nil
		must(t, s.UpdateAccount(t.Context(), alice))
		if got, err := s.Account(t.Context(), "sub-alice"); err != nil || !reflect.DeepEqual(got, alice) {
			t.Errorf("Account = %+v, %v, want %+v", got, err, alice)
		}
		if _, _, err := s.AccountByName(t.Context(), "alice@example.org"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the old address still signs in: %v", err)
		}
		if got, _, err := s.AccountByName(t.Context(), "a@example.org"); err != nil || got.Subject != "sub-alice" {
			t.Errorf("the new address is of %q, %v", got.Subject, err)
		}
		alice.Email = "BOB@example.org"
		if err := s.UpdateAccount(t.Context(), alice); !errors.Is(err, store.ErrConflict) {
			t.Errorf("UpdateAccount to another's address: %v, want %v", err, store.ErrConflict)
		}
		if err := s.UpdateAccount(t.Context(), newUser("none", "")); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("UpdateAccount of none: %v, want %v", err, store.ErrNotFound)
		}
	})
}

func TestNoteSignIn(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.CreateAccount(t.Context(), newUser("alice", ""), "hash"))
		must(t, s.NoteSignIn(t.Context(), "sub-alice", 0, noon.Add(time.Hour)))
		must(t, s.NoteSignIn(t.Context(), "sub-alice", 0, noon)) // a slow one comes late
		refused := func(what, subject string, epoch int64) {
			t.Helper()
			err := s.Atomic(t.Context(), func(ctx context.Context) error {
				if err := s.NoteSignIn(ctx, subject, epoch, noon); err != nil {
					return err
				}
				return s.SaveSession(ctx, nil, session(what, subject))
			})
			if !errors.Is(err, account.ErrPassword) || hasSession(t, s, what) {
				t.Errorf("%s: %v, want %v and no session", what, err, account.ErrPassword)
			}
		}
		refused("nobody", "sub-none", 0)
		must(t, s.ChangePassword(t.Context(), "sub-alice", "new", noon))
		refused("the old password", "sub-alice", 0)
		must(t, s.NoteSignIn(t.Context(), "sub-alice", 1, noon))
		must(t, s.DisableAccount(t.Context(), "sub-alice", noon))
		refused("disabled", "sub-alice", 2)
		must(t, s.EnableAccount(t.Context(), "sub-alice", noon))
		refused("from before it was disabled", "sub-alice", 1)
		if got, err := s.Account(t.Context(), "sub-alice"); err != nil || !got.SignedIn.Equal(noon.Add(time.Hour)) {
			t.Errorf("SignedIn = %v, %v, want %v", got.SignedIn, err, noon.Add(time.Hour))
		}
	})
}

func TestChangePasswordEndsEverything(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.CreateClient(t.Context(), newClient("rp")))
		for _, name := range []string{"alice", "bob"} {
			must(t, s.CreateAccount(t.Context(), newUser(name, ""), "hash"))
			must(t, s.SaveSession(t.Context(), nil, session(name, "sub-"+name)))
			(family{id: name, client: "rp", subject: "sub-" + name}).begin(t, s)
		}
		must(t, s.ChangePassword(t.Context(), "sub-alice", "new", noon.Add(time.Hour)))
		if err := s.ChangePassword(t.Context(), "none", "new", noon); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("ChangePassword of none: %v, want %v", err, store.ErrNotFound)
		}
		for name, want := range map[string]string{"alice": "new", "bob": "hash"} {
			if _, hash, err := s.AccountByName(t.Context(), name); err != nil || hash != want {
				t.Errorf("the hash of %s is %q, %v, want %q", name, hash, err, want)
			}
			if a, err := s.Account(t.Context(), "sub-"+name); err != nil || a.PasswordSet.IsZero() != (name == "bob") {
				t.Errorf("the password of %s was set %v, %v", name, a.PasswordSet, err)
			}
			live := name == "bob"
			if session, tokens := hasSession(t, s, name), (family{id: name}).alive(t, s); session != live || tokens != live {
				t.Errorf("%s has a session: %v, tokens: %v, want %v", name, session, tokens, live)
			}
		}
	})
}

func TestEnableAccount(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.CreateAccount(t.Context(), newUser("alice", ""), "hash"))
		must(t, s.DisableAccount(t.Context(), "sub-alice", noon))
		must(t, s.EnableAccount(t.Context(), "sub-alice", noon.Add(time.Hour)))
		if a, err := s.Account(t.Context(), "sub-alice"); err != nil || a.Disabled || !a.Updated.Equal(noon.Add(time.Hour)) {
			t.Errorf("Account = %+v, %v, want it enabled", a, err)
		}
		if err := s.EnableAccount(t.Context(), "none", noon); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("EnableAccount of none: %v, want %v", err, store.ErrNotFound)
		}
	})
}
