package server

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/web/notice"
)

// runDueResets carries out the resets that operators have planned and that are due. What fails stays in the plan. Any
// number of processes may do so at once: whoever takes a reset out of the plan carries it out, in the same commit.
func (s *Server) runDueResets(ctx context.Context) error {
	due, err := s.store.DueResets(ctx, s.now())
	if err != nil {
		return err
	}
	var faults []error
	for _, plan := range due {
		err := s.carryOut(ctx, plan)
		if err != nil && !errors.Is(err, store.ErrNotFound) { // another process did it, or the user cancelled it just now
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}

// carryOut does nothing if the user has the factor after all, but to call the reset off, and nothing yet while the user
// was not told.
func (s *Server) carryOut(ctx context.Context, plan mfa.PlannedReset) error {
	proved, err := s.store.ProvedSince(ctx, plan.ID)
	if err != nil {
		return err
	}
	if proved {
		return s.callOff(ctx, plan)
	}
	if told, err := s.told(ctx, plan); err != nil || !told {
		return err
	}
	e := audit.Event{Subject: plan.Subject, Actor: plan.Actor, Detail: map[string]string{"reason": plan.Reason, "reset": plan.ID}}
	_, err = ResetFactors(ctx, s.store, s.audit, e, func(ctx context.Context) error { return s.store.TakeReset(ctx, plan.ID) })
	return err
}

// callOff ends the plan of a user who has proved a factor since.
func (s *Server) callOff(ctx context.Context, plan mfa.PlannedReset) error {
	return s.store.Atomic(ctx, func(ctx context.Context) error {
		if err := s.store.EndReset(ctx, plan.ID); err != nil {
			return err
		}
		return s.audit.Record(ctx, audit.Event{
			Kind: audit.EventResetCancelled, Outcome: audit.OutcomeOK, Subject: plan.Subject,
			Detail: map[string]string{"reset": plan.ID, "how": "used"},
		})
	})
}

// told reports whether the mail that announces the reset has left, or never will.
func (s *Server) told(ctx context.Context, plan mfa.PlannedReset) (bool, error) {
	if s.sender == nil {
		return true, nil
	}
	waits, err := s.store.NoticeWaits(ctx, plan.Subject, audit.EventAdminResetPlanned, plan.Created)
	if err != nil || !waits {
		return err == nil, err
	}
	if s.now().Sub(plan.Created) < notice.Life {
		return false, nil
	}
	s.log.WarnContext(ctx, "planned reset takes place though its mail could not be sent", "user_id", plan.Subject)
	return true, nil
}

// ResetFactors removes all second factors of the subject of the event, and ends what somebody with the lost phone may still have open: all of it, or nothing. The event says
// whose factors, by whom and why. What first does is part of the commit; nil: nothing.
func ResetFactors(ctx context.Context, db *storage.Store, events audit.Recorder, e audit.Event,
	first ...func(context.Context) error) (removed int, err error) {
	err = db.Atomic(ctx, func(ctx context.Context) (err error) {
		for _, f := range first {
			if err := f(ctx); err != nil {
				return err
			}
		}
		if removed, err = db.ResetFactors(ctx, e.Subject); err != nil {
			return err
		}
		e.Kind, e.Outcome = audit.EventAdminReset, audit.OutcomeOK
		e.Detail["authenticators"] = strconv.Itoa(removed)
		return events.Record(ctx, e)
	})
	if err != nil {
		return 0, fmt.Errorf("remove second factor: %w", err)
	}
	return removed, nil
}
