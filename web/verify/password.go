package verify

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"time"

	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/limiter"
	"vestibule/provider/spelling"
	"vestibule/web/browser"
)

// Limits are the budgets of wrong passwords, which are those of a name: an account has one for its user name
// and one for its e-mail address, so that no lock tells that the two belong together. In a browser that the account is
// known in the name has another. All other guesses count against two: one of the name and one of the address that they
// come from.
type Limits struct {
	Account mfa.Limit // of a name, and of a name in a browser that its account is known in; zero: 10 in 15 minutes, 15 minutes' lock
	Address int       // guesses of an address, in the window and with the lock of Account; 0: 100
}

func (l Limits) orDefault() Limits {
	if l.Account == (mfa.Limit{}) {
		l.Account = mfa.Limit{Guesses: 10, Window: 15 * time.Minute, Lock: 15 * time.Minute}
	}
	if l.Address == 0 {
		l.Address = 100
	}
	return l
}

// Passwords checks passwords.
type Passwords struct {
	Accounts account.Accounts
	Attempts mfa.Counter
	Refunds  *mfa.Refunds // of Attempts
	Limits   Limits
	Devices  *browser.Devices
	Now      func() time.Time
	// Passwords wait for their turn by name and by address.
	names, addresses *limiter.Limiter
}

// NewPasswords returns Passwords; the zero Limits are the defaults, and without refunds it has some of its own.
func NewPasswords(accounts account.Accounts, attempts mfa.Counter, refunds *mfa.Refunds, limits Limits, devices *browser.Devices, now func() time.Time) *Passwords {
	if refunds == nil {
		refunds = &mfa.Refunds{Attempts: attempts}
	}
	return &Passwords{
		Accounts: accounts, Attempts: attempts, Refunds: refunds, Limits: limits.orDefault(), Devices: devices, Now: now,
		// A guess is counted before it is compared, and a right one is taken back afterwards: without turns a user who
		// signs in from many tabs at once, as a load test does, would be locked out with right passwords under way. Those
		// of a name stay below the budget of guesses even with a few processes. Those of an address keep the cores busy,
		// but leave most places before the hash to others.
		names:     &limiter.Limiter{AtOnce: 2, Waiting: 64},
		addresses: &limiter.Limiter{AtOnce: 2 * runtime.GOMAXPROCS(0), Waiting: 128},
	}
}

// Turn waits until a password for the name, which is as it was typed, may be checked. done is called when the guess is
// taken back, or is not.
func (s *Passwords) Turn(r *http.Request, username string) (done func(), err error) {
	named, err := s.names.Take(r.Context(), turnKey(r, username))
	if err != nil {
		return nil, err
	}
	addressed, err := s.addresses.Take(r.Context(), spelling.NetworkOf(r.RemoteAddr))
	if err != nil {
		named()
		return nil, err
	}
	return func() { addressed(); named() }, nil
}

// turnKey is what passwords wait in line under: the account is not known yet, so it is the name in its one spelling.
func turnKey(r *http.Request, username string) string {
	if name, err := account.CanonicalName(username); err == nil {
		username = name
	}
	return username + "|" + spelling.NetworkOf(r.RemoteAddr)
}

// budget is one that a guess of a password counts against.
type budget struct {
	mfa.Budget
	name string // in the audit log
}

// budgets are those of a guess at a name, whether somebody has it or not. The address comes first: while it is locked, it
// cannot lock accounts.
func (s *Passwords) budgets(r *http.Request, g account.Guess) []budget {
	one := s.Limits.Account
	if name, ok := s.Devices.Budget(r, g.Subject, g.Epoch); ok {
		return []budget{{mfa.Budget{Key: "known:" + g.Subject + "|" + g.Key + "." + name, Limit: one}, "browser"}}
	}
	many := one
	many.Guesses = s.Limits.Address
	return []budget{
		{mfa.Budget{Key: "address:" + spelling.NetworkOf(r.RemoteAddr), Limit: many}, "address"},
		{mfa.Budget{Key: "pwd:" + g.Subject + "|" + g.Key, Limit: one}, "account"},
	}
}

