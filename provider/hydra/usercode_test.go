package hydra

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	"vestibule/provider/audit"
	"vestibule/provider/hydra/hydratest"
	"vestibule/provider/store"
	"vestibule/web/usercode"
)

// strangers are Pages that nobody has signed in at.
type strangers struct{ Pages }

func (strangers) SignedIn(*http.Request) (string, error) { return "", nil }

// counter counts in memory, and is asked for no lock.
type counter struct{ *mfatest.Memory }

func (counter) LockedUntil(context.Context, string, time.Time) (time.Time, error) {
	panic("nobody may ask")
}

// brokenLog records nothing while err is set.
type brokenLog struct{ err error }

func (l *brokenLog) Record(context.Context, audit.Event) error { return l.err }

// newUserCodes is an engine that takes the code of a device, and two wrong ones of an address, and what it records them with.
func newUserCodes(t *testing.T, c AdminConfig) (*Engine, hydratest.Device, *brokenLog) {
	t.Helper()
	h := hydratest.Start(t, hydratest.Config{})
	h.SetURLs(hydratest.URLs{Device: "http://127.0.0.1:9/device"})
	h.SetClient(hydratest.Client{ID: "tv"})
	c.URL = h.AdminURL
	log, attempts := &brokenLog{}, counter{mfatest.New()}
	return &Engine{Config: Config{
		Admin: newAdmin(t, c), Journal: audit.Journal{Recorder: log, Atomic: attempts.Atomic}, Now: time.Now,
		UserCodes: usercode.Guesses{
			Counter: attempts, Limits: usercode.Limits{Address: 2}, Journal: audit.Journal{Recorder: log, Atomic: attempts.Atomic},
		}.WithDefaults(),
	}}, h.NewDevice("tv"), log
}

// tryUserCode gives a code from an address where nobody has signed in.
func (e *Engine) tryUserCode(challenge, code string) error {
	return e.UserCodes.Try(httptest.NewRequest(http.MethodPost, DevicePath, nil), strangers{}, func(ctx context.Context) error {
		_, err := e.compareUserCode(ctx, challenge, code)
		return err
	})
}

// TestUserCodeNotRecorded has the commit fail that records what has come of a code: the browser does not go on, a right
// guess is given back and a wrong one stays counted.
func TestUserCodeNotRecorded(t *testing.T) {
	e, device, log := newUserCodes(t, AdminConfig{})
	try := func(code string, fault error) error {
		log.err = fault
		return e.tryUserCode(deviceChallenge(t, device), code)
	}
	for range 3 {
		if err := try(device.UserCode, store.ErrUnavailable); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("a right code that is not recorded: %v", err)
		}
	}
	var refused *RefusedError
	for _, fault := range []error{store.ErrUnavailable, nil} {
		if err := try("WRONG", fault); fault != nil && !errors.Is(err, fault) || fault == nil && !errors.As(err, &refused) {
			t.Errorf("a wrong code, recorded with %v: %v", fault, err)
		}
	}
	var locked *mfa.Locked
	if err := try(device.UserCode, nil); !errors.As(err, &locked) || time.Until(locked.Until) > 15*time.Minute {
		t.Errorf("after two wrong codes: %v, want a lock of 15 minutes", err)
	}
}

// deviceChallenge is what Hydra gives a browser that comes to type a code.
func deviceChallenge(t *testing.T, d hydratest.Device) string {
	t.Helper()
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := c.Get(d.Address)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	to, err := response.Location()
	if err != nil {
		t.Fatal(err)
	}
	return to.Query().Get("device_challenge")
}
