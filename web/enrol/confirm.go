package enrol

import (
	"context"
	"errors"

	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

// confirm takes the first answer of the new authenticator. The message is what the user has to mend; without one the
// set-up is confirmed.
//
// tried is the event that a wrong answer becomes.
func (s *Server) confirm(ctx context.Context, e Enrolment, form verify.Form, tried audit.Event, given verify.Given, name string) (*ui.Message, error) {
	err := given.Missing(form)
	if err == nil {
		err = s.MFA.Confirm(ctx, e.Subject, e.Owner, given.Form, name)
	}
	if err == nil {
		return nil, nil
	}
	msg := s.confirmMessage(form, err)
	if msg == nil {
		return nil, err
	}
	if tried, ok := verify.Refused(tried, err); ok {
		tried.Detail["set_up"] = "yes"
		if err := s.Journal.RecordWith(ctx, []audit.Event{tried}, nil); err != nil {
			return nil, err
		}
	}
	if msg.ID == "enrol.changed" {
		return msg, s.MFA.Cancel(ctx, e.Owner)
	}
	return msg, nil
}

// confirmMessage finds the words for an answer or name that a set-up did not accept; nil: the fault is not the user's.
func (s *Server) confirmMessage(form verify.Form, err error) *ui.Message {
	switch {
	case errors.Is(err, mfa.ErrNameTaken):
		return &ui.Message{ID: "enrol.name.taken", Field: "name"}
	case errors.Is(err, mfa.ErrNameLong):
		return &ui.Message{ID: "enrol.name.long", Field: "name"}
	case errors.Is(err, mfa.ErrTooMany):
		return &ui.Message{ID: "enrol.maximum", Args: ui.Values{"n": s.maximum()}}
	case errors.Is(err, mfa.ErrChanged):
		return &ui.Message{ID: "enrol.changed"}
	case errors.Is(err, mfa.ErrNoSetup), errors.Is(err, mfa.ErrSetupExpired):
		return &ui.Message{ID: "enrol.expired"}
	}
	return s.Codes.SetupMessage(form, err)
}
