package storage_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/storage"
)

func someInteraction(id string) *interaction.Interaction {
	return &interaction.Interaction{
		ID: id, Client: "rp", ClientName: "RP", Scopes: []string{"openid"}, Redirect: "https://rp.example/cb",
		Demand: assurance.Demand{HasMaxAge: true, MaxAge: time.Minute, RequestedAt: noon},
		Login: &assurance.Login{Subject: "alice", Session: "sid", Authentications: []assurance.Authentication{
			{Method: assurance.MethodPassword, Time: noon},
		}},
		Browser: []byte{1, 2}, Request: []byte(`{"state":"\u0000"}`), Created: noon, Expires: noon.Add(10 * time.Minute),
	}
}

func TestInteractions(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		ix := someInteraction("i")
		must(t, s.SaveInteraction(t.Context(), ix))
		if ix.Version != 1 {
			t.Errorf("Version after the insert is %d, want 1", ix.Version)
		}
		if err := s.SaveInteraction(t.Context(), someInteraction("i")); !errors.Is(err, store.ErrConflict) {
			t.Errorf("second insert: %v, want %v", err, store.ErrConflict)
		}
		ix.Consented = true
		must(t, s.SaveInteraction(t.Context(), ix))
		if got, err := s.Interaction(t.Context(), "i"); err != nil || !reflect.DeepEqual(got, ix) {
			t.Errorf("Interaction = %+v, %v, want %+v", got, err, ix)
		}
		stale := *ix
		stale.Version = 1
		if err := s.SaveInteraction(t.Context(), &stale); !errors.Is(err, store.ErrConflict) || stale.Version != 1 {
			t.Errorf("save of an old version: %v, version %d, want %v, 1", err, stale.Version, store.ErrConflict)
		}
		if err := s.DeleteInteraction(t.Context(), "i", 1); !errors.Is(err, store.ErrConflict) {
			t.Errorf("delete of an old version: %v, want %v", err, store.ErrConflict)
		}
		must(t, s.DeleteInteraction(t.Context(), "i", 2))
		if err := s.DeleteInteraction(t.Context(), "i", 2); !errors.Is(err, store.ErrConflict) {
			t.Errorf("second delete: %v, want %v", err, store.ErrConflict)
		}
		if err := s.SaveInteraction(t.Context(), ix); !errors.Is(err, store.ErrConflict) {
			t.Errorf("save of one that ended: %v, want %v", err, store.ErrConflict)
		}
		if _, err := s.Interaction(t.Context(), "i"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("Interaction that ended: %v, want %v", err, store.ErrNotFound)
		}
	})
}

// Two forms that were sent at once must not both go on, nor end it twice.
func TestOneInteractionSaveWins(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.SaveInteraction(t.Context(), someInteraction("i")))
		won := race(t, 16, store.ErrConflict, func(i int) error {
			ix := someInteraction("i")
			ix.Version = 1
			if i%2 == 0 {
				return s.DeleteInteraction(t.Context(), "i", 1)
			}
			return s.SaveInteraction(t.Context(), ix)
		})
		if won != 1 {
			t.Errorf("%d won, want 1", won)
		}
	})
}

// The version in memory follows what was committed.
func TestInteractionVersionInAtomic(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		ix := someInteraction("i")
		must(t, s.SaveInteraction(t.Context(), ix))
		err := s.Atomic(t.Context(), func(ctx context.Context) error {
			must(t, s.SaveInteraction(ctx, ix))
			return s.DeleteInteraction(ctx, "none", 1)
		})
		if !errors.Is(err, store.ErrConflict) || ix.Version != 1 {
			t.Errorf("Atomic: %v, version %d, want %v, 1", err, ix.Version, store.ErrConflict)
		}
		must(t, s.Atomic(t.Context(), func(ctx context.Context) error {
			must(t, s.SaveInteraction(ctx, ix))
			return s.DeleteInteraction(ctx, ix.ID, ix.Version)
		}))
	})
}
