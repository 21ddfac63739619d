package operator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
)

const (
	longestReason = 500 // bytes
	longestDelay  = 30 * 24 * time.Hour
)

// CheckReset says all that is wrong with the reason of a reset and with its delay, as an *Invalid. The reason must say
// why, and how the user's identity was checked: it is recorded, and the user sees it.
func CheckReset(reason string, delay time.Duration) error {
	return invalid(
		broken(rule{strings.TrimSpace(reason) == "", "reason", "is missing; say why, and how you know that the user asked for it"}),
		checkReason(reason),
		broken(rule{delay < 0 || delay > longestDelay, "delay", "must be a time from now on, of at most 720h"}),
	)
}

func checkReason(reason string) error {
	return broken(rule{!isPlainText(reason) || len(reason) > longestReason, "reason", "must be at most 500 bytes, without control characters"})
}

// Reset is what a reset took away.
type Reset struct {
	Authenticators int
	Sessions       []interaction.Session // that were open
}

// ResetFactors takes a user's second factor away, for one who has lost phone and recovery codes, and ends what somebody
// with the lost phone may still have open. From then on the user sets up a new one with a link only (IssueLink).
func (o *Operator) ResetFactors(ctx context.Context, user account.Account, reason string) (Reset, error) {
	if err := CheckReset(reason, 0); err != nil {
		return Reset{}, err
	}
	open, err := o.OpenSessions(ctx, user.Subject)
	if err != nil {
		return Reset{}, err
	}
	e := audit.Event{Subject: user.Subject, Detail: map[string]string{"reason": strings.TrimSpace(reason)}}
	removed, err := o.reset(ctx, e, func(context.Context) error { return nil })
	return Reset{removed, open}, err
}

// reset is all of a reset in one commit: e says whose factors and why, and what first does is part of it.
func (o *Operator) reset(ctx context.Context, e audit.Event, first func(context.Context) error) (removed int, err error) {
	err = o.Atomic(ctx, func(ctx context.Context) (err error) {
		if err := first(ctx); err != nil {
			return err
		}
		if removed, err = o.Factors.ResetFactors(ctx, e.Subject); err != nil {
			return err
		}
		e.Kind = audit.EventAdminReset
		e.Detail["authenticators"] = strconv.Itoa(removed)
		return o.record(ctx, e)
	})
	if err != nil {
		return 0, fmt.Errorf("remove second factor: %w", err)
	}
	return removed, nil
}

// PlanReset announces a reset, which RunDueResets carries out after the delay. Until then the user can object.
// store.ErrConflict if one is planned already.
func (o *Operator) PlanReset(ctx context.Context, user account.Account, reason string, delay time.Duration) (mfa.PlannedReset, error) {
	if err := CheckReset(reason, delay); err != nil {
		return mfa.PlannedReset{}, err
	}
	now := o.now()
	plan := mfa.PlannedReset{
		ID: rand.Text(), Subject: user.Subject, Reason: strings.TrimSpace(reason), Actor: o.Actor, Created: now, Due: now.Add(delay),
	}
	e := audit.Event{
		Kind: audit.EventAdminResetPlanned, Subject: plan.Subject,
		Detail: map[string]string{"reason": plan.Reason, "reset": plan.ID, "due": plan.Due.UTC().Format(time.RFC3339)},
	}
	err := o.commit(ctx, e, func(ctx context.Context) error { return o.Resets.PlanReset(ctx, plan) })
	if err != nil {
		return plan, fmt.Errorf("plan a reset: %w", err)
	}
	return plan, nil
}

// CancelReset ends the reset that is planned for a user; the reason may be empty. store.ErrNotFound if none is.
func (o *Operator) CancelReset(ctx context.Context, user account.Account, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	plan, err := o.Resets.ResetOf(ctx, user.Subject)
	if err == nil {
		err = o.endReset(ctx, plan, "operator", strings.TrimSpace(reason))
	}
	if err != nil {
		return fmt.Errorf("cancel a reset: %w", err)
	}
	return nil
}

func (o *Operator) endReset(ctx context.Context, plan mfa.PlannedReset, how, reason string) error {
	e := audit.Event{
		Kind: audit.EventResetCancelled, Subject: plan.Subject, Detail: map[string]string{"reset": plan.ID, "how": how},
	}
	if reason != "" {
		e.Detail["reason"] = reason
	}
	return o.commit(ctx, e, func(ctx context.Context) error { return o.Resets.EndReset(ctx, plan.ID) })
}

// RunDueResets carries out the planned resets that are due and returns how many those were. Any number of processes may do
// so at once: whoever takes a reset out of the plan carries it out, in the same commit. A reset does not take place, and
// is called off, if its user has proved a factor since it was announced; and not yet while told says that its user was
// not told. Its event has the actor who planned it. What fails stays in the plan.
func (o *Operator) RunDueResets(ctx context.Context, told func(context.Context, mfa.PlannedReset) (bool, error)) (done int, err error) {
	due, err := o.Resets.DueResets(ctx, o.now())
	if err != nil {
		return 0, err
	}
	var faults []error
	for _, plan := range due {
		carried, err := o.carryOut(ctx, plan, told)
		if carried {
			done++
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) { // else another process did it, or the user cancelled it just now
			faults = append(faults, err)
		}
	}
	return done, errors.Join(faults...)
}

// carryOut reports whether the reset took place.
func (o *Operator) carryOut(ctx context.Context, plan mfa.PlannedReset, told func(context.Context, mfa.PlannedReset) (bool, error)) (bool, error) {
	proved, err := o.Resets.ProvedSince(ctx, plan.ID)
	switch {
	case err != nil:
		return false, err
	case proved:
		return false, o.endReset(ctx, plan, "used", "")
	}
	if told, err := told(ctx, plan); err != nil || !told {
		return false, err
	}
	e := audit.Event{Subject: plan.Subject, Actor: plan.Actor, Detail: map[string]string{"reason": plan.Reason, "reset": plan.ID}}
	_, err = o.reset(ctx, e, func(ctx context.Context) error { return o.Resets.TakeReset(ctx, plan.ID) })
	return err == nil, err
}
