package servertest

import (
	"bytes"
	"sync"
	"time"
)

// Clock is a clock that only a test moves.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// newClock starts now, so that relying parties with a clock of their own agree, and at the begin of
// a TOTP step, so that a test can tell what the neighbouring codes are.
func newClock() *Clock { return &Clock{at: time.Now().Truncate(30 * time.Second)} }

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Journal keeps what servers log, to look for secrets in it.
type Journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write keeps what is logged.
func (j *Journal) Write(line []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(line)
}

// String is all that was logged.
func (j *Journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
