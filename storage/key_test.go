package storage_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"vestibule/provider/jwks"
	"vestibule/provider/store"
	"vestibule/storage"
)

func key(id, algorithm string, number int64, signs time.Time) jwks.SealedKey {
	return jwks.SealedKey{
		ID: id, Algorithm: algorithm, Number: number, Public: []byte("{}"), KeyID: "k", Private: []byte{1, 2}, Created: noon, Signs: signs,
	}
}

// Processes that make a key at once agree on one of each algorithm.
func TestOneSigningKeyWins(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		for _, number := range []int64{1, 2} {
			must(t, s.AddSigningKey(t.Context(), key(fmt.Sprint("es", number), "ES256", number, noon)))
			won := race(t, 10, store.ErrConflict, func(i int) error {
				return s.AddSigningKey(t.Context(), key(fmt.Sprint(number, i), "RS256", number, noon))
			})
			keys, err := s.SigningKeys(t.Context())
			if won != 1 || err != nil || len(keys) != int(number)*2 {
				t.Errorf("%d won, keys %+v, %v, want 1 and %d keys", won, keys, err, number*2)
			}
		}
	})
}

func TestSigningKeyIsAdvancedOnce(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.AddSigningKey(t.Context(), key("next", "RS256", 1, noon.Add(time.Hour))))
		if won := race(t, 10, store.ErrConflict, func(int) error { return s.AdvanceSigningKey(t.Context(), "next", noon) }); won != 1 {
			t.Errorf("it was advanced %d times", won)
		}
		for id, at := range map[string]time.Time{"next": noon.Add(time.Minute), "other": noon} {
			if err := s.AdvanceSigningKey(t.Context(), id, at); !errors.Is(err, store.ErrConflict) {
				t.Errorf("advance %s: %v", id, err)
			}
		}
		got, err := s.SigningKeys(t.Context())
		if want := []jwks.SealedKey{key("next", "RS256", 1, noon)}; err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("SigningKeys = %+v, %v, want %+v", got, err, want)
		}
	})
}
