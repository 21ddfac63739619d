package mfatest_test

import (
	"encoding/base64"
	"net/url"
	"testing"

	"vestibule/mfa/mfatest"
)

// TestKey proves the kind that stands in for all others, with keys that count and with keys that do not.
func TestKey(t *testing.T) {
	for name, silent := range map[string]bool{"counts": false, "does not count": true} {
		t.Run(name, func(t *testing.T) {
			mfatest.TestKind(t, mfatest.Key{}, mfatest.KindFixture{
				New: func() mfatest.Device {
					d := mfatest.NewKeyDevice()
					d.Silent = silent
					return d
				},
				Malformed: []url.Values{
					{"counter": {"1"}}, {"counter": {"1"}, "signature": {"AA"}},
					{"counter": {"one"}, "signature": {base64.RawURLEncoding.EncodeToString(make([]byte, 64))}},
				},
			})
		})
	}
}
