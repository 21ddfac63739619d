package database

import (
	"context"
	"sync"
	"testing"
	"time"
)

// TestGroupsLoseNobody has jobs meet in pairs, so that one often comes at the moment when the other is over.
func TestGroupsLoseNobody(t *testing.T) {
	t.Parallel()
	g := groups[bool]{most: 1, size: 2, do: func(_ context.Context, jobs []*bool) {
		for _, j := range jobs {
			*j = true
		}
	}}
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		var pair sync.WaitGroup
		for range 2 {
			pair.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				var done bool
				if err := g.join(ctx, &done); err != nil || !done {
					t.Errorf("a job is lost: %v, %v", done, err)
				}
			})
		}
		pair.Wait()
		if t.Failed() {
			return
		}
	}
}

// TestGroupsOfOneRow has commits of the same row go by themselves.
func TestGroupsOfOneRow(t *testing.T) {
	t.Parallel()
	var group []*committer
	for _, key := range []string{"b", "a", "b", "c", "b"} {
		group = append(group, &committer{write: write{one: key}, sent: true})
	}
	var keys string
	for _, j := range ofDifferentRows(group) {
		keys += j.key()
	}
	sent := 0
	for _, j := range group {
		if j.sent {
			sent++
		}
	}
	if keys != "abc" || sent != 3 {
		t.Errorf("%q go together and %d are sent, want abc and 3", keys, sent)
	}
}
