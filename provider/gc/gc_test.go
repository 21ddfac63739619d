package gc

import (
	"runtime"
	"testing"
	"time"
)

// Each collection is followed by a call, until one says that it was the last.
func TestAfterEach(t *testing.T) {
	called := make(chan bool, 64)
	more := true
	AfterEach(func() bool {
		called <- true
		more = len(called) < 3
		return more
	})
	for i := range 3 {
		for before, rounds := len(called), 0; len(called) == before; rounds++ {
			if rounds == 10 {
				t.Fatalf("not called after collection %d", i+1)
			}
			collect(t)
		}
	}
	for range 3 { // what the first of these has found to do is done before what comes of the third
		collect(t)
	}
	if n := len(called); n != 3 {
		t.Errorf("called %d times, want 3", n)
	}
}

// collect runs a collection, and returns when a finalizer has run that was set before it. One goroutine runs them all, so that
// none of an earlier collection is left.
func collect(t *testing.T) {
	t.Helper()
	type marker struct{ _ *byte }
	ran := make(chan bool)
	runtime.SetFinalizer(new(marker), func(*marker) { close(ran) })
	runtime.GC()
	select {
	case <-ran:
	case <-time.After(time.Minute):
		t.Fatal("a collection has run no finalizer")
	}
}
