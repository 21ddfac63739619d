package storage_test

import (
	"errors"
	"testing"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/store"
	"vestibule/storage"
)

// Test databases are on this machine, so that their clock is ours. It may be set while the test runs, by less than a second; a
// wrong unit or zone is further off than that.
func TestNow(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		before := time.Now()
		at, err := s.Now(t.Context())
		must(t, err)
		if at.Before(before.Add(-time.Second)) || at.After(time.Now().Add(time.Second)) {
			t.Errorf("the database says %s, want from %s on", at, before)
		}
		must(t, s.Close())
		if _, err := s.Now(t.Context()); err == nil {
			t.Error("a closed database says what time it is")
		}
	})
}

// Whoever observes sees how long a trip took, and the faults among its errors, not the answers.
func TestObserve(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		w := observe(s)
		_, err := s.Account(t.Context(), "nobody")
		if !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
		a := account.Account{Subject: "ana", Username: "ana", Created: noon, Updated: noon}
		must(t, s.CreateAccount(t.Context(), a, ""))
		if err := s.CreateAccount(t.Context(), a, ""); !errors.Is(err, store.ErrConflict) {
			t.Fatal(err)
		}
		_, err = s.Number(t.Context(), `SELECT 1 FROM no_such_table`)
		if err == nil {
			t.Fatal("there is a table no_such_table")
		}
		for i, trip := range w.trips {
			if trip.Duration <= 0 || (trip.Err != nil) != (i == 3) {
				t.Errorf("trip %d: %+v", i, trip)
			}
		}
		if len(w.trips) != 4 {
			t.Errorf("%d trips, want 4", len(w.trips))
		}
	})
}
