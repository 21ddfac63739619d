package outbox_test

import (
	"testing"
	"time"

	"vestibule/provider/outbox"
)

// TestNext tries in vain until the time is over: the pauses grow, and their number is bounded.
func TestNext(t *testing.T) {
	p := outbox.Pace{First: 30 * time.Second, Later: time.Hour, Life: 24 * time.Hour}
	since := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	now, last, tries := since, time.Duration(0), 0
	for {
		at, ok := p.Next(since, now)
		if !ok {
			break
		}
		pause := at.Sub(now)
		if pause < last || pause < p.First || pause > p.Later {
			t.Errorf("after %v the pause is %v, and the one before it was %v", now.Sub(since), pause, last)
		}
		now, last = at, pause
		tries++
	}
	if age := now.Sub(since); tries < 25 || tries > 40 || age < p.Life || age > p.Life+p.Later {
		t.Errorf("%d tries in %v", tries, age)
	}
}
