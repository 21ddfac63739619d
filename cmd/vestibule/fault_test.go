package main

import (
	"errors"
	"testing"

	"vestibule/mfa"
	"vestibule/provider"
)

// TestFaultProxy shows that the proxy does what the tests of faults rest on: reads go on, a commit that is cut before is
// not made, and one that is cut after is.
func TestFaultProxy(t *testing.T) {
	t.Parallel()
	s, p := faultySite(t)
	store := (*s.servers.Load())[0].store
	limit := mfa.Limit{Guesses: 9, Window: 1e12, Lock: 1e12}
	for _, tt := range []struct {
		mode      trouble
		committed int
	}{{cutBefore, 0}, {cutAfter, 1}} {
		strike := p.set(tt.mode, "INSERT INTO guess", 1)
		if _, err := store.Account(t.Context(), "nobody"); !errors.Is(err, provider.ErrNotFound) {
			t.Errorf("%v: a read answers %v, want %v", tt.mode, err, provider.ErrNotFound)
		}
		if _, err := store.Guess(t.Context(), "pwd:"+tt.mode.String(), limit, s.clock.now()); !errors.Is(err, provider.ErrUnavailable) {
			t.Errorf("%v: the write answers %v, want %v", tt.mode, err, provider.ErrUnavailable)
		}
		if !strike.happened() {
			t.Errorf("%v: it did not happen", tt.mode)
		}
		if found, err := s.store.Budgets(t.Context(), tt.mode.String(), s.clock.now()); err != nil || len(found) != tt.committed {
			t.Errorf("%v: the database has %+v (%v), want %d", tt.mode, found, err, tt.committed)
		}
		p.mend()
		if _, err := store.Guess(t.Context(), "pwd:"+tt.mode.String(), limit, s.clock.now()); err != nil {
			t.Errorf("%v, when it is over: %v", tt.mode, err)
		}
	}
	for _, mode := range []trouble{holdBefore, holdAfter} {
		strike := p.set(mode, "INSERT INTO guess", 1)
		done := make(chan error)
		go func() {
			_, err := store.Guess(t.Context(), "pwd:"+mode.String(), limit, s.clock.now())
			done <- err
		}()
		<-strike.hit
		select {
		case err := <-done:
			t.Errorf("%v: the write is answered (%v)", mode, err)
		default:
		}
		p.mend()
		if err := <-done; err != nil {
			t.Errorf("%v, let go: %v", mode, err)
		}
	}
}
