// Package outbox is what a commit has left to be told to somebody outside, and when it is tried: again after growing pauses, and for
// a bounded time. The rows are others' to keep: one is taken for a try by one conditional statement that moves its
// time, and deleted when it was told.
package outbox

import "time"

// Pace says when what could not be told is tried again.
type Pace struct {
	First time.Duration // the shortest pause between two tries
	Later time.Duration // the longest
	Life  time.Duration // how long it is tried
}

// Next returns when to try again what has waited since then and was tried in vain now: after a pause as long as it has
// waited. Not ok: its time is over.
func (p Pace) Next(since, now time.Time) (at time.Time, ok bool) {
	age := now.Sub(since)
	return now.Add(min(max(age, p.First), p.Later)), age < p.Life
}
