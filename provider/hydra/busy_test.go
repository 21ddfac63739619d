package hydra

import (
	"errors"
	"testing"
	"time"

	"vestibule/provider/limiter"
)

// TestUserCodeWhileBusy: what never came to Hydra, because no call had its turn, is nobody's guess.
func TestUserCodeWhileBusy(t *testing.T) {
	e, device, _ := newUserCodes(t, AdminConfig{AtOnce: 1, Timeout: 50 * time.Millisecond})
	challenge := deviceChallenge(t, device)
	try := func() error { return e.tryUserCode(challenge, device.UserCode) }
	done, err := e.Admin.reads.Take(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := try(); !errors.Is(err, limiter.ErrBusy) {
			t.Errorf("while all turns are taken: %v, want %v", err, limiter.ErrBusy)
		}
	}
	done()
	if err := try(); err != nil {
		t.Errorf("a right code afterwards: %v", err)
	}
}
