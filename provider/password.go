package provider

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// Hasher hashes and checks passwords with Argon2id, at most one for each core at a time. The
// zero value has the default cost.
type Hasher struct {
	Memory  uint32              // KiB; 0: 19456
	Passes  uint32              // 0: 2
	Waiting int                 // how many may wait for a core before ErrBusy; 0: 256
	Timed   func(time.Duration) // told how long a hash took, the wait for a core aside; nil: nobody is

	gate    atomic.Pointer[chan struct{}]
	waiting atomic.Int64
}

const (
	saltLength = 16
	hashLength = 32
)

func (h *Hasher) cost() (memory, passes uint32) {
	memory, passes = h.Memory, h.Passes
	if memory == 0 {
		memory = 19 * 1024
	}
	if passes == 0 {
		passes = 2
	}
	return memory, passes
}

// enter waits for a core. The returned function gives it back.
func (h *Hasher) enter(ctx context.Context) (leave func(), err error) {
	gate := h.gate.Load()
	if gate == nil {
		fresh := make(chan struct{}, runtime.GOMAXPROCS(0))
		h.gate.CompareAndSwap(nil, &fresh)
		gate = h.gate.Load()
	}
	limit := int64(h.Waiting)
	if limit == 0 {
		limit = 256
	}
	if h.waiting.Add(1) > limit {
		h.waiting.Add(-1)
		return nil, ErrBusy
	}
	defer h.waiting.Add(-1)
	select {
	case *gate <- struct{}{}:
		return func() { <-*gate }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// decoy is a hash of no password, at the present cost: unknown names take as long as known ones. Accounts that were
// imported with other hashes take another time until their users have signed in.
func (h *Hasher) decoy() string {
	memory, passes := h.cost()
	return phc{memory, passes, 1, make([]byte, saltLength), make([]byte, hashLength)}.String()
}

// Do runs a slow computation as one of the hashes: at most one for each core at a time.
func (h *Hasher) Do(ctx context.Context, slow func()) error {
	leave, err := h.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	slow()
	return nil
}

// Hash returns the PHC string of a password.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLength)
	rand.Read(salt) // never fails
	memory, passes := h.cost()
	var sum []byte
	err := h.Do(ctx, func() {
		defer h.timed(time.Now())
		sum = argon2.IDKey([]byte(password), salt, passes, memory, 1, hashLength)
	})
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return phc{memory, passes, 1, salt, sum}.String(), nil
}

func (h *Hasher) timed(began time.Time) {
	if h.Timed != nil {
		h.Timed(time.Since(began))
	}
}

// Check reports whether the password belongs to the hash, an Argon2id PHC string or an imported bcrypt
// one, and whether the hash should be made again because it is cheaper than the present cost.
func (h *Hasher) Check(ctx context.Context, hash, password string) (ok, weak bool, err error) {
	var fault error
	err = h.Do(ctx, func() { ok, weak, fault = h.compare(hash, password) })
	return ok, weak, cmp.Or(err, fault)
}

// compare is Check in the place of a core that its caller has taken.
func (h *Hasher) compare(hash, password string) (ok, weak bool, err error) {
	defer h.timed(time.Now())
	if strings.HasPrefix(hash, "$2") {
		return checkBcrypt(hash, password), true, nil
	}
	p, err := parsePHC(hash)
	if err != nil {
		return false, false, err
	}
	sum := argon2.IDKey([]byte(password), p.salt, p.passes, p.memory, p.threads, uint32(len(p.sum)))
	memory, passes := h.cost()
	return subtle.ConstantTimeCompare(sum, p.sum) == 1, p.memory < memory || p.passes < passes, nil
}

// checkBcrypt refuses what bcrypt would cut off: it looks at 72 bytes only, and stops at a NUL. That takes as long as
// any other password.
func checkBcrypt(hash, password string) bool {
	whole := len(password) <= 72 && !strings.ContainsRune(password, 0)
	password = password[:min(len(password), 72)]
	return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil && whole
}

// phc is an Argon2id hash in the Password Hashing Competition's string format.
type phc struct {
	memory, passes uint32
	threads        uint8
	salt, sum      []byte
}

func (p phc) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.memory, p.passes, p.threads,
		b64.EncodeToString(p.salt), b64.EncodeToString(p.sum))
}

// errHash reports a stored hash that this package cannot read. It never holds the hash.
var errHash = errors.New("stored password hash is neither argon2id nor bcrypt")

// parsePHC reads a hash and refuses costs that would stop the server.
func parsePHC(s string) (p phc, err error) {
	part := strings.Split(s, "$")
	if len(part) != 6 || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, errHash
	}
	if _, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &p.memory, &p.passes, &p.threads); err != nil {
		return p, errHash
	}
	if p.salt, err = base64.RawStdEncoding.DecodeString(part[4]); err != nil {
		return p, errHash
	}
	if p.sum, err = base64.RawStdEncoding.DecodeString(part[5]); err != nil {
		return p, errHash
	}
	const maxMemory, maxPasses = 1 << 20, 64
	if p.memory > maxMemory || p.passes == 0 || p.passes > maxPasses || p.threads == 0 || len(p.sum) < 16 {
		return p, errHash
	}
	return p, nil
}
