package client

import (
	"context"
	"crypto/subtle"
	"strings"
	"sync"
	"time"

	"vestibule/provider/limiter"
)

const (
	secretsInLine = 128  // that one network may have under way for one client, the one that is hashed among them
	secretsAtOnce = 4096 // that may be under way in all
)

// SecretChecker checks client secrets. It remembers what a slow hash was found to stand for, so that a client that is
// known pays for it once. Until then all who present the same secret share one hash, and those who present others wait in
// a line of their own network: strangers cannot take the place of the client that comes with the right one.
type SecretChecker struct {
	hasher Hasher
	lines  limiter.Limiter // by slow hash and network

	mu    sync.Mutex
	right map[string]string      // slow hash to fast hash
	calls map[string]*secretCall // under way, by slow hash and secret
}

// NewSecretChecker returns a SecretChecker. The hasher is not that of passwords: token requests never wait for those.
func NewSecretChecker(hasher Hasher) *SecretChecker {
	return &SecretChecker{
		hasher: hasher, lines: limiter.Limiter{AtOnce: 1, Waiting: secretsInLine - 1},
		right: map[string]string{}, calls: map[string]*secretCall{},
	}
}

// secretCall is a check that is under way.
type secretCall struct {
	place *limiter.Place
	done  chan struct{} // closed when ok and err are known
	ok    bool
	err   error
}

// Check reports whether the secret is one that the client has at that moment. A client without a hash has no right secret.
// network is the one that the secret came from.
func (s *SecretChecker) Check(ctx context.Context, c Client, at time.Time, secret, network string) (bool, error) {
	for _, hash := range c.SecretHashes(at) {
		if ok, err := s.check(ctx, hash, secret, network); ok || err != nil {
			return ok, err
		}
	}
	return false, nil
}

// check reports whether the secret belongs to the hash.
func (s *SecretChecker) check(ctx context.Context, hash, secret, network string) (bool, error) {
	if secret == "" {
		return false, nil
	}
	fast := fastHash(secret)
	if strings.HasPrefix(hash, sha256Prefix) {
		return same(fast, hash), nil
	}
	if right, known := s.known(hash); known {
		return same(fast, right), nil
	}
	key := hash + "|" + fast
	call, first, err := s.join(key, hash+"|"+network)
	if err != nil {
		return false, err
	}
	if first { // others may wait for it when its own client has gone
		func() {
			defer s.leave(key, call)
			s.decide(context.WithoutCancel(ctx), call, hash, secret)
		}()
	}
	select {
	case <-call.done:
		return call.ok, call.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// join returns the call that is under way for the secret, or a new one, which its first user decides.
func (s *SecretChecker) join(key, line string) (call *secretCall, first bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if call := s.calls[key]; call != nil {
		return call, false, nil
	}
	if len(s.calls) >= secretsAtOnce {
		return nil, false, limiter.ErrBusy
	}
	place, err := s.lines.Join(line)
	if err != nil {
		return nil, false, err
	}
	call = &secretCall{place: place, done: make(chan struct{}), err: limiter.ErrBusy}
	s.calls[key] = call
	return call, true, nil
}

// decide hashes when it is the call's turn, unless the right secret has become known by then.
func (s *SecretChecker) decide(ctx context.Context, call *secretCall, hash, secret string) {
	if call.err = call.place.Wait(ctx); call.err != nil {
		return
	}
	if right, known := s.known(hash); known {
		call.ok, call.err = same(fastHash(secret), right), nil
		return
	}
	call.ok, _, call.err = s.hasher.Check(ctx, hash, secret)
	if call.ok {
		s.remember(hash, fastHash(secret))
	}
}

// leave ends the call, whatever became of it.
func (s *SecretChecker) leave(key string, call *secretCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, key)
	call.place.Leave()
	close(call.done)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

func (s *SecretChecker) known(hash string) (fast string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fast, ok = s.right[hash]
	return fast, ok
}

func (s *SecretChecker) remember(hash, fast string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.right) >= cacheSize {
		clear(s.right)
	}
	s.right[hash] = fast
}
