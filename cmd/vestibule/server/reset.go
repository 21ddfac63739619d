package server

import (
	"context"

	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/operator"
	"vestibule/web/notice"
)

// runDueResets carries out the resets that operators have planned and that are due. What fails stays in the plan.
func (s *Server) runDueResets(ctx context.Context) error {
	o := operator.New(s.store, s.audit, "")
	o.Now = s.now
	_, err := o.RunDueResets(ctx, s.told)
	return err
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
