package hydra

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"vestibule/mfa/mfatest"
	"vestibule/provider/audit"
	"vestibule/provider/hydra/hydratest"
	"vestibule/provider/limiter"
)

// TestUserCodeWhileBusy: what never came to Hydra, because no call had its turn, is nobody's guess.
func TestUserCodeWhileBusy(t *testing.T) {
	h := hydratest.Start(t, hydratest.Config{})
	h.SetURLs(hydratest.URLs{Device: "http://127.0.0.1:9/device"})
	h.SetClient(hydratest.Client{ID: "tv"})
	device, log, attempts := h.NewDevice("tv"), &brokenLog{}, counter{mfatest.New()}
	admin := newAdmin(t, AdminConfig{URL: h.AdminURL, AtOnce: 1, Timeout: 50 * time.Millisecond})
	e := &Engine{Config: Config{
		Admin: admin, Journal: audit.Journal{Recorder: log, Atomic: attempts.Atomic}, Now: time.Now,
		UserCodes: UserCodes{Counter: attempts, Limits: UserCodeLimits{Address: 2}}.withDefaults(),
	}}
	challenge := deviceChallenge(t, device)
	try := func() error {
		_, err := e.tryUserCode(httptest.NewRequest(http.MethodPost, DevicePath, nil), strangers{}, challenge, device.UserCode)
		return err
	}
	done, err := admin.reads.Take(t.Context(), "")
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
