package storage_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/storage"
)

// kept is a browser that its user said to remember at noon.
func kept(id, subject string) interaction.Browser {
	return interaction.Browser{
		ID: []byte(id), Subject: subject, Epoch: 7, Agent: "Firefox on Linux", Created: noon, Seen: noon, Expires: noon.Add(30 * day),
	}
}

// addApp gives the subject an authenticator.
func addApp(t *testing.T, s *storage.Store, subject, id string) {
	t.Helper()
	f, err := s.Factors(t.Context(), subject)
	must(t, err)
	must(t, s.Add(t.Context(), f.Generation, mfa.Authenticator{
		ID: id, Subject: subject, Name: id, KeyID: "k", Secret: []byte("sealed"), Kind: "totp", Created: noon,
	}))
}

func isKept(t *testing.T, s *storage.Store, id string, now time.Time) bool {
	t.Helper()
	_, err := s.Browser(t.Context(), []byte(id), now)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		t.Fatal(err)
	}
	return err == nil
}

func TestBrowsers(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		if err := s.RememberBrowser(t.Context(), nil, kept("early", "alice")); !errors.Is(err, store.ErrConflict) {
			t.Errorf("RememberBrowser without a factor: %v, want %v", err, store.ErrConflict)
		}
		addApp(t, s, "alice", "a1")
		addApp(t, s, "bob", "b1")
		phone, laptop := kept("phone", "alice"), kept("laptop", "alice")
		must(t, s.RememberBrowser(t.Context(), nil, phone))
		must(t, s.RememberBrowser(t.Context(), nil, laptop))
		must(t, s.RememberBrowser(t.Context(), nil, kept("bob's", "bob")))
		laptop.Seen = noon.Add(time.Hour)
		must(t, s.TouchBrowser(t.Context(), laptop.ID, laptop.Seen))
		must(t, s.TouchBrowser(t.Context(), laptop.ID, noon.Add(time.Minute)))
		must(t, s.TouchBrowser(t.Context(), []byte("none"), noon))
		if got, err := s.Browser(t.Context(), laptop.ID, noon); err != nil || !reflect.DeepEqual(got, laptop) {
			t.Errorf("Browser = %+v, %v, want %+v", got, err, laptop)
		}
		list, err := s.Browsers(t.Context(), "alice", noon)
		if want := []interaction.Browser{laptop, phone}; err != nil || !reflect.DeepEqual(list, want) {
			t.Errorf("Browsers = %+v, %v, want %+v", list, err, want)
		}

		fresh := kept("fresh", "alice")
		must(t, s.RememberBrowser(t.Context(), phone.ID, fresh))
		if isKept(t, s, "phone", noon) || !isKept(t, s, "fresh", noon) {
			t.Error("a browser that is remembered anew has both values, or none")
		}
		if err := s.ForgetBrowser(t.Context(), "bob", fresh.ID); !errors.Is(err, store.ErrNotFound) || !isKept(t, s, "fresh", noon) {
			t.Errorf("ForgetBrowser by another: %v, want %v", err, store.ErrNotFound)
		}
		must(t, s.ForgetBrowser(t.Context(), "alice", fresh.ID))
		if err := s.ForgetBrowser(t.Context(), "alice", fresh.ID); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("ForgetBrowser again: %v, want %v", err, store.ErrNotFound)
		}
		must(t, s.ForgetBrowsers(t.Context(), "alice"))
		if isKept(t, s, "fresh", noon) || isKept(t, s, "laptop", noon) || !isKept(t, s, "bob's", noon) {
			t.Error("ForgetBrowsers takes the wrong ones")
		}
	})
}

// Nothing is remembered of whoever has no authenticator any more: there is no code that it could spare.
func TestNoBrowserIsRememberedAfterTheLastAuthenticator(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		addApp(t, s, "alice", "a1")
		must(t, s.RememberBrowser(t.Context(), nil, kept("phone", "alice")))
		must(t, s.Remove(t.Context(), "alice", "a1"))
		if err := s.RememberBrowser(t.Context(), []byte("phone"), kept("fresh", "alice")); !errors.Is(err, store.ErrConflict) || isKept(t, s, "fresh", noon) {
			t.Errorf("RememberBrowser: %v, want %v", err, store.ErrConflict)
		}
	})
}

// TestBrowserEnds: each of these ends what the browser was remembered for.
func TestBrowserEnds(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		for name, end := range map[string]func(subject string) error{
			"its time":           func(string) error { return nil },
			"an authenticator":   func(subject string) error { addApp(t, s, subject, "second of "+subject); return nil },
			"no authenticator":   func(subject string) error { return s.Remove(t.Context(), subject, "of "+subject) },
			"new recovery codes": func(subject string) error { return newCodes(t, s, subject) },
			"a reset": func(subject string) error {
				_, err := s.Reset(t.Context(), subject)
				return err
			},
			"a new password": func(subject string) error { return s.ChangePassword(t.Context(), subject, "new", noon) },
			"its account":    func(subject string) error { return s.DisableAccount(t.Context(), subject, noon) },
		} {
			a := newUser(strings.ReplaceAll(name, " ", "-"), "")
			must(t, s.CreateAccount(t.Context(), a, "hash"))
			addApp(t, s, a.Subject, "of "+a.Subject)
			must(t, s.RememberBrowser(t.Context(), nil, kept(name, a.Subject)))
			if !isKept(t, s, name, noon.Add(30*day-time.Second)) {
				t.Errorf("%s: the browser is not remembered", name)
			}
			must(t, end(a.Subject))
			at := noon
			if name == "its time" {
				at = noon.Add(30 * day)
			}
			if isKept(t, s, name, at) {
				t.Errorf("%s does not end it", name)
			}
			if list, err := s.Browsers(t.Context(), a.Subject, at); err != nil || len(list) > 0 {
				t.Errorf("%s: %d are listed, %v", name, len(list), err)
			}
		}
	})
}

// newCodes replaces the recovery codes.
func newCodes(t *testing.T, s *storage.Store, subject string) error {
	t.Helper()
	f, err := s.Factors(t.Context(), subject)
	must(t, err)
	must(t, s.SaveSetup(t.Context(), mfa.Setup{
		Owner: "o " + subject, Subject: subject, Basis: f.Generation, KeyID: "k", Sealed: []byte("sealed"), Confirmed: true, Created: noon, Expires: noon.Add(time.Hour),
	}))
	return s.Activate(t.Context(), subject, "o "+subject, f.Generation, nil, &mfa.RecoverySet{
		ID: "r " + subject, Subject: subject, Salt: []byte("salt"), Digests: [][]byte{{1}}, Created: noon,
	})
}

func TestPurgeOfBrowsers(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		addApp(t, s, "alice", "a1")
		must(t, s.RememberBrowser(t.Context(), nil, kept("phone", "alice")))
		for _, at := range []time.Duration{29 * day, 30 * day} {
			if got := purge(t, s, noon.Add(at)); got != 0 {
				t.Errorf("Purge after %v = %d, want 0", at, got)
			}
		}
		if got := purge(t, s, noon.Add(30*day+time.Second)); got != 1 {
			t.Errorf("Purge after the end = %d, want 1", got)
		}
	})
}
