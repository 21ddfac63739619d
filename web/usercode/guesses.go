package usercode

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/limiter"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
)

// A user code is short, because somebody types it. So guesses at codes are counted before one is compared (RFC 8628 section
// 5.1): against a budget of the user in a browser that somebody has signed in with here, and else against one of the
// address that they come from. Who guesses from an address cannot shut out a user who has signed in there.

// Guesses counts guesses at user codes.
type Guesses struct {
	Counter Counter
	Refunds *mfa.Refunds // of Counter; nil: some of its own
	Limits  Limits
	Journal audit.Journal    // records them
	Now     func() time.Time // nil: time.Now
}

// Limits are the budgets of wrong user codes; the zero value works.
type Limits struct {
	User    mfa.Limit // of a user who has signed in; zero: 10 in 15 minutes, 15 minutes' lock
	Address int       // guesses of an address where nobody has, in the window and with the lock of User; 0: 50
}

// Counter counts guesses, and tells of a lock without counting one. mfatest.TestStore proves the mfa.Counter, and the tests
// of storage the rest.
type Counter interface {
	mfa.Counter
	// LockedUntil returns when the lock of the key ends; zero: none holds at that time.
	LockedUntil(ctx context.Context, key string, now time.Time) (time.Time, error)
}

// WithDefaults is g with its zero fields filled in.
func (g Guesses) WithDefaults() Guesses {
	if g.Refunds == nil {
		g.Refunds = &mfa.Refunds{Attempts: g.Counter}
	}
	if g.Limits.User == (mfa.Limit{}) {
		g.Limits.User = mfa.Limit{Guesses: 10, Window: 15 * time.Minute, Lock: 15 * time.Minute}
	}
	if g.Limits.Address == 0 {
		g.Limits.Address = 50
	}
	if g.Now == nil {
		g.Now = time.Now
	}
	return g
}

// Users tells who sits at a browser.
type Users interface {
	// SignedIn returns whose session the browser has; empty: it has none that lives.
	SignedIn(r *http.Request) (subject string, err error)
}

// budget is what a guess counts against.
type budget struct {
	scope   string // in the audit log
	subject string // whose it is; empty: the address's
	key     string
	limit   mfa.Limit
}

// budgetOf is the budget of whoever sits at the browser.
func (g Guesses) budgetOf(r *http.Request, users Users) (budget, error) {
	subject, err := users.SignedIn(r)
	if err != nil {
		return budget{}, err
	}
	limit := g.Limits.User
	if subject != "" {
		return budget{"account", subject, "device:" + subject, limit}, nil
	}
	limit.Guesses = g.Limits.Address
	return budget{"address", "", "device-address:" + spelling.NetworkOf(r.RemoteAddr), limit}, nil
}

// lockedUntil returns when user codes are taken from the browser again; zero: now.
func (g Guesses) lockedUntil(r *http.Request, users Users) (time.Time, error) {
	b, err := g.budgetOf(r, users)
	if err != nil {
		return time.Time{}, err
	}
	return g.Counter.LockedUntil(r.Context(), b.key, g.Now())
}

// Try counts a guess, commits the count, and has compare say then what is wrong with the code: nothing, if it returns no
// error. It is given a context that does not end with the request: what was counted is compared, and what came of it
// recorded.
//
// Outcomes: *mfa.Locked if nothing was compared, because too many were wrong; else those of compare. A right guess is taken
// back, and one that could not be compared, which store.ErrUnavailable and limiter.ErrBusy report. All others stay counted,
// whatever was wrong with them.
func (g Guesses) Try(r *http.Request, users Users, compare func(ctx context.Context) error) error {
	b, err := g.budgetOf(r, users)
	if err != nil {
		return err
	}
	r = r.WithContext(context.WithoutCancel(r.Context()))
	counted, err := g.Refunds.Attempt(r.Context(), b.key, b.limit, g.Now())
	switch {
	case err != nil:
		return fmt.Errorf("count guess: %w", err)
	case !counted.LockedUntil.IsZero():
		return &mfa.Locked{Until: counted.LockedUntil}
	}
	err = compare(r.Context())
	switch {
	case err == nil:
		return g.right(r, b, counted)
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, limiter.ErrBusy): // nothing was compared
		g.Refunds.Refund(r.Context(), b.key, counted.ID)
		return err
	}
	if fault := g.wrong(r, b, counted); fault != nil {
		return fault
	}
	return err
}

// right takes the guess back in the commit that records the code. Wrong ones before it stay counted.
func (g Guesses) right(r *http.Request, b budget, counted mfa.AttemptCount) error {
	right := b.event(r, audit.EventDeviceCode, audit.OutcomeOK)
	err := g.Journal.RecordWith(r.Context(), []audit.Event{right}, func(ctx context.Context) error {
		return g.Counter.RefundAttempt(ctx, b.key, counted.ID)
	})
	if err != nil {
		g.Refunds.Refund(r.Context(), b.key, counted.ID)
	}
	return err
}

func (g Guesses) wrong(r *http.Request, b budget, counted mfa.AttemptCount) error {
	wrong := b.event(r, audit.EventDeviceCodeFailed, audit.OutcomeFailed)
	wrong.Detail["in_a_row"] = strconv.Itoa(counted.InARow)
	if counted.Left <= 0 {
		wrong.Kind = audit.EventDeviceCodeLocked
	}
	return g.Journal.Record(r.Context(), wrong)
}

func (b budget) event(r *http.Request, kind, outcome string) audit.Event {
	return audit.Event{
		Kind: kind, Outcome: outcome, Subject: b.subject, Address: spelling.HostOf(r.RemoteAddr), Detail: map[string]string{"budget": b.scope},
	}
}
