package enrol

import (
	"testing"
	"time"
)

func TestLapse(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-90 * time.Second: "90 seconds", 2 * time.Minute: "120 seconds", 150 * time.Second: "2 minutes 30 seconds",
		-time.Hour: "60 minutes",
	} {
		if got := lapse(d); got != want {
			t.Errorf("lapse(%v) = %q, want %q", d, got, want)
		}
	}
}
