package storage_test

import (
	"maps"
	"testing"
	"time"

	"vestibule/provider/hydra"
	"vestibule/storage"
)

var _ hydra.Outbox = (*storage.Store)(nil)

func TestRevocations(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.AddRevocation(t.Context(), "e1", "ana", noon, noon))
		must(t, s.AddRevocation(t.Context(), "e2", "ana", noon.Add(time.Hour), noon.Add(time.Hour)))
		must(t, s.AddRevocation(t.Context(), "e3", "ben", noon.Add(time.Hour), noon.Add(time.Hour)))
		must(t, s.AddRevocation(t.Context(), "e4", "ben", noon, noon.Add(2*time.Hour)))
		for want := (map[string]string{"e1": "ana", "e2": "ana", "e3": "ben"}); ; {
			if got, err := s.Revocations(t.Context(), noon.Add(2*time.Hour-time.Second)); err != nil || !maps.Equal(got, want) {
				t.Errorf("Revocations = %v, %v, want %v", got, err, want)
			}
			if len(want) < 3 {
				break
			}
			must(t, s.DeleteRevocation(t.Context(), "e2"))
			must(t, s.DeleteRevocation(t.Context(), "e2"))
			delete(want, "e2")
		}
		_, err := s.Purge(t.Context(), noon.Add(30*day+time.Minute))
		must(t, err)
		if got, err := s.Revocations(t.Context(), noon.Add(30*day)); err != nil || !maps.Equal(got, map[string]string{"e3": "ben"}) {
			t.Errorf("after a month Revocations = %v, %v, want that of ben", got, err)
		}
	})
}
