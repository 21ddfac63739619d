//go:build !race

package allocation

import (
	"testing"

	"vestibule/cmd/vestibule/servertest"
)

// budget is the most that an operation may allocate, in bytes.
var budget = map[string]uint64{"flow": 300e3, "silent": 96e3, "refresh": 53e3, "introspection": 14e3, "userinfo": 15e3}

// TestBudget holds operations to their budgets. Its package has no other test, for what those allocate would count. The race
// detector has pools forget what they are given, so that it is built without.
func TestBudget(t *testing.T) {
	c := newShop(t, servertest.SQLite(t))
	const times = 10
	for _, o := range operations {
		operate := o.begin(c)
		operate() // what is made once, is
		c.meter.take()
		for range times {
			operate()
		}
		bytes, objects := c.meter.take()
		t.Logf("%s: %d bytes in %d objects", o.name, bytes/times, objects/times)
		if bytes/times > budget[o.name] {
			t.Errorf("%s allocates %d bytes, want at most %d", o.name, bytes/times, budget[o.name])
		}
	}
}
