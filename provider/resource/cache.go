package resource

import (
	"crypto/sha256"
	"sync"
	"time"
)

// maxKept is how many answers are kept. More are forgotten all at once, which costs a question each.
const maxKept = 10_000

// cache keeps answers about good tokens for a moment. It has hashes of the tokens only. A nil one keeps nothing.
type cache struct {
	life time.Duration
	mu   sync.Mutex
	kept map[[sha256.Size]byte]kept
}

type kept struct {
	token Token
	until time.Time
}

func (c *cache) find(access string, now time.Time) (Token, bool) {
	if c == nil {
		return Token{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	k, ok := c.kept[sha256.Sum256([]byte(access))]
	return k.token.clone(), ok && now.Before(k.until)
}

func (c *cache) keep(access string, t Token, now time.Time) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.kept == nil || len(c.kept) >= maxKept {
		c.kept = map[[sha256.Size]byte]kept{}
	}
	c.kept[sha256.Sum256([]byte(access))] = kept{t.clone(), now.Add(c.life)}
}
