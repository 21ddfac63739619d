package phc

import (
	"encoding/binary"
	"slices"
	"sync"
	"time"
	_ "unsafe" // for go:linkname

	"vestibule/provider/gc"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/blake2b"
)

// argon2.IDKey takes its memory, 19 MiB by default, from the heap anew for each hash: the collector runs for every second or
// third one, the system hands out and clears thousands of pages, and a server with two hashes at a time keeps six times what
// they need. No function of that package takes the memory of its caller, so these are linked to by name: all arithmetic is
// the library's, only the memory is ours. Tests hold the sums against IDKey, since the linker does not compare types.

// block is what Argon2 counts memory in: 1 KiB (RFC 9106 section 3.2).
type block [128]uint64

const (
	quarters = 4 // of a pass
	modeID   = 2 // Argon2id
)

//go:linkname initHash golang.org/x/crypto/argon2.initHash
func initHash(password, salt, key, data []byte, time, memory, threads, keyLen uint32, mode int) [blake2b.Size + 8]byte

//go:linkname blake2bHash golang.org/x/crypto/argon2.blake2bHash
func blake2bHash(out, in []byte)

//go:linkname processBlocks golang.org/x/crypto/argon2.processBlocks
func processBlocks(memory []block, time, size, threads uint32, mode int)

//go:linkname extractKey golang.org/x/crypto/argon2.extractKey
func extractKey(memory []block, size, threads, keyLen uint32) []byte

// The names above are those of this version of Argon2, and their package must be part of the program.
const _ uint = argon2.Version - 0x13

// idKey is argon2.IDKey in memory that was used before.
func (c Cost) idKey(secret, salt []byte, length uint32) []byte {
	threads := uint32(c.Threads)
	size := max(c.Memory/(quarters*threads), 2) * quarters * threads
	h0 := initHash(secret, salt, nil, nil, c.Passes, c.Memory, threads, length, modeID)
	memory := spare.take(size)
	defer spare.give(memory)
	for lane := range threads {
		for i := range uint32(2) {
			firstBlock(&memory[lane*(size/threads)+i], h0, lane, i)
		}
	}
	processBlocks(memory, c.Passes, size, threads, modeID)
	return extractKey(memory, size, threads, length)
}

// firstBlock makes one of the two that a lane begins with (RFC 9106 section 3.2, steps 3 and 4).
func firstBlock(b *block, h0 [blake2b.Size + 8]byte, lane, i uint32) {
	binary.LittleEndian.PutUint32(h0[blake2b.Size:], i)
	binary.LittleEndian.PutUint32(h0[blake2b.Size+4:], lane)
	var made [1024]byte
	blake2bHash(made[:], h0[:])
	for j := range b {
		b[j] = binary.LittleEndian.Uint64(made[8*j:])
	}
}

// spare is memory for the next hash.
var spare memories

// memories are as many as hashes have run at once, each all zeros. One that has lain for a while goes back to the heap with
// the next collection, of which there is one every two minutes at least. It is no sync.Pool, which has some for each core.
type memories struct {
	mu      sync.Mutex
	free    []lying // the one that was used last at the end
	watched bool    // the next collection is awaited
}

type lying struct {
	blocks []block
	since  time.Time
}

// lies is how long memory lies that no hash needs.
const lies = time.Minute

// take returns so many blocks, all zeros.
func (m *memories) take(blocks uint32) []block {
	m.mu.Lock()
	var found []block
	if last := len(m.free) - 1; last >= 0 {
		found = m.free[last].blocks
		m.free = slices.Delete(m.free, last, last+1)
	}
	m.mu.Unlock()
	if uint32(cap(found)) >= blocks {
		return found[:blocks]
	}
	return make([]block, blocks) // one that is too small goes: they become as large as the largest
}

// give clears the memory, which Argon2 needs at its beginning, so that nothing of a password stays in it.
func (m *memories) give(memory []block) {
	clear(memory)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free = append(m.free, lying{memory, time.Now()})
	if !m.watched {
		m.watched = true
		gc.AfterEach(func() bool { return m.drop(time.Now()) })
	}
}

// drop lets go what has lain for long, and reports whether there is more.
func (m *memories) drop(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free = slices.DeleteFunc(m.free, func(l lying) bool { return now.Sub(l.since) >= lies })
	m.watched = len(m.free) > 0
	return m.watched
}
