package catalogue

import (
	"strconv"
	"testing"
	"time"
)

func english(t *testing.T) *Language {
	t.Helper()
	set, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return set.Languages()[0]
}

func TestLapse(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-90 * time.Second: "90 seconds", 2 * time.Minute: "120 seconds", 150 * time.Second: "2 minutes 30 seconds",
		-time.Hour: "60 minutes",
	} {
		if got := english(t).Value("off", strconv.Itoa(int(d/time.Second))); got != want {
			t.Errorf("a clock that is off by %v: %q, want %q", d, got, want)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Hour: "an hour", 24 * time.Hour: "24 hours", 36 * time.Hour: "36 hours", 48 * time.Hour: "2 days", 90 * 24 * time.Hour: "90 days",
	} {
		if got := english(t).Span(d); got != want {
			t.Errorf("Span(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	l := english(t)
	at := time.Date(2026, 3, 3, 15, 42, 7, 0, time.FixedZone("", 3600))
	whole := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	for _, tt := range []struct{ got, want string }{
		{l.Day(at), "3 March 2026"},
		{l.Hour(at), "3 March 2026 at 14:42 UTC"},
		{l.From(at), "3 March 2026 at 14:42 UTC"},
		{l.From(whole), "1 December 2026"},
		{l.Moment(at), "3 March 2026, 14:42 UTC"},
		{l.Second(at), "14:42:07 UTC"},
		{string(l.Clock(at.Format(time.RFC3339))), `<time datetime="2026-03-03T14:42:07Z" data-clock>14:42 UTC</time>`},
		{string(l.Clock("<script>")), ""},
		{l.Value("at", at.Format(time.RFC3339)), "14:42 UTC"},
		{l.Value("digits", "6"), "6"},
		{l.Value("digits", "6 7 8"), "6 or 7 or 8"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}

func TestAgents(t *testing.T) {
	for recorded, want := range map[string]string{"A browser": "A browser", "A browser on Linux": "A browser on Linux", "Firefox on macOS": "Firefox on macOS", "Firefox": "Firefox", "": "A browser"} {
		if got := english(t).Agent(recorded); got != want {
			t.Errorf("Agent(%q) = %q, want %q", recorded, got, want)
		}
	}
}
