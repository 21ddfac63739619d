package enrol

import (
	"context"
	"errors"
	"strconv"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/audit"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

// confirm takes the first code of the new authenticator. The message is what the user has to mend; without one the
// set-up is confirmed.
//
// tried is the event that a wrong code becomes.
func (s *Server) confirm(ctx context.Context, e Enrolment, tried audit.Event, code, name string) (*ui.Message, error) {
	if code == "" {
		return &ui.Message{ID: "enrol.required", Field: "code"}, nil
	}
	err := s.MFA.Confirm(ctx, e.Subject, e.Owner, totp.Form(code), name)
	if err == nil {
		return nil, nil
	}
	msg := s.confirmMessage(err)
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

// confirmMessage finds the words for a code or name that a set-up did not accept; nil: the fault is not the user's.
func (s *Server) confirmMessage(err error) *ui.Message {
	var off *totp.ClockOff
	var locked *mfa.Locked
	code := func(id string, args ui.Values) *ui.Message { return &ui.Message{ID: id, Field: "code", Args: args} }
	switch {
	case errors.As(err, &off) && off.Seconds < 0:
		return code("enrol.clock.slow", ui.Values{"off": strconv.Itoa(off.Seconds)})
	case errors.As(err, &off):
		return code("enrol.clock.fast", ui.Values{"off": strconv.Itoa(off.Seconds)})
	case errors.As(err, &locked) && locked.Disabled:
		return code("totp.disabled", nil)
	case errors.As(err, &locked):
		return code("totp.locked", ui.Until(locked.Until, s.Now()))
	case errors.Is(err, mfa.ErrCode), errors.Is(err, mfa.ErrUsed), errors.Is(err, mfa.ErrExpired):
		return code("enrol.wrong", nil)
	case errors.Is(err, mfa.ErrFormat), errors.Is(err, mfa.ErrLooksLikeRecovery):
		return code("totp.format", verify.FormatArgs(err))
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
	return nil
}
