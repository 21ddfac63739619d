package web

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"vestibule/mfa"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/limiter"
)

// lineUp makes the lines. A guess is counted before it is compared, and a right one is taken back afterwards: without
// turns a user who signs in from many tabs at once, as a load test does, would be locked out with right passwords under
// way. Those of a name and of recovery codes stay below the budget of guesses even with a few processes. Those of an
// address keep the cores busy, but leave most places before the hash to others.
func (s *Server) lineUp() {
	s.names = &limiter.Limiter{AtOnce: 2, Waiting: 64}
	s.addresses = &limiter.Limiter{AtOnce: 2 * runtime.GOMAXPROCS(0), Waiting: 128}
	s.recoveries = &limiter.Limiter{AtOnce: 1, Waiting: 16}
}

// passwordTurn waits until a password for the name, which is as it was typed, may be checked. done is called when
// the guess is taken back, or is not.
func (s *Server) passwordTurn(r *http.Request, username string) (done func(), err error) {
	named, err := s.names.Take(r.Context(), turnKey(r, username))
	if err != nil {
		return nil, err
	}
	addressed, err := s.addresses.Take(r.Context(), provider.NetworkOf(r.RemoteAddr))
	if err != nil {
		named()
		return nil, err
	}
	return func() { addressed(); named() }, nil
}

// recoverInTurn checks a recovery code when it is its turn.
func (s *Server) recoverInTurn(ctx context.Context, subject, code string, since time.Time, then func(context.Context, mfa.Proof, int) error) error {
	done, err := s.recoveries.Take(ctx, subject)
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
