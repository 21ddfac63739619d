package storage_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"vestibule/provider/jwks"
	"vestibule/provider/store"
	"vestibule/storage"
)

func key(id, algorithm string, created time.Time) jwks.SealedKey {
	return jwks.SealedKey{
		ID: id, Algorithm: algorithm, Public: []byte("{}"), KeyID: "k", Private: []byte{1, 2}, Created: created,
	}
}

// Processes that start at once agree on one key for each algorithm.
func TestOneSigningKeyWins(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.AddSigningKey(t.Context(), key("es", "ES256", noon)))
		won := race(t, 10, store.ErrConflict, func(i int) error {
			return s.AddSigningKey(t.Context(), key(fmt.Sprint(i), "RS256", noon))
		})
		keys, err := s.SigningKeys(t.Context())
		if won != 1 || err != nil || len(keys) != 2 {
			t.Errorf("%d won, keys %+v, %v, want 1 and 2 keys", won, keys, err)
		}
	})
}

func TestSigningKeysNewestFirst(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		old, fresh := key("old", "RS256", noon), key("new", "RS256", noon.Add(time.Hour))
		old.Retired = noon.Add(time.Hour)
		must(t, s.AddSigningKey(t.Context(), old))
		must(t, s.AddSigningKey(t.Context(), fresh))
		got, err := s.SigningKeys(t.Context())
		if want := []jwks.SealedKey{fresh, old}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("SigningKeys = %+v, %v, want %+v", got, err, want)
		}
	})
}
