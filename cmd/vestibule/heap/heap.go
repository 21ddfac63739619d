package heap

import (
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"

	"vestibule/provider/gc"
)

const (
	mib = 1 << 20
	// A server at work has little that lives and makes much that does not: by Go's own target, the heap twice as large as
	// what lives, the collector costs a quarter of a sign-in. Room for some dozens of sign-ins costs a few per cent.
	roomOnce, roomPerCore = 8 * mib, 8 * mib
	// leastRoom is for a heap at its limit. It bounds how often the collector runs.
	leastRoom = 8 * mib
	// leastHeap is what Go multiplies with the percentage for a heap that is smaller.
	leastHeap = 4 * mib
)

// Plan is what holds for the heap of this process.
type Plan struct {
	Room  uint64 // bytes that it grows by between two collections; 0: the environment says it
	Limit uint64 // bytes that it should stay below; 0: none is known
	By    string // who says so: default, cgroup, GOMEMLIMIT or GOGC
}

// Grow has the heap of this process grow by a few MiB for each core before it is collected, from now on, and returns what
// holds. Where the environment has GOGC, that holds, and nothing is done. The heap stays below the limit that GOMEMLIMIT or
// a control group sets, with room for what is not heap, as long as what lives there does. stop ends it, and has the target
// that held before hold again.
func Grow() (p Plan, stop func()) {
	p = plan(os.Getenv, os.DirFS("/"), runtime.GOMAXPROCS(0))
	if p.Room == 0 {
		return p, func() {}
	}
	var mu sync.Mutex
	ended, before := false, tune(p)
	gc.AfterEach(func() bool {
		mu.Lock()
		defer mu.Unlock()
		if !ended {
			tune(p)
		}
		return !ended
	})
	return p, func() {
		mu.Lock()
		defer mu.Unlock()
		ended = true
		debug.SetGCPercent(before)
	}
}

// plan is Grow without doing it.
func plan(environ func(string) string, system fs.FS, cores int) Plan {
	p := Plan{Room: uint64(roomOnce + cores*roomPerCore), By: "default"}
	switch {
	case environ("GOGC") != "":
		return Plan{By: "GOGC"}
	case environ("GOMEMLIMIT") != "":
		if limit := debug.SetMemoryLimit(-1); limit < 1<<60 { // else it is off
			p.Limit, p.By = uint64(limit)-min(uint64(limit)/8, notHeap/2), "GOMEMLIMIT"
		}
	default:
		if limit := groupLimit(system); limit > 0 {
			p.Limit, p.By = limit-min(max(limit/8, notHeap), limit/2), "cgroup"
		}
	}
	return p
}

// notHeap is what a server takes beside its heap, of memory that it cannot give back: stacks, pages of a SQLite database,
// what the runtime keeps.
const notHeap = 24 * mib

// tune has the next collection come when the heap has grown as planned, and returns the percentage that it replaces.
func tune(p Plan) int {
	read := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/heap:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
	metrics.Read(read)
	live, scanned := read[0].Value.Uint64(), read[1].Value.Uint64()
	roots := read[2].Value.Uint64() + read[3].Value.Uint64()
	return debug.SetGCPercent(percent(p.room(live, scanned+roots), live+roots))
}

// room is how far the heap may grow while so much of it lives, and so much of that has to be looked through. Whatever the
// limit, it is never less than half of what a collection looks through, where Go's own target is all of that: near the limit
// the collector does at most twice its usual work for what is allocated. A limit that cannot be kept without more is not
// kept.
func (p Plan) room(live, scanned uint64) uint64 {
	room := max(p.Room, scanned)
	if p.Limit > 0 {
		room = min(room, p.Limit-min(live, p.Limit))
	}
	return max(room, scanned/2, leastRoom)
}

// percent is that of Go's target for so much room, where so much counts as the heap. It is rounded up, or a large heap
// would have none.
func percent(room, counted uint64) int {
	counted = max(counted, leastHeap)
	return int((room*100 + counted - 1) / counted)
}
