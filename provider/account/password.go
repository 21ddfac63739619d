package account

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/bcrypt"

	"vestibule/provider/limiter"
	"vestibule/provider/phc"
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

func (h *Hasher) cost() phc.Cost { return phc.NewCost(h.Memory, h.Passes) }

// decoy is a hash of no password, at the present cost: unknown names take as much work as known ones.
func (h *Hasher) decoy() string {
	return phc.Hash{Cost: h.cost(), Salt: make([]byte, saltLength), Sum: make([]byte, hashLength)}.String()
}

// Do runs a slow computation as one of the hashes: at most one for each core at a time. It fails without it with ErrBusy,
// or when ctx ends.
func (h *Hasher) Do(ctx context.Context, slow func()) error {
	return h.Limiter.Do(ctx, slow)
}

// Hash returns the PHC string of a password.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	made := phc.Hash{Cost: h.cost(), Salt: make([]byte, saltLength)}
	rand.Read(made.Salt) // never fails
	err := h.Do(ctx, func() {
		defer h.timed(time.Now())
		made.Sum = h.argon2id(made.Cost, password, made.Salt, hashLength)
	})
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	return made.String(), nil
}

// argon2id is all the slow work that is done here but for bcrypt.
func (h *Hasher) argon2id(cost phc.Cost, password string, salt []byte, length int) []byte {
	h.worked.Add(cost.Work())
	return cost.Sum(password, salt, length)
}

// makeUp does the work that a hash of the present cost takes beyond what was done for a cheaper one: else the time of a
// wrong password would tell that somebody has the name and has not signed in since the cost was raised.
func (h *Hasher) makeUp(password string, done uint64) {
	cost := h.cost()
	if done >= cost.Work() {
		return
	}
	cost.Memory = uint32((cost.Work() - done) / uint64(cost.Passes))
	if cost.Memory > 0 {
		h.argon2id(cost, password, make([]byte, saltLength), hashLength)
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
		return h.compareBcrypt(hash, password)
	}
	stored, err := phc.Parse(hash)
	if err != nil {
		return false, false, errHash
	}
	sum := h.argon2id(stored.Cost, password, stored.Salt, len(stored.Sum))
	h.makeUp(password, stored.Cost.Work())
	present := h.cost()
	return subtle.ConstantTimeCompare(sum, stored.Sum) == 1, stored.Cost.Memory < present.Memory || stored.Cost.Passes < present.Passes, nil
}

// HashPassword is Hash of the NormalPassword: of what a user types, on whatever device.
func (h *Hasher) HashPassword(ctx context.Context, password string) (string, error) {
	return h.Hash(ctx, NormalPassword(password))
}

// comparePassword compares the NormalPassword, and then what was typed: hashes of other products may be of that. Those are weak.
func (h *Hasher) comparePassword(hash, password string) (ok, weak bool, err error) {
	normal := NormalPassword(password)
	if ok, weak, err = h.compare(hash, normal); ok || err != nil || normal == password {
		return ok, weak, err
	}
	ok, _, err = h.compare(hash, password)
	return ok, true, err
}

// compareBcrypt refuses what is dearer than any Argon2id hash may be. One that is taken should always be made again.
func (h *Hasher) compareBcrypt(hash, password string) (ok, weak bool, err error) {
	work := bcryptWork(hash)
	if work > phc.MaxWork {
		return false, false, errHash
	}
	ok = checkBcrypt(hash, password)
	h.worked.Add(work)
	h.makeUp(password, work)
	return ok, true, nil
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

// errHash reports a stored hash that this package cannot read, or that is too dear to. It never holds the hash.
var errHash = errors.New("stored password hash is neither argon2id nor bcrypt, or too dear")
