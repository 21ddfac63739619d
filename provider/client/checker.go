package client

import (
	"context"
	"crypto/subtle"
	"strings"
	"sync"

	"vestibule/provider/account"
)

const (
	secretsInLine = 128  // that one network may have waiting for one client
	secretsAtOnce = 4096 // that may be waiting in all
)

// SecretChecker checks client secrets. It remembers what a slow hash was found to stand for, so that a client that is
// known pays for it once. Until then all who present the same secret share one hash, and those who present others wait in
// a line of their own network: strangers cannot take the place of the client that comes with the right one.
type SecretChecker struct {
	Hasher Hasher // apart from that of passwords: token requests never wait for those

	mu    sync.Mutex
	right map[string]string       // slow hash to fast hash
	calls map[string]*secretCall  // under way, by slow hash and secret
	lines map[string]*secretsLine // by slow hash and network
}

// secretCall is a check that is under way.
type secretCall struct {
	line *secretsLine
	done chan struct{} // closed when ok and err are known
	ok   bool
	err  error
}

type secretsLine struct {
	turn  chan struct{} // holds one
	users int
}

// Check reports whether the secret is the client's. A client without a hash has no right secret. network is the one
// that the secret came from.
func (s *SecretChecker) Check(ctx context.Context, c Client, secret, network string) (bool, error) {
	if c.SecretHash == "" || secret == "" {
		return false, nil
	}
	fast := fastHash(secret)
	if strings.HasPrefix(c.SecretHash, sha256Prefix) {
		return same(fast, c.SecretHash), nil
	}
	if right, known := s.known(c.SecretHash); known {
		return same(fast, right), nil
	}
	key, line := c.SecretHash+"|"+fast, c.SecretHash+"|"+network
	call, first, err := s.join(key, line)
	if err != nil {
		return false, err
	}
	if first { // others may wait for it when its own client has gone
		func() {
			defer s.leave(key, line, call)
			s.decide(context.WithoutCancel(ctx), call, c.SecretHash, secret)
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
	if s.calls == nil {
		s.calls, s.lines = map[string]*secretCall{}, map[string]*secretsLine{}
	}
	l := s.lines[line]
	if l == nil {
		l = &secretsLine{turn: make(chan struct{}, 1)}
	}
	if l.users >= secretsInLine || len(s.calls) >= secretsAtOnce {
		return nil, false, account.ErrBusy
	}
	l.users++
	call = &secretCall{line: l, done: make(chan struct{}), err: account.ErrBusy}
	s.lines[line], s.calls[key] = l, call
	return call, true, nil
}

// decide hashes when it is the call's turn, unless the right secret has become known by then.
func (s *SecretChecker) decide(ctx context.Context, call *secretCall, hash, secret string) {
	call.line.turn <- struct{}{}
	defer func() { <-call.line.turn }()
	if right, known := s.known(hash); known {
		call.ok, call.err = same(fastHash(secret), right), nil
		return
	}
	call.ok, _, call.err = s.Hasher.Check(ctx, hash, secret)
	if call.ok {
		s.remember(hash, fastHash(secret))
	}
}

func (s *SecretChecker) leave(key, line string, call *secretCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.calls, key)
	if call.line.users--; call.line.users == 0 {
		delete(s.lines, line)
	}
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
	if s.right == nil || len(s.right) >= cacheSize {
		s.right = map[string]string{}
	}
	s.right[hash] = fast
}
