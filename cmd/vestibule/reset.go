package main

import (
	"context"
	"time"

	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/operator"
)

// resetEvery is how often the server looks for resets that are due.
const resetEvery = 10 * time.Second

// cancelLink is the address at which the user cancels the planned reset with that id.
func (a *app) cancelLink(id string) string { return a.site.CancelLink(id) }

// resets carries out the resets that operators have planned. A failure is not the end of the server: the reset stays
// in the plan.
func (a *app) resets(ctx context.Context) error {
	due := func() {
		if _, err := a.resetDue(ctx); err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "planned resets", "error", err)
		}
	}
	due()
	return every(ctx, resetEvery, due)
}

// resetDue carries out what is due and returns how many resets that were.
func (a *app) resetDue(ctx context.Context) (done int, err error) {
	o := operator.New(a.store, a.audit, "")
	o.Now = a.now
	return o.RunDueResets(ctx, a.told)
}

// told reports whether the mail that announces the reset has left, or never will.
func (a *app) told(ctx context.Context, plan mfa.PlannedReset) (bool, error) {
	if a.sender == nil {
		return true, nil
	}
	waits, err := a.store.NoticeWaits(ctx, plan.Subject, audit.EventAdminResetPlanned, plan.Created)
	if err != nil || !waits {
		return err == nil, err
	}
	if a.now().Sub(plan.Created) < noticeLife {
		return false, nil
	}
	a.log.WarnContext(ctx, "planned reset takes place though its mail could not be sent", "user_id", plan.Subject)
	return true, nil
}
