package database

import (
	"testing"
	"time"
)

// Until waits for something that comes about by itself, and fails the test if it does not.
func Until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after 20 seconds not so: %s", what)
		}
	}
}

func (g *groups[J]) wait() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.waiting)
}

// Waiting is how many reads wait for a trip of others.
func Waiting(d *DB) int { return d.conn.(*postgres).reads.wait() }

// WaitingCommits is how many commits wait for others.
func WaitingCommits(d *DB) int { return d.conn.(*postgres).commits.wait() }

// Trips is how often a connection to PostgreSQL was taken.
func Trips(d *DB) int64 { return d.conn.(*postgres).pool.Stat().AcquireCount() }

// InUse is how many connections to PostgreSQL are taken.
func InUse(d *DB) int { return int(d.conn.(*postgres).pool.Stat().AcquiredConns()) }

// Patient has reads and commits wait for others as long as it takes. Nobody may use d yet.
func Patient(d *DB) {
	p := d.conn.(*postgres)
	p.reads.patience, p.commits.patience = 0, 0
}
