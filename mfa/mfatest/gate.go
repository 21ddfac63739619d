package mfatest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"vestibule/mfa"
)

// TestGate proves that the gate keeps the contract of mfa.Gate. It must not be in use.
func TestGate(t *testing.T, gate mfa.Gate) {
	ran := 0
	if err := gate.Do(ctx, func() { ran++ }); err != nil || ran != 1 {
		t.Errorf("Do at a free gate: %v, and it ran %d times", err, ran)
	}
	ended, end := context.WithCancel(ctx)
	end()
	ran = 0
	if err := gate.Do(ended, func() { ran++ }); (err == nil) != (ran == 1) || ran > 1 {
		t.Errorf("Do of who has gone away: %v, and it ran %d times", err, ran)
	}
	var all atomic.Int64
	var group sync.WaitGroup
	for range 64 * contenders {
		group.Go(func() {
			did := false
			err := gate.Do(ctx, func() { did = true; all.Add(1) })
			if did != (err == nil) || err != nil && !errors.Is(err, mfa.ErrBusy) {
				t.Errorf("Do among many: %v, and it ran: %v", err, did)
			}
		})
	}
	group.Wait()
	if all.Load() == 0 {
		t.Error("of many nobody got through")
	}
	if err := gate.Do(ctx, func() {}); err != nil {
		t.Errorf("Do after the crowd: %v", err)
	}
}
