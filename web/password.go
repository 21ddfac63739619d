package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"vestibule/mfa"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/audit"
)

// PasswordLimits are the budgets of wrong passwords, which are those of a name: an account has one for its user name
// and one for its e-mail address, so that no lock tells that the two belong together. In a browser that the account is
// known in the name has another. All other guesses count against two: one of the name and one of the address that they
// come from.
type PasswordLimits struct {
	Account mfa.Limit // of a name, and of a name in a browser that its account is known in; zero: 10 in 15 minutes, 15 minutes' lock
	Address int       // guesses of an address, in the window and with the lock of Account; 0: 100
}

func (l PasswordLimits) orDefault() PasswordLimits {
	if l.Account == (mfa.Limit{}) {
		l.Account = mfa.Limit{Guesses: 10, Window: 15 * time.Minute, Lock: 15 * time.Minute}
	}
	if l.Address == 0 {
		l.Address = 100
	}
	return l
}

// budget is one that a guess of a password counts against.
type budget struct {
	name  string // in the audit log
	key   string
	limit mfa.Limit
}

// budgets are those of a guess at a name, whether somebody has it or not. The address comes first: while it is locked, it
// cannot lock accounts.
func (s *Server) budgets(r *http.Request, g account.Guess) []budget {
	one := s.Passwords.Account
	if m, ok := s.deviceCookie(r, g.Subject, g.Epoch); ok {
		return []budget{{"browser", "known:" + g.Subject + "|" + g.Key + "." + m.budget(), one}}
	}
	many := one
	many.Guesses = s.Passwords.Address
	return []budget{{"address", "address:" + provider.NetworkOf(r.RemoteAddr), many}, {"account", "pwd:" + g.Subject + "|" + g.Key, one}}
}

// counted is a guess of a password and where it was counted.
type counted struct {
	account.Guess
	at     time.Time
	in     []place
	inARow int
	locks  string // the budget that it used up, so that a lock has begun
}

// place is where a guess was counted, and what it can be taken back by.
type place struct{ key, id string }

// count counts a guess in all its budgets and commits that, or in none if one of them is locked. What was counted is
// compared and recorded, so that a browser that goes away meanwhile changes nothing.
func (s *Server) count(ctx context.Context, r *http.Request, c *counted) error {
	ctx = context.WithoutCancel(ctx)
	for _, b := range s.budgets(r, c.Guess) {
		tally, err := s.Refunds.Attempt(ctx, b.key, b.limit, c.at)
		switch {
		case err != nil: // checkPassword gives back what was counted before
			return err
		case !tally.LockedUntil.IsZero():
			s.refund(ctx, *c)
			return &mfa.Locked{Until: tally.LockedUntil}
		}
		c.in, c.inARow = append(c.in, place{b.key, tally.ID}), tally.InARow
		if tally.Left <= 0 {
			c.locks = b.name
		}
	}
	return nil
}

// refund gives a guess back that was right, or was not compared: now or as soon as the database answers.
func (s *Server) refund(ctx context.Context, c counted) {
	for _, p := range c.in {
		s.Refunds.Refund(ctx, p.key, p.id)
	}
}

// takeBack takes a guess back that was right, as part of a commit. Wrong ones before it stay counted, until their
// window is over: a right password, which may be another user's from the same address, says nothing about them.
func (s *Server) takeBack(ctx context.Context, c counted) error {
	ctx = context.WithoutCancel(ctx)
	for _, p := range c.in {
		if err := s.Attempts.RefundAttempt(ctx, p.key, p.id); err != nil {
			return err
		}
	}
	return nil
}

// checkPassword counts a guess, and commits the count, just before it compares: all spellings of a name have one
// budget, and a hasher that is too busy to compare costs nothing of it. A fault that leaves open whether the password
// is right costs nothing either. Its caller has a turn, and takes a right guess back before it gives the turn up.
func (s *Server) checkPassword(r *http.Request, username, password string) (account.Account, counted, error) {
	c := counted{at: s.Now()}
	user, err := s.Accounts.Authenticate(r.Context(), username, password, func(ctx context.Context, g account.Guess) error {
		c.Guess = g
		return s.count(ctx, r, &c)
	})
	var locked *mfa.Locked
	switch {
	case err == nil, errors.As(err, &locked): // then nothing is counted
		return user, c, err
	case !errors.Is(err, account.ErrPassword):
		s.refund(r.Context(), c)
		return account.Account{}, c, err
	}
	wrong := &wrongPassword{mfa.Failed{Why: err, Factor: audit.FactorPassword, InARow: c.inARow, Locks: c.locks != ""}, c.Subject, c.locks}
	if wrong.failed.Locks {
		wrong.failed.Why = &mfa.Locked{Until: c.at.Add(s.Passwords.Account.Lock)}
	}
	return account.Account{}, c, wrong
}

// wrongPassword is a password that was compared and is wrong.
type wrongPassword struct {
	failed  mfa.Failed
	subject string // empty: nobody has the name
	locks   string // the budget that it used up
}

func (e *wrongPassword) Error() string { return e.failed.Error() }

// Unwrap returns the *mfa.Failed.
func (e *wrongPassword) Unwrap() error { return &e.failed }

// passwordEvents records a wrong password, under the account that it was tried at.
func (fl *flow) passwordEvents(r *http.Request, err error) []audit.Event {
	e, ok := refusedPassword(fl.event(r, "", provider.MethodPassword), err)
	if !ok {
		return nil
	}
	e.Session = ""
	return []audit.Event{e}
}

// refusedPassword is refused for a password.
func refusedPassword(e audit.Event, err error) (audit.Event, bool) {
	var wrong *wrongPassword
	if !errors.As(err, &wrong) {
		return e, false
	}
	e, ok := refused(e, err)
	e.Subject = wrong.subject
	if wrong.locks != "" {
		e.Detail["budget"] = wrong.locks
	}
	return e, ok
}
