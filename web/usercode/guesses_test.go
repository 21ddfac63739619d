package usercode

import (
	"context"
	"strings"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
)

// counter counts in memory, and is asked for no lock.
type counter struct{ *mfatest.Memory }

func (counter) LockedUntil(context.Context, string, time.Time) (time.Time, error) {
	panic("nobody may ask")
}

// TestUserCodeLimits are those of a server whose settings say nothing.
func TestUserCodeLimits(t *testing.T) {
	g := Guesses{Counter: counter{mfatest.New()}}.WithDefaults()
	if want := (mfa.Limit{Guesses: 10, Window: 15 * time.Minute, Lock: 15 * time.Minute}); g.Limits.User != want || g.Limits.Address != 50 || g.Refunds == nil {
		t.Errorf("the limits are %+v", g.Limits)
	}
}

// TestPlainUserCode: a code may be typed as it is read.
func TestPlainUserCode(t *testing.T) {
	for typed, want := range map[string]string{
		"BCDFGHJK": "BCDFGHJK", " bcdf-ghjk ": "BCDFGHJK", "BCDF ghjk": "BCDFGHJK", "bcdf\u2013ghjk": "BCDFGHJK", "12 34\u00a056": "123456",
		" - ": "", "AB_C": "AB_C", strings.Repeat("b", 99): strings.Repeat("B", 64), "\xff": "\ufffd",
	} {
		if got := plain(typed); got != want {
			t.Errorf("plain(%q) = %q, want %q", typed, got, want)
		}
	}
}
