// Package phc reads and writes Argon2id hashes in the string format of the Password Hashing Competition, and computes
// them. It bounds what a hash that it reads may cost, so that a damaged row, or one from elsewhere, cannot stop a server.
//
// It is the one codec of passwords and recovery codes. Libraries for the format read any cost without a bound and do not
// tell it, while we have to know it before anything is computed: to refuse what is too dear, and to make up for what is
// cheaper than the present cost.
package phc

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"

	"vestibule/provider/spelling"
)

// Bounds of what is read.
const (
	maxMemory = 1 << 20 // KiB
	maxPasses = 64
	minSum    = 16 // bytes
	maxBytes  = 1024
)

// MaxWork is the most that a hash which is read may take, in KiB times passes.
const MaxWork = maxMemory * maxPasses

// ErrFormat reports what is no Argon2id hash, or one beyond the bounds. It never holds the text.
var ErrFormat = errors.New("not an argon2id hash in the PHC string format, or too dear a one")

// Cost is the cost of Argon2id (RFC 9106 section 3.1).
type Cost struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
}

// NewCost returns the cost of new hashes: of one thread, with 19456 KiB if memory is 0 and 2 passes if passes is.
func NewCost(memory, passes uint32) Cost {
	return Cost{cmp.Or(memory, 19*1024), cmp.Or(passes, 2), 1}
}

// Work is what the cost stands for, in KiB times passes.
func (c Cost) Work() uint64 { return uint64(c.Memory) * uint64(c.Passes) }

// Sum computes so many bytes of the secret. It is all the slow work here, and is for whoever has a place for that.
func (c Cost) Sum(secret string, salt []byte, length int) []byte {
	return c.idKey([]byte(secret), salt, uint32(length))
}

// String returns the beginning of a hash, which says how it is made: $argon2id$v=19$m=19456,t=2,p=1.
func (c Cost) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d", argon2.Version, c.Memory, c.Passes, c.Threads)
}

// ParseCost reads what String wrote, in this spelling only. ErrFormat if it is beyond the bounds.
func ParseCost(text string) (c Cost, err error) {
	_, costs, _ := strings.Cut(text, "$m=")
	memory, costs, _ := strings.Cut(costs, ",t=")
	passes, threads, _ := strings.Cut(costs, ",p=")
	c = Cost{uint32(number(memory, 32)), uint32(number(passes, 32)), uint8(number(threads, 8))}
	if c.String() != text || c.Memory > maxMemory || c.Passes == 0 || c.Passes > maxPasses || c.Threads == 0 {
		return Cost{}, ErrFormat
	}
	return c, nil
}

// number reads one of so many bits. What is none becomes one that is written differently.
func number(text string, bits int) uint64 {
	n, _ := strconv.ParseUint(text, 10, bits)
	return n
}

// Hash is a hash with all that it takes to compute it again.
type Hash struct {
	Cost Cost
	Salt []byte
	Sum  []byte
}

// String returns the hash as it is kept.
func (h Hash) String() string {
	b64 := base64.RawStdEncoding
	return h.Cost.String() + "$" + b64.EncodeToString(h.Salt) + "$" + b64.EncodeToString(h.Sum)
}

// Parse reads a hash. ErrFormat if it is none, or beyond the bounds. Nothing is computed.
func Parse(text string) (Hash, error) {
	part := strings.Split(text, "$")
	if len(part) != 6 {
		return Hash{}, ErrFormat
	}
	cost, err := ParseCost(strings.Join(part[:4], "$"))
	if err != nil {
		return Hash{}, err
	}
	salt, noSalt := spelling.DecodeBase64(base64.RawStdEncoding, part[4])
	sum, noSum := spelling.DecodeBase64(base64.RawStdEncoding, part[5])
	if noSalt != nil || noSum != nil || len(salt) > maxBytes || len(sum) < minSum || len(sum) > maxBytes {
		return Hash{}, ErrFormat
	}
	return Hash{cost, salt, sum}, nil
}
