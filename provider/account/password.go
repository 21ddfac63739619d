package account

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"vestibule/provider/limiter"
)

// Hasher hashes and checks passwords with Argon2id, at most one for each core at a time. The
// zero value has the default cost.
type Hasher struct {
	Memory  uint32              // KiB; 0: 19456
	Passes  uint32              // 0: 2
	Timed   func(time.Duration) // told how long a hash took, the wait for a core aside; nil: nobody is
	Limiter limiter.Limiter     // who waits for a core; the zero value works

	worked atomic.Uint64 // KiB times passes, in all
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

// decoy is a hash of no password, at the present cost: unknown names take as much work as known ones.
func (h *Hasher) decoy() string {
	memory, passes := h.cost()
	return phc{memory, passes, 1, make([]byte, saltLength), make([]byte, hashLength)}.String()
}

// Do runs a slow computation as one of the hashes: at most one for each core at a time. It fails without it with ErrBusy,
// or when ctx ends.
func (h *Hasher) Do(ctx context.Context, slow func()) error {
	return h.Limiter.Do(ctx, slow)
}

// Hash returns the PHC string of a password.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLength)
	rand.Read(salt) // never fails
	memory, passes := h.cost()
	var sum []byte
	err := h.Do(ctx, func() {
		defer h.timed(time.Now())
		sum = h.argon2id(password, salt, passes, memory, 1, hashLength)
	})
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return phc{memory, passes, 1, salt, sum}.String(), nil
}

// argon2id is all the slow work that is done here but for bcrypt.
func (h *Hasher) argon2id(password string, salt []byte, passes, memory uint32, threads uint8, length int) []byte {
	h.worked.Add(uint64(passes) * uint64(memory))
	return argon2.IDKey([]byte(password), salt, passes, memory, threads, uint32(length))
}

// makeUp does the work that a hash of the present cost takes beyond what was done for a cheaper one: else the time of a
// wrong password would tell that somebody has the name and has not signed in since the cost was raised.
func (h *Hasher) makeUp(password string, done uint64) {
	memory, passes := h.cost()
	whole := uint64(memory) * uint64(passes)
	if done >= whole {
		return
	}
	if rest := uint32((whole - done) / uint64(passes)); rest > 0 {
		h.argon2id(password, make([]byte, saltLength), passes, rest, 1, hashLength)
	}
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
		ok = checkBcrypt(hash, password)
		work := bcryptWork(hash)
		h.worked.Add(work)
		h.makeUp(password, work)
		return ok, true, nil
	}
	p, err := parsePHC(hash)
	if err != nil {
		return false, false, err
	}
	sum := h.argon2id(password, p.salt, p.passes, p.memory, p.threads, len(p.sum))
	h.makeUp(password, uint64(p.passes)*uint64(p.memory))
	memory, passes := h.cost()
	return subtle.ConstantTimeCompare(sum, p.sum) == 1, p.memory < memory || p.passes < passes, nil
}

// bcryptWork is how much Argon2id takes as long as the bcrypt of that cost, in KiB times passes: near enough on the
// machines of today, for the two do not depend on the same parts of one. A bcrypt that is dearer than the present cost takes
// longer, whatever is done here.
func bcryptWork(hash string) uint64 {
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil {
		return 0
	}
	return 64 << cost
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
