package notice

import (
	"context"
	"errors"
	"strconv"

	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// waveOfCodes is how many wrong codes in a row a user is told of.
const waveOfCodes = 5

// letterOf names the template of the mail that tells a user of the event; empty: there is none.
func letterOf(e audit.Event) string {
	if e.Subject == "" {
		return ""
	}
	if factor, result, ok := audit.Proof(e.Kind); ok && factor != audit.FactorPassword && result != audit.ResultOK {
		if isWave(e, result) {
			return "wrong codes"
		}
		return ""
	}
	if e.Outcome == audit.OutcomeFailed || e.Outcome == audit.OutcomeRefused {
		return ""
	}
	switch e.Kind {
	case audit.EventFactorAdded, audit.EventFactorRemoved, audit.EventRecoveryUsed, audit.EventPasswordChanged,
		audit.EventAdminReset, audit.EventAdminResetPlanned, audit.EventResetCancelled, audit.EventAdminEnrolLink:
		return e.Kind
	case audit.EventAdminTOTPAdded:
		return audit.EventFactorAdded
	case audit.EventCodesMade:
		if e.Detail["authenticator"] == "" { // else the mail about the authenticator, which they came with, is enough
			return e.Kind
		}
	case audit.EventAdminUserUpdated:
		if e.Detail["email"] != "" {
			return "email.changed"
		}
	}
	return ""
}

// isWave tells whether enough wrong codes have come since the last mail about them, or so many that a lock has begun. A
// code is only asked for after the password, or within a session; the codes of a set-up are not those of a factor.
func isWave(e audit.Event, result string) bool {
	if e.Detail["set_up"] != "" {
		return false
	}
	n, err := strconv.Atoi(e.Detail["in_a_row"])
	return result == audit.ResultLocked || err == nil && n > 0 && n%waveOfCodes == 0
}

// Hook puts a notice of each event that the user should know of into the outbox, in the commit of the event.
// Commands have it always: they do not know whether the servers send mail. What no server sends is purged.
func Hook(outbox Outbox) audit.Hook {
	return func(ctx context.Context, e audit.Event) error {
		kind := letterOf(e)
		if kind == "" {
			return nil
		}
		e.Kind = kind
		if kind == "email.changed" {
			if err := toOldAddress(ctx, outbox, e); err != nil {
				return err
			}
		}
		return outbox.AddNotice(ctx, Notice{Event: e, Due: e.Time})
	}
}

// toOldAddress tells it where the user still reads it. The account is read as it was before the commit.
func toOldAddress(ctx context.Context, outbox Outbox, e audit.Event) error {
	user, err := outbox.Account(ctx, e.Subject)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && user.Email == "":
		return nil
	case err != nil:
		return err
	}
	e.ID += "-old"
	return outbox.AddNotice(ctx, Notice{Event: e, Recipient: user.Email, Due: e.Time})
}
