package web

import (
	"context"
	"net/http"
	"runtime"
	"sync"
	"time"

	"vestibule/mfa"
	"vestibule/provider"
	"vestibule/provider/account"
)

// turns lets things of one kind be checked a few at a time. A guess is counted before it is compared, and
// a right one is taken back afterwards: without turns a user who signs in from many tabs at once, as a
// load test does, would be locked out with right passwords under way.
type turns struct {
	atOnce int
	queued int // waiting in one line

	mu    sync.Mutex
	lines map[string]*line
}

type line struct {
	free  chan struct{}
	users int
}

// turns of the server. Those of a name and of recovery codes stay below the budget of guesses even with a few
// processes. Those of an address keep the cores busy, but leave most places before the hash to others.
func (s *Server) lineUp() {
	s.names = turns{atOnce: 2, queued: 64}
	s.addresses = turns{atOnce: 2 * runtime.GOMAXPROCS(0), queued: 128}
	s.recoveries = turns{atOnce: 1, queued: 16}
}

// passwordTurn waits until a password for the name, which is as it was typed, may be checked. done is called when
// the guess is taken back, or is not.
func (s *Server) passwordTurn(r *http.Request, username string) (done func(), err error) {
	named, err := s.names.take(r.Context(), turnKey(r, username))
	if err != nil {
		return nil, err
	}
	addressed, err := s.addresses.take(r.Context(), provider.NetworkOf(r.RemoteAddr))
	if err != nil {
		named()
		return nil, err
	}
	return func() { addressed(); named() }, nil
}

// recoverInTurn checks a recovery code when it is its turn.
func (s *Server) recoverInTurn(ctx context.Context, subject, code string, since time.Time, then func(context.Context, mfa.Proof, int) error) error {
	done, err := s.recoveries.take(ctx, subject)
	if err != nil {
		return err
	}
	defer done()
	return s.MFA.Recover(ctx, subject, code, since, then)
}

// turnKey is what passwords wait in line under: the account is not known yet, so it is the name in its one spelling.
func turnKey(r *http.Request, username string) string {
	if name, err := account.CanonicalName(username); err == nil {
		username = name
	}
	return username + "|" + provider.NetworkOf(r.RemoteAddr)
}

// take waits for a turn. Whoever gets one calls done once.
func (t *turns) take(ctx context.Context, key string) (done func(), err error) {
	l, err := t.join(key)
	if err != nil {
		return nil, err
	}
	select {
	case l.free <- struct{}{}:
		return func() { <-l.free; t.leave(key, l) }, nil
	case <-ctx.Done():
		t.leave(key, l)
		return nil, ctx.Err()
	}
}

func (t *turns) join(key string) (*line, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.lines[key]
	if l == nil {
		l = &line{free: make(chan struct{}, t.atOnce)}
		if t.lines == nil {
			t.lines = map[string]*line{}
		}
		t.lines[key] = l
	}
	if l.users >= t.atOnce+t.queued {
		return nil, account.ErrBusy
	}
	l.users++
	return l, nil
}

func (t *turns) leave(key string, l *line) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if l.users--; l.users == 0 {
		delete(t.lines, key)
	}
}
