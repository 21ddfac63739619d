// Package interactiontest proves implementations of interaction.Store.
package interactiontest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
)

// racers is how many goroutines try to begin, or to end, one interaction.
const racers = 32

// noon is a time that every store can keep: to the microsecond.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 891011000, time.UTC)

// TestStore proves the contract of interaction.Store, Atomic aside: that spans more than interactions, and whoever has the
// rest proves it. open returns a fresh store that knows the client and the subject.
func TestStore(t *testing.T, client, subject string, open func(t *testing.T) interaction.Store) {
	begun := func() *interaction.Interaction {
		return &interaction.Interaction{
			ID: "0123456789abcdefghijkl", Client: client, Scopes: []string{"openid"}, Browser: []byte{1, 2},
			Demand:  assurance.Demand{HasMaxAge: true, MaxAge: time.Minute, RequestedAt: noon},
			Request: []byte(`{"state":"s"}`), UI: []byte(`{"a":1}`),
			Login: assurance.PasswordLogin(subject, 3, noon), Created: noon, Expires: noon.Add(time.Hour),
		}
	}
	for name, run := range map[string]func(t *testing.T, s interaction.Store, ix *interaction.Interaction){
		"interaction is saved in turn": savedInTurn, "interaction is inserted once": insertedOnce, "interaction ends once": endsOnce,
	} {
		t.Run(name, func(t *testing.T) { run(t, open(t), begun()) })
	}
}

func savedInTurn(t *testing.T, s interaction.Store, ix *interaction.Interaction) {
	ctx := t.Context()
	must(t, s.SaveInteraction(ctx, ix))
	first, err := s.Interaction(ctx, ix.ID)
	must(t, err)
	second, err := s.Interaction(ctx, ix.ID)
	must(t, err)
	if first.Version == 0 || first.Version != ix.Version {
		t.Errorf("version %d was read, %d was saved", first.Version, ix.Version)
	}
	if !first.Demand.RequestedAt.Equal(noon) || first.Demand.MaxAge != time.Minute || !first.Login.Has(assurance.MethodPassword) || first.Login.Epoch != 3 ||
		!bytes.Equal(first.Browser, ix.Browser) || !bytes.Equal(first.Request, ix.Request) || !bytes.Equal(first.UI, ix.UI) {
		t.Errorf("read %+v, saved %+v", first, ix)
	}
	must(t, s.SaveInteraction(ctx, first))
	want(t, "save of an older version", s.SaveInteraction(ctx, second), store.ErrConflict)
	want(t, "end of an older version", s.DeleteInteraction(ctx, ix.ID, ix.Version), store.ErrConflict)
	_, err = s.Interaction(ctx, "unknown")
	want(t, "unknown interaction", err, store.ErrNotFound)
}

func insertedOnce(t *testing.T, s interaction.Store, ix *interaction.Interaction) {
	won := race(t, func() error {
		mine := *ix
		return s.SaveInteraction(context.Background(), &mine)
	})
	if won != 1 {
		t.Errorf("%d inserts of one interaction succeeded, want 1", won)
	}
}

func endsOnce(t *testing.T, s interaction.Store, ix *interaction.Interaction) {
	must(t, s.SaveInteraction(t.Context(), ix))
	if won := race(t, func() error { return s.DeleteInteraction(context.Background(), ix.ID, ix.Version) }); won != 1 {
		t.Errorf("%d requests ended one interaction, want 1", won)
	}
	want(t, "save after the end", s.SaveInteraction(t.Context(), ix), store.ErrConflict)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: error %v, want %v", what, got, want)
	}
}

// race runs f many times at once and counts the successes; every failure must be store.ErrConflict.
func race(t *testing.T, f func() error) int {
	t.Helper()
	var won atomic.Int64
	var group sync.WaitGroup
	gate := make(chan struct{})
	for range racers {
		group.Go(func() {
			<-gate
			if err := f(); err == nil {
				won.Add(1)
			} else if !errors.Is(err, store.ErrConflict) {
				t.Errorf("loser got %v, want %v", err, store.ErrConflict)
			}
		})
	}
	close(gate)
	group.Wait()
	return int(won.Load())
}
