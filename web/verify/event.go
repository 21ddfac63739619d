package verify

import (
	"errors"
	"maps"
	"strconv"

	"vestibule/mfa"
	"vestibule/provider/audit"
)

// Refused makes e the record of a code that was compared and refused. Not ok: nothing was compared, so that there is
// nothing to record; strangers must not be able to fill the log with tries that cost them nothing.
func Refused(e audit.Event, err error) (_ audit.Event, ok bool) {
	var failed *mfa.Failed
	if !errors.As(err, &failed) {
		return e, false
	}
	e.Kind, e.Outcome = audit.ProofFailed(failed.Factor), audit.OutcomeFailed
	if failed.Locks {
		e.Kind = audit.ProofLocked(failed.Factor)
	}
	e.Detail["in_a_row"] = strconv.Itoa(failed.InARow)
	e.Detail["reason"] = reason(failed.Why)
	return e, true
}

// YesNo is how events say it.
func YesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// reason is one word for why an answer was refused.
func reason(err error) string {
	var refusal *mfa.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Reason != "":
		return refusal.Reason
	case errors.Is(err, mfa.ErrUsed):
		return "used"
	case errors.Is(err, mfa.ErrExpired):
		return "expired"
	}
	return "wrong"
}

// Proved makes e the record of a proof. It belongs into the commit that spends what was proved.
func Proved(e audit.Event, p mfa.Proof, detail map[string]string) audit.Event {
	e.Kind, e.Method = audit.Proved(p.Kind()), p.Method()
	maps.Copy(e.Detail, p.Detail())
	maps.Copy(e.Detail, detail)
	return e
}

// Activated are the records, begun by e, of what a set-up has made. They belong into the commit that activates it.
func Activated(e audit.Event, p mfa.Proof, made mfa.PendingView) []audit.Event {
	var events []audit.Event
	if p.Method() != "" {
		added := e
		added.Kind, added.Method, added.Detail = audit.EventFactorAdded, p.Method(), maps.Clone(e.Detail)
		added.Detail["name"], added.Detail["factor"] = made.Name, p.Kind()
		events = append(events, added)
	}
	if len(made.Codes) > 0 {
		codes := e
		codes.Kind, codes.Detail = audit.EventCodesMade, map[string]string{"codes": strconv.Itoa(len(made.Codes))}
		if p.Method() != "" {
			codes.Detail["authenticator"] = made.Name
		}
		events = append(events, codes)
	}
	return events
}
