package web

import (
	"context"
	"errors"
	"testing"

	"vestibule/provider"
)

func TestTurns(t *testing.T) {
	var turns turns
	take := func(key string) func() {
		t.Helper()
		done, err := turns.take(t.Context(), key)
		if err != nil {
			t.Fatalf("take %s: %v", key, err)
		}
		return done
	}
	one, two := take("ana"), take("ana")
	take("ben")() // another name waits for nobody

	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := turns.take(over, "ana"); !errors.Is(err, context.Canceled) {
		t.Errorf("a third turn: %v, want to wait", err)
	}
	for i := range turnsQueued {
		if _, err := turns.join("ana"); err != nil {
			t.Fatalf("place %d in the line: %v", i, err)
		}
	}
	if _, err := turns.take(t.Context(), "ana"); !errors.Is(err, provider.ErrBusy) {
		t.Errorf("a full line: %v, want %v", err, provider.ErrBusy)
	}
	for range turnsQueued {
		turns.leave("ana", turns.lines["ana"])
	}
	one()
	take("ana")()
	two()
	if len(turns.lines) != 0 {
		t.Errorf("%d lines are left", len(turns.lines))
	}
}
