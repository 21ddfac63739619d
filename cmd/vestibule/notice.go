package main

import (
	"context"
	"errors"
	"strconv"

	"vestibule/provider"
	"vestibule/provider/store"
	"vestibule/storage"
)

// waveOfCodes is how many wrong codes in a row a user is told of.
const waveOfCodes = 5

// letterOf names the template of the mail that tells a user of the event; empty: there is none.
func letterOf(e provider.Event) string {
	if e.Subject == "" {
		return ""
	}
	switch e.Kind {
	case provider.EventTOTPFailed, provider.EventTOTPLocked, provider.EventRecoveryFailed, provider.EventRecoveryLocked:
		if isWave(e) {
			return "wrong codes"
		}
		return ""
	}
	if e.Outcome == provider.OutcomeFailed || e.Outcome == provider.OutcomeRefused {
		return ""
	}
	switch e.Kind {
	case provider.EventFactorAdded, provider.EventFactorRemoved, provider.EventRecoveryUsed, provider.EventPasswordChanged,
		provider.EventAdminReset, provider.EventAdminResetPlanned, provider.EventResetCancelled, provider.EventAdminEnrolLink:
		return e.Kind
	case provider.EventAdminTOTPAdded:
		return provider.EventFactorAdded
	case provider.EventCodesMade:
		if e.Detail["authenticator"] == "" { // else the mail about the authenticator, which they came with, is enough
			return e.Kind
		}
	case provider.EventAdminUserUpdated:
		if e.Detail["email"] != "" {
			return "email.changed"
		}
	}
	return ""
}

// isWave tells whether enough wrong codes have come since the last mail about them, or so many that a lock has begun. A
// code is only asked for after the password, or within a session; the codes of a set-up are not those of a factor.
func isWave(e provider.Event) bool {
	if e.Detail["set_up"] != "" {
		return false
	}
	n, err := strconv.Atoi(e.Detail["in_a_row"])
	locks := e.Kind == provider.EventTOTPLocked || e.Kind == provider.EventRecoveryLocked
	return locks || err == nil && n > 0 && n%waveOfCodes == 0
}

// noticeHook puts a notice of each event that the user should know of into the outbox, in the commit of the event.
// Commands have it always: they do not know whether the servers send mail. What no server sends is purged.
func noticeHook(db *storage.Store) hook {
	return func(ctx context.Context, e provider.Event) error {
		kind := letterOf(e)
		if kind == "" {
			return nil
		}
		e.Kind = kind
		if kind == "email.changed" {
			if err := toOldAddress(ctx, db, e); err != nil {
				return err
			}
		}
		return db.AddNotice(ctx, storage.Notice{Event: e, Due: e.Time})
	}
}

// toOldAddress tells it where the user still reads it. The account is read as it was before the commit.
func toOldAddress(ctx context.Context, db *storage.Store, e provider.Event) error {
	user, err := db.Account(ctx, e.Subject)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && user.Email == "":
		return nil
	case err != nil:
		return err
	}
	e.ID += "-old"
	return db.AddNotice(ctx, storage.Notice{Event: e, Recipient: user.Email, Due: e.Time})
}
