package phc

import (
	"bytes"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
)

// costs are small ones around the bounds of a lane, in an order in which memory is used again that was larger, and smaller.
var costs = []Cost{{0, 1, 1}, {1, 1, 255}, {7, 2, 1}, {8, 1, 1}, {9, 3, 1}, {64, 1, 1}, {256, 2, 2}, {1023, 1, 3}, {8192, 1, 4}, {31, 64, 1}, {19456, 2, 1}, {64, 1, 1}}

// Sums are those of the library, whatever the memory was used for before.
func TestSums(t *testing.T) {
	var group sync.WaitGroup
	for i := range 2 {
		group.Go(func() {
			for _, c := range costs {
				for _, length := range []int{16, 32, 64, 65, 1024} {
					secret, salt := fmt.Sprint("secret", i, length), bytes.Repeat([]byte{byte(i)}, i*8)
					if c.Memory > 1000 && length != 32 {
						continue
					}
					want := argon2.IDKey([]byte(secret), salt, c.Passes, c.Memory, c.Threads, uint32(length))
					if got := c.Sum(secret, salt, length); !bytes.Equal(got, want) {
						t.Errorf("%v, %d bytes: %x, want %x", c, length, got, want)
					}
				}
			}
		})
	}
	group.Wait()
}

// Nothing of a secret stays in memory that waits for the next hash.
func TestSpareMemoryIsCleared(t *testing.T) {
	var m memories
	used := m.take(64)
	for i := range used {
		used[i][i] = 1
	}
	m.give(used)
	if len(used) != 64 {
		t.Fatalf("%d blocks, want 64", len(used))
	}
	for i, b := range used {
		if b != (block{}) {
			t.Errorf("block %d is not cleared", i)
		}
	}
}

// There is as much memory as hashes have run at once. What no hash needs goes back to the heap.
func TestSpareMemoryGoesBack(t *testing.T) {
	var m memories
	one, two := m.take(8), m.take(8)
	m.give(one)
	m.give(two)
	if again := m.take(8); &again[0] != &two[0] || len(m.free) != 1 {
		t.Errorf("%d lie beside the one that was taken, want the one that was used first", len(m.free))
	}
	if larger := m.take(16); len(larger) != 16 || len(m.free) != 0 {
		t.Errorf("%d blocks and %d that lie, want 16 and none", len(larger), len(m.free))
	}
	m.give(two)
	given := m.free[0].since
	if !m.drop(given.Add(lies-1)) || len(m.free) != 1 {
		t.Error("it is gone before its time")
	}
	if m.drop(given.Add(lies)) || len(m.free) != 0 {
		t.Error("it is still there")
	}
	m.give(two)
	m.free[0].since = given.Add(-lies)
	for deadline := time.Now().Add(10 * time.Second); m.waits() > 0; runtime.GC() {
		if time.Now().After(deadline) {
			t.Fatal("no collection has taken it")
		}
	}
}

func (m *memories) waits() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.free)
}

// Hashes begin no collection, for they take no memory: not the first one's 19 MiB, but a few KiB each.
func TestHashesTakeNoMemory(t *testing.T) {
	const hashes = 20
	cost := NewCost(0, 1)
	cost.Sum("secret", make([]byte, 16), 32)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range hashes {
		cost.Sum("secret", make([]byte, 16), 32)
	}
	runtime.ReadMemStats(&after)
	if n := after.NumGC - before.NumGC; n > 1 {
		t.Errorf("%d collections while %d hashes were made, want none", n, hashes)
	}
	if n := (after.TotalAlloc - before.TotalAlloc) / hashes; n > 64<<10 {
		t.Errorf("%d bytes were allocated for each hash, want a few thousand", n)
	}
}

// BenchmarkSum tells what a hash of the default cost takes, beside the library's.
func BenchmarkSum(b *testing.B) {
	cost, salt := NewCost(0, 0), make([]byte, 16)
	for name, sum := range map[string]func(){
		"ours":    func() { cost.Sum("secret", salt, 32) },
		"library": func() { argon2.IDKey([]byte("secret"), salt, cost.Passes, cost.Memory, cost.Threads, 32) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			for b.Loop() {
				sum()
			}
			runtime.ReadMemStats(&after)
			b.ReportMetric(float64(after.NumGC-before.NumGC)/float64(b.N), "collections/op")
		})
	}
}
