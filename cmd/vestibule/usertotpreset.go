package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os/user"
	"strings"
	"time"

	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/storage"
)

const (
	longestReason = 500
	longestDelay  = 30 * 24 * time.Hour
)

// userTOTPReset takes a user's second factor away, for one who has lost phone and recovery
// codes: at once, or after a delay in which the user can object. Who that person is must have been
// checked before; the reason says how.
func userTOTPReset(f *flag.FlagSet) action {
	load := existing(databaseFlags(f))
	reason := f.String("reason", "", "`why`, and how the user's identity was checked; it is recorded, and the user sees it")
	delay := f.Duration("delay", 0, "announce it and let the server do it after this `time`, such as 24h; until then the user can cancel it")
	cancel := f.Bool("cancel", false, "cancel the reset that is planned")
	return func(ctx context.Context, w *env, args []string) error {
		if err := wrongUsage(checkReset(*reason, *delay, *cancel)...); err != nil {
			return err
		}
		c, err := load(w)
		if err != nil {
			return err
		}
		return withStore(ctx, w, load, func(db *storage.Store) error {
			user, err := findUser(ctx, db, args[0])
			if err != nil {
				return err
			}
			o := operation{db, commandAuditor(db, time.Now), user, strings.TrimSpace(*reason)}
			var done string
			switch {
			case *cancel:
				done, err = o.cancelReset(ctx)
			case *delay > 0:
				done, err = o.planReset(ctx, time.Now(), *delay)
				if text := untold(user, c); err == nil && text != "" {
					fmt.Fprintln(w.stderr, "warning: "+text)
				}
			default:
				done, err = o.reset(ctx, time.Now())
			}
			if err == nil {
				_, err = fmt.Fprintln(w.stdout, done)
			}
			return err
		})
	}
}

// untold says why nobody may learn of a planned reset before it takes place.
func untold(user account.Account, c config.Config) string {
	const only = "only the security page tells of the reset before it takes place"
	switch {
	case user.Email == "":
		return user.Username + " has no e-mail address; " + only
	case c.MailServer == "":
		return "these settings have no mail_server; if that of the servers is empty too, " + only
	}
	return ""
}

func checkReset(reason string, delay time.Duration, cancel bool) []error {
	var faults []error
	for _, rule := range []struct {
		broken bool
		text   string
	}{
		{strings.TrimSpace(reason) == "" && !cancel, "--reason is missing; say why, and how you know that the user asked for it"},
		{printable(reason) != reason || len(reason) > longestReason, "--reason must be at most 500 bytes, without control characters"},
		{delay < 0 || delay > longestDelay, "--delay must be a time from now on, of at most 720h"},
		{cancel && delay != 0, "--cancel and --delay exclude each other"},
	} {
		if rule.broken {
			faults = append(faults, errors.New(rule.text))
		}
	}
	return faults
}

// operation is what an operator does to a user's second factor, and why.
type operation struct {
	db      *storage.Store
	audit   *audit.Log
	account account.Account
	reason  string
}

func (o operation) reset(ctx context.Context, now time.Time) (string, error) {
	open, err := liveSessions(ctx, o.db, o.account.Subject, now)
	if err != nil {
		return "", err
	}
	removed, err := server.ResetFactors(ctx, o.db, o.audit, audit.Event{
		Subject: o.account.Subject, Detail: map[string]string{"reason": o.reason},
	})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("removed the second factor of %[1]s (authenticators: %[2]d) and signed the user out everywhere\n%[3]s"+
		"%[1]s can set up a new one only with a link, which this makes: vestibule user enrol-link %[1]s", o.account.Username, removed, ended(open)), nil
}

func (o operation) planReset(ctx context.Context, now time.Time, delay time.Duration) (string, error) {
	plan := mfa.PlannedReset{
		ID: rand.Text(), Subject: o.account.Subject, Reason: o.reason, Actor: o.audit.Actor, Created: now, Due: now.Add(delay),
	}
	err := o.db.Atomic(ctx, func(ctx context.Context) error {
		if err := o.db.PlanReset(ctx, plan); err != nil {
			return err
		}
		return o.audit.Record(ctx, audit.Event{
			Kind: audit.EventAdminResetPlanned, Outcome: audit.OutcomeOK, Subject: plan.Subject,
			Detail: map[string]string{"reason": plan.Reason, "reset": plan.ID, "due": plan.Due.UTC().Format(time.RFC3339)},
		})
	})
	switch {
	case errors.Is(err, store.ErrConflict):
		return "", &result{fmt.Sprintf("a reset of %s is planned already; user get shows when, --cancel cancels it", o.account.Username), err}
	case err != nil:
		return "", fmt.Errorf("plan a reset: %w", err)
	}
	return fmt.Sprintf("the server will remove the second factor of %[1]s at %[2]s UTC; until then it works as before\n"+
		"to cancel that: vestibule user totp reset %[1]s --cancel", o.account.Username, moment(plan.Due)), nil
}

func (o operation) cancelReset(ctx context.Context) (string, error) {
	plan, err := o.db.ResetOf(ctx, o.account.Subject)
	if err == nil {
		err = o.db.Atomic(ctx, func(ctx context.Context) error {
			if err := o.db.EndReset(ctx, plan.ID); err != nil {
				return err
			}
			e := audit.Event{
				Kind: audit.EventResetCancelled, Outcome: audit.OutcomeOK, Subject: plan.Subject,
				Detail: map[string]string{"reset": plan.ID, "how": "operator"},
			}
			if o.reason != "" {
				e.Detail["reason"] = o.reason
			}
			return o.audit.Record(ctx, e)
		})
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return "", &result{fmt.Sprintf("no reset of %s is planned", o.account.Username), err}
	case err != nil:
		return "", fmt.Errorf("cancel a reset: %w", err)
	}
	return fmt.Sprintf("the reset of %s is cancelled; nothing was removed", o.account.Username), nil
}

// actor names who runs the command.
func actor() string {
	u, err := user.Current()
	if err != nil {
		return "cli"
	}
	return "cli:" + u.Uid
}
