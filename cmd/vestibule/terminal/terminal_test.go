package terminal

import (
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		90 * 24 * time.Hour: "2160 hours", time.Hour: "1 hours", 30 * time.Minute: "30 minutes", 90 * time.Minute: "90 minutes",
		10 * time.Second: "1 minutes",
	} {
		if got := (&Terminal{}).Span(d); got != want {
			t.Errorf("Span(%v) = %q, want %q", d, got, want)
		}
	}
}