// Counted is a guess of a password and where it was counted.
type Counted struct {
	account.Guess
	at     time.Time
	keys   []string // of the budgets that it was counted in
	id     string   // what it can be taken back by
	inARow int
	locks  string // the budget that it used up, so that a lock has begun
}

// count counts a guess in all its budgets and commits that, or in none if one of them is locked. What was counted is
// compared and recorded, so that a browser that goes away meanwhile changes nothing.
func (s *Passwords) count(ctx context.Context, r *http.Request, c *Counted) error {
	in := s.budgets(r, c.Guess)
	budgets := make([]mfa.Budget, len(in))
	for i, b := range in {
		budgets[i] = b.Budget
	}
	found, err := s.Refunds.AttemptAll(context.WithoutCancel(ctx), budgets, c.at)
	if err != nil {
		return err
	}
	for _, tally := range found {
		if tally.Disabled || !tally.LockedUntil.IsZero() {
			return &mfa.Locked{Until: tally.LockedUntil, Disabled: tally.Disabled}
		}
	}
	for i, tally := range found {
		c.keys, c.id, c.inARow = append(c.keys, in[i].Key), tally.ID, tally.InARow
		if tally.Left <= 0 {
			c.locks = in[i].name
		}
	}
	return nil
}

// Refund gives a guess back that was right, or was not compared: now or as soon as the database answers.
func (s *Passwords) Refund(ctx context.Context, c Counted) { s.Refunds.RefundAll(ctx, c.keys, c.id) }

// TakeBack takes a guess back that was right, as part of a commit. Wrong ones before it stay counted, until their
// window is over: a right password, which may be another user's from the same address, says nothing about them.
func (s *Passwords) TakeBack(ctx context.Context, c Counted) error {
	if len(c.keys) == 0 {
		return nil
	}
	return s.Attempts.RefundAll(context.WithoutCancel(ctx), c.keys, c.id)
}

// Check counts a guess, and commits the count, just before it compares: all spellings of a name have one
// budget, and a hasher that is too busy to compare costs nothing of it. A fault that leaves open whether the password
// is right costs nothing either. Its caller has a turn, and takes a right guess back before it gives the turn up. along, nil if
// there is nothing, has what is asked of the subject go along with the count: of nobody too, so that the time does not tell.
func (s *Passwords) Check(r *http.Request, username, password string, along func(ctx context.Context, subject string) context.Context) (account.Account, Counted, error) {
	c := Counted{at: s.Now()}
	user, err := s.Accounts.Authenticate(r.Context(), username, password, func(ctx context.Context, g account.Guess) error {
		c.Guess = g
		if along != nil {
			ctx = along(ctx, g.Subject)
		}
		return s.count(ctx, r, &c)
	})
	var locked *mfa.Locked
	switch {
	case err == nil, errors.As(err, &locked): // then nothing is counted
		return user, c, err
	case !errors.Is(err, account.ErrPassword):
		s.Refund(r.Context(), c)
		return account.Account{}, c, err
	}
	wrong := &wrongPassword{mfa.Failed{Why: err, Factor: audit.FactorPassword, InARow: c.inARow, Locks: c.locks != ""}, c.Subject, c.locks}
	if wrong.failed.Locks {
		wrong.failed.Why = &mfa.Locked{Until: c.at.Add(s.Limits.Account.Lock)}
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

// RefusedPassword makes e the record of a password that was compared and is wrong, under the account that it was tried
// at. Not ok: none was compared.
func RefusedPassword(e audit.Event, err error) (audit.Event, bool) {
	var wrong *wrongPassword
	if !errors.As(err, &wrong) {
		return e, false
	}
	e, ok := Refused(e, err)
	e.Subject = wrong.subject
	if wrong.locks != "" {
		e.Detail["budget"] = wrong.locks
	}
	return e, ok
}
