package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/storage"
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

// resetDue carries out what is due and returns how many resets that were. Any number of processes may do so at once:
// whoever takes a reset out of the plan carries it out, in the same commit.
func (a *app) resetDue(ctx context.Context) (done int, err error) {
	due, err := a.store.DueResets(ctx, a.now())
	if err != nil {
		return 0, err
	}
	var faults []error
	for _, plan := range due {
		carried, err := a.carryOut(ctx, plan)
		if carried {
			done++
		}
		switch {
		case err == nil:
		case !errors.Is(err, store.ErrNotFound): // another process did it, or the user cancelled it just now
			faults = append(faults, err)
		}
	}
	return done, errors.Join(faults...)
}

// carryOut reports whether the reset took place. It does not if the user has the factor after all, and not yet while
// the user was not told.
func (a *app) carryOut(ctx context.Context, plan mfa.PlannedReset) (bool, error) {
	proved, err := a.store.ProvedSince(ctx, plan.ID)
	if err != nil {
		return false, err
	}
	if proved {
		return false, a.callOff(ctx, plan)
	}
	if told, err := a.told(ctx, plan); err != nil || !told {
		return false, err
	}
	e := audit.Event{Subject: plan.Subject, Actor: plan.Actor, Detail: map[string]string{"reason": plan.Reason, "reset": plan.ID}}
	_, err = resetTOTP(ctx, a.store, a.audit, e, func(ctx context.Context) error { return a.store.TakeReset(ctx, plan.ID) })
	return err == nil, err
}

// callOff ends the plan of a user who has proved a factor since.
func (a *app) callOff(ctx context.Context, plan mfa.PlannedReset) error {
	return a.store.Atomic(ctx, func(ctx context.Context) error {
		if err := a.store.EndReset(ctx, plan.ID); err != nil {
			return err
		}
		return a.audit.Record(ctx, audit.Event{
			Kind: audit.EventResetCancelled, Outcome: audit.OutcomeOK, Subject: plan.Subject,
			Detail: map[string]string{"reset": plan.ID, "how": "used"},
		})
	})
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

// lostEverything is what an operator has begun for a user who has lost everything, as `user get` shows it.
type lostEverything struct {
	Held        bool        `json:"held"` // enrols with a link only
	Reset       *plannedFor `json:"planned_reset,omitempty"`
	LinkExpires time.Time   `json:"enrol_link_expires,omitzero"` // of a link that was not used
}

type plannedFor struct {
	Due     time.Time `json:"due"`
	Planned time.Time `json:"planned"`
	Actor   string    `json:"actor"`
	Reason  string    `json:"reason"`
}

func readLost(ctx context.Context, db *storage.Store, subject string, now time.Time) (lostEverything, error) {
	var l lostEverything
	blocked, err := db.EnrolmentBlocked(ctx, subject)
	if err != nil {
		return l, err
	}
	l.Held = blocked
	switch plan, err := db.ResetOf(ctx, subject); {
	case err == nil:
		l.Reset = &plannedFor{plan.Due.UTC(), plan.Created.UTC(), plan.Actor, plan.Reason}
	case !errors.Is(err, store.ErrNotFound):
		return l, err
	}
	link, err := db.EnrolLinkOf(ctx, subject, now)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return l, err
	}
	l.LinkExpires = link.Expires
	return l, nil
}

func (l lostEverything) rows() [][]string {
	var rows [][]string
	if l.Held {
		rows = append(rows, []string{"set-up", "only with a link from user enrol-link"})
	}
	if l.Reset != nil {
		rows = append(rows, []string{"reset planned", fmt.Sprintf("for %s by %s: %s", moment(l.Reset.Due), l.Reset.Actor, l.Reset.Reason)})
	}
	if !l.LinkExpires.IsZero() {
		rows = append(rows, []string{"enrolment link", "not used, until " + moment(l.LinkExpires)})
	}
	return rows
}
