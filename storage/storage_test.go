package storage_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/storage"
	"vestibule/storage/storagetest"
)

var _ provider.Store = (*storage.Store)(nil)
var _ account.AccountStore = (*storage.Store)(nil)

// noon is when the tests happen.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// each runs f on a fresh database of each kind.
func each(t *testing.T, f func(t *testing.T, s *storage.Store)) {
	t.Helper()
	t.Parallel()
	storagetest.Each(t, f)
}

// must ends the test for what is not its subject.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// race runs f n times at once and returns how often it succeeded. All other outcomes must be want.
func race(t *testing.T, n int, want error, f func(i int) error) int {
	t.Helper()
	outcomes := make([]error, n)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-start
			outcomes[i] = f(i)
		})
	}
	close(start)
	group.Wait()
	won := 0
	for i, err := range outcomes {
		switch {
		case err == nil:
			won++
		case want == nil || !errors.Is(err, want):
			t.Errorf("goroutine %d: %v, want %v", i, err, want)
		}
	}
	return won
}

// number asks for one number.
func number(t *testing.T, s *storage.Store, query string, args ...any) int64 {
	t.Helper()
	n, err := s.Number(context.WithoutCancel(t.Context()), query, args...)
	must(t, err)
	return n
}

// watch counts what goes to the database until the test ends.
type watch struct {
	mu    sync.Mutex
	trips []storage.Trip
}

func observe(s *storage.Store) *watch {
	w := &watch{}
	s.Observe(func(t storage.Trip) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.trips = append(w.trips, t)
	})
	return w
}

// joined is what one write and those that stand apart are: one statement on PostgreSQL, which joins them.
func joined(t *testing.T, writes int) int {
	if strings.Contains(t.Name(), "postgres") {
		return 1
	}
	return writes
}

// counts returns round trips, statements and commits of writes.
func (w *watch) counts() [3]int {
	w.mu.Lock()
	defer w.mu.Unlock()
	var n [3]int
	for _, t := range w.trips {
		n[0]++
		n[1] += len(t.Queries)
		if t.Writes {
			n[2]++
		}
	}
	return n
}
