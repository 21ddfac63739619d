package gc

import (
	"runtime"
	"testing"
	"time"
)

// Each collection is followed by a call, until one says that it was the last.
func TestAfterEach(t *testing.T) {
	called := make(chan bool, 8)
	more := true
	AfterEach(func() bool {
		called <- true
		more = len(called) < 3
		return more
	})
	for i := range 3 {
		before := len(called)
		for deadline := time.Now().Add(10 * time.Second); len(called) == before; runtime.GC() {
			if time.Now().After(deadline) {
				t.Fatalf("not called after collection %d", i+1)
			}
			time.Sleep(time.Millisecond)
		}
	}
	runtime.GC()
	time.Sleep(10 * time.Millisecond)
	runtime.GC()
	if n := len(called); n != 3 {
		t.Errorf("called %d times, want 3", n)
	}
}
