package pushed

import (
	"sync"
	"time"
)

const (
	quotaTime    = time.Minute
	quota        = 600     // that a network may leave here in that time: many users may share it
	quotaMembers = 1 << 16 // networks that are counted
)

// Quota bounds how many requests a network pushes for clients that have no secret: anybody can do so, and each is a row.
// It counts for one process; its zero value works.
type Quota struct {
	mu    sync.Mutex
	began time.Time
	seen  map[string]int
}

// Take counts one more, and reports whether it may be.
func (q *Quota) Take(network string, now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.seen == nil || now.Sub(q.began) >= quotaTime || len(q.seen) >= quotaMembers {
		q.began, q.seen = now, map[string]int{}
	}
	q.seen[network]++
	return q.seen[network] <= quota
}
