package registration

import (
	"sync"
	"time"
)

const (
	fetchesPerMinute = 30      // of one network
	fetchNetworks    = 1 << 16 // that are counted
)

// fetches counts, for one process, what strangers have fetched of which nobody knows yet what it is. The zero value works.
type fetches struct {
	mu    sync.Mutex
	began time.Time
	count map[string]int // by network
}

// may counts one more of the network, and reports whether it may be fetched.
func (f *fetches) may(network string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.count == nil || now.Sub(f.began) >= time.Minute || len(f.count) >= fetchNetworks {
		f.began, f.count = now, map[string]int{}
	}
	f.count[network]++
	return f.count[network] <= fetchesPerMinute
}
