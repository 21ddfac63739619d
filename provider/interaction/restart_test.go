package interaction

import (
	"testing"
	"time"
)

// TestRestartTellsAsMuch: a sign-in that begins once more tells the user what the first would have of who asks, and for what.
func TestRestartTellsAsMuch(t *testing.T) {
	flows := &Flows{lifetime: time.Hour, now: time.Now}
	ix := &Interaction{Strange: true, Device: true, API: "api", APIRegistered: "first"}
	if got := flows.Restart(ix); !got.Strange || !got.Device || got.API != ix.API || got.APIRegistered != ix.APIRegistered {
		t.Errorf("it begins as %+v", got)
	}
}
