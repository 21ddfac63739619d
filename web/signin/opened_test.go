package signin

import (
	"testing"
	"time"

	"vestibule/provider/interaction"
)

// TestOpenedIsGoodForOnePage asks for the page of a sign-in whose session was opened a moment ago.
func TestOpenedIsGoodForOnePage(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(id string, version int64) *flow {
		return &flow{ix: &interaction.Interaction{ID: id, Version: version}, sessionCookie: "cookie"}
	}
	for _, tt := range []struct {
		name   string
		fl     *flow
		cookie string
		after  time.Duration
		want   bool
	}{
		{"at once", at("a", 2), "cookie", openedTime / 2, true},
		{"late", at("a", 2), "cookie", openedTime, false},
		{"with another session", at("a", 2), "other", 0, false},
		{"without a session", at("a", 2), "", 0, false},
		{"once the sign-in has gone on", at("a", 3), "cookie", 0, false},
		{"of another sign-in", at("b", 2), "cookie", 0, false},
	} {
		var o openedSessions
		o.put(at("a", 2), noon)
		if got := o.take(tt.fl, tt.cookie, noon.Add(tt.after)); got != tt.want {
			t.Errorf("%s: take = %v, want %v", tt.name, got, tt.want)
		}
		if tt.fl.ix.ID == "a" && o.take(at("a", 2), "cookie", noon) {
			t.Errorf("%s: the next page does without the session too", tt.name)
		}
	}
}
