package spelling_test

import (
	"testing"

	"vestibule/provider/spelling"
)

func TestNetworkOf(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.7:1234":             "192.0.2.7",
		"[::ffff:192.0.2.7]:1234":    "192.0.2.7",
		"192.0.2.7":                  "192.0.2.7",
		"[2001:db8:1:2:3:4:5:6]:80":  "2001:db8:1:2::/64",
		"[2001:db8:1:2::1%eth0]:443": "2001:db8:1:2::/64",
		"@":                          "@",
	} {
		if got := spelling.NetworkOf(remote); got != want {
			t.Errorf("NetworkOf(%q) = %q, want %q", remote, got, want)
		}
	}
}
