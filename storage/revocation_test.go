package storage_test

import (
	"slices"
	"testing"
	"time"

	"vestibule/provider/hydra"
	"vestibule/provider/outbox"
	"vestibule/storage"
)

var _ hydra.Outbox = (*storage.Store)(nil)

func TestRevocations(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		all := []outbox.Revocation{{ID: "e1", Subject: "ana"}, {ID: "e2", Subject: "ana", Client: "shop"}, {ID: "e3", Subject: "ben"}, {ID: "e4", Subject: "ben"}}
		for i, r := range all {
			must(t, s.AddRevocation(t.Context(), r, noon, noon.Add(time.Duration(i)*time.Hour)))
		}
		for _, want := range [][]outbox.Revocation{all[:3], {all[0], all[2]}} {
			if got, err := s.Revocations(t.Context(), noon.Add(3*time.Hour-time.Second)); err != nil || !slices.Equal(got, want) {
				t.Errorf("Revocations = %v, %v, want %v", got, err, want)
			}
			must(t, s.DeleteRevocation(t.Context(), "e2"))
			must(t, s.DeleteRevocation(t.Context(), "e2"))
		}
		must(t, s.AddRevocation(t.Context(), outbox.Revocation{ID: "e5", Subject: "ben"}, noon.Add(time.Hour), noon.Add(time.Hour)))
		_, err := s.Purge(t.Context(), noon.Add(30*day+time.Minute))
		must(t, err)
		if got, err := s.Revocations(t.Context(), noon.Add(30*day)); err != nil || len(got) != 1 || got[0].ID != "e5" {
			t.Errorf("after a month Revocations = %v, %v, want the newest", got, err)
		}
	})
}
