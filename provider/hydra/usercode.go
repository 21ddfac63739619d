package hydra

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

// A user code is short, because somebody types it. So guesses at codes are counted before Hydra is asked (RFC 8628 section
// 5.1): against a budget of the user in a browser that somebody has signed in with here, and else against one of the
// address that they come from. Who guesses from an address cannot shut out a user who has signed in there.

// UserCodes is how guesses at user codes are counted.
type UserCodes struct {
	Counter UserCodeCounter
	Refunds *mfa.Refunds // of Counter; nil: some of its own
	Limits  UserCodeLimits
}

// UserCodeLimits are the budgets of wrong user codes; the zero value works.
type UserCodeLimits struct {
	User    mfa.Limit // of a user who has signed in; zero: 10 in 15 minutes, 15 minutes' lock
	Address int       // guesses of an address where nobody has, in the window and with the lock of User; 0: 50
}

// UserCodeCounter counts guesses, and tells of a lock without counting one. mfatest.TestStore proves the Counter, and the
// tests of storage the rest.
type UserCodeCounter interface {
	mfa.Counter
	// LockedUntil returns when the lock of the key ends; zero: none holds at that time.
	LockedUntil(ctx context.Context, key string, now time.Time) (time.Time, error)
}

func (u UserCodes) withDefaults() UserCodes {
	if u.Refunds == nil {
		u.Refunds = &mfa.Refunds{Attempts: u.Counter}
	}
	if u.Limits.User == (mfa.Limit{}) {
		u.Limits.User = mfa.Limit{Guesses: 10, Window: 15 * time.Minute, Lock: 15 * time.Minute}
	}
	if u.Limits.Address == 0 {
		u.Limits.Address = 50
	}
	return u
}

// budget is what a guess counts against.
type budget struct {
	scope   string // in the audit log
	subject string // whose it is; empty: the address's
	key     string
	limit   mfa.Limit
}

// budgetOf is the budget of whoever sits at the browser.
func (e *Engine) budgetOf(r *http.Request, pages Pages) (budget, error) {
	subject, err := pages.SignedIn(r)
	if err != nil {
		return budget{}, err
	}
	limit := e.UserCodes.Limits.User
	if subject != "" {
		return budget{"account", subject, "device:" + subject, limit}, nil
	}
	limit.Guesses = e.UserCodes.Limits.Address
	return budget{"address", "", "device-address:" + spelling.NetworkOf(r.RemoteAddr), limit}, nil
}

// lockedUntil returns when user codes are taken from the browser again; zero: now.
func (e *Engine) lockedUntil(r *http.Request, pages Pages) (time.Time, error) {
	b, err := e.budgetOf(r, pages)
	if err != nil {
		return time.Time{}, err
	}
	return e.UserCodes.Counter.LockedUntil(r.Context(), b.key, e.Now())
}

// tryUserCode counts a guess, commits the count, and has Hydra compare the code then. It returns where the browser goes on.
//
// Outcomes: *mfa.Locked if nothing was compared, because too many were wrong; else those of Admin.AcceptUserCode. A right
// guess is taken back, and one that Hydra has not answered. All others stay counted, whatever was wrong with them: what
// Hydra looks at first, the challenge or the code, is not for us to know.
func (e *Engine) tryUserCode(r *http.Request, pages Pages, challenge, code string) (to string, err error) {
	b, err := e.budgetOf(r, pages)
	if err != nil {
		return "", err
	}
	r = r.WithContext(context.WithoutCancel(r.Context())) // what was counted is compared, and what came of it recorded
	counted, err := e.UserCodes.Refunds.Attempt(r.Context(), b.key, b.limit, e.Now())
	switch {
	case err != nil:
		return "", fmt.Errorf("count guess: %w", err)
	case !counted.LockedUntil.IsZero():
		return "", &mfa.Locked{Until: counted.LockedUntil}
	}
	to, err = e.Admin.AcceptUserCode(r.Context(), challenge, code)
	switch {
	case err == nil:
		return to, e.rightUserCode(r, b, counted)
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, limiter.ErrBusy): // nothing was compared
		e.UserCodes.Refunds.Refund(r.Context(), b.key, counted.ID)
		return "", err
	}
	if fault := e.wrongUserCode(r, b, counted); fault != nil {
		return "", fault
	}
	return "", err
}

// rightUserCode takes the guess back in the commit that records the code. Wrong ones before it stay counted.
func (e *Engine) rightUserCode(r *http.Request, b budget, counted mfa.AttemptCount) error {
	right := b.event(r, audit.EventDeviceCode, audit.OutcomeOK)
	err := e.Journal.RecordWith(r.Context(), []audit.Event{right}, func(ctx context.Context) error {
		return e.UserCodes.Counter.RefundAttempt(ctx, b.key, counted.ID)
	})
	if err != nil {
		e.UserCodes.Refunds.Refund(r.Context(), b.key, counted.ID)
	}
	return err
}

func (e *Engine) wrongUserCode(r *http.Request, b budget, counted mfa.AttemptCount) error {
	wrong := b.event(r, audit.EventDeviceCodeFailed, audit.OutcomeFailed)
	wrong.Detail["in_a_row"] = strconv.Itoa(counted.InARow)
	if counted.Left <= 0 {
		wrong.Kind = audit.EventDeviceCodeLocked
	}
	return e.Journal.Record(r.Context(), wrong)
}

func (b budget) event(r *http.Request, kind, outcome string) audit.Event {
	return audit.Event{
		Kind: kind, Outcome: outcome, Subject: b.subject, Address: spelling.HostOf(r.RemoteAddr), Detail: map[string]string{"budget": b.scope},
	}
}
