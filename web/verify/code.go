// Package verify checks what users give as proof, passwords and codes, under their budgets, and says in events and in
// words what came of it.
package verify

import (
	"context"
	"errors"
	"strconv"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/limiter"
	"vestibule/web/ui"
)

// Form is a form that takes a code of one kind.
type Form struct {
	Page   string // data-page, and where its messages' ids begin
	Field  string
	Method string
}

// The forms that there are.
var (
	TOTP     = Form{"totp", "code", totp.Method}
	Recovery = Form{"recovery", "recovery", mfa.MethodRecovery}
)

// ErrRequired reports a field that was left empty.
var ErrRequired = errors.New("nothing was entered")

// Required returns ErrRequired for an empty value.
func Required(value string) error {
	if value == "" {
		return ErrRequired
	}
	return nil
}

// Codes checks codes from authenticators, and recovery codes.
type Codes struct {
	MFA *mfa.Service
	Now func() time.Time
	// Recovery codes wait for their turn by subject.
	recoveries *limiter.Limiter
}

// NewCodes returns Codes.
func NewCodes(m *mfa.Service, now func() time.Time) *Codes {
	return &Codes{MFA: m, Now: now, recoveries: &limiter.Limiter{AtOnce: 1, Waiting: 16}}
}

// Recover is that of the Service, when it is the subject's turn.
func (c *Codes) Recover(ctx context.Context, subject, code string, since time.Time, then func(context.Context, mfa.Proof, int) error) error {
	done, err := c.recoveries.Take(ctx, subject)
	if err != nil {
		return err
	}
	defer done()
	return c.MFA.Recover(ctx, subject, code, since, then)
}

// Prove checks a code of either kind, given together with the password, and returns the form of that kind. A recovery
// code is welcome where the other was asked for. then gets what is to be recorded of the proof.
func (c *Codes) Prove(ctx context.Context, subject string, form Form, code string, then func(context.Context, mfa.Proof, map[string]string) error) (Form, error) {
	if form == TOTP {
		err := c.MFA.Verify(ctx, subject, totp.Answer(code), c.Now(), func(ctx context.Context, p mfa.Proof) error { return then(ctx, p, nil) })
		if !errors.Is(err, mfa.ErrLooksLikeRecovery) {
			return form, err
		}
	}
	return Recovery, c.Recover(ctx, subject, code, c.Now(), func(ctx context.Context, p mfa.Proof, left int) error {
		return then(ctx, p, map[string]string{"left": strconv.Itoa(left)})
	})
}

// Message finds the words for a code that was not accepted. Not ok: the fault is not the user's.
func (c *Codes) Message(form Form, err error) (msg ui.Message, ok bool) {
	msg = ui.Message{Field: form.Field}
	var wrong *mfa.Wrong
	var used *mfa.Used
	var locked *mfa.Locked
	switch {
	case errors.Is(err, ErrRequired):
		msg.ID = form.Page + ".required"
	case errors.Is(err, mfa.ErrFormat) && form == TOTP:
		msg.ID, msg.Args = "totp.format", FormatArgs(err)
	case errors.Is(err, mfa.ErrFormat):
		msg.ID = form.Page + ".format"
	case errors.Is(err, mfa.ErrLooksLikeRecovery):
		msg.ID = "totp.looks.recovery"
	case errors.As(err, &locked) && locked.Disabled:
		msg.ID = form.Page + ".disabled"
	case errors.As(err, &locked):
		msg.ID, msg.Args = form.Page+".locked", ui.Until(locked.Until, c.Now())
	case errors.As(err, &wrong) && form == TOTP && wrong.Left <= 2:
		msg.ID, msg.Args = "totp.wrong.few", ui.Values{"n": strconv.Itoa(wrong.Left), "minutes": strconv.Itoa(c.lockMinutes())}
	case errors.As(err, &used):
		msg.ID, msg.Args = "totp.used", ui.Values{"n": strconv.Itoa(used.Seconds)}
	case errors.Is(err, mfa.ErrExpired):
		msg.ID = "totp.expired"
	case errors.Is(err, mfa.ErrCode):
		msg.ID = form.Page + ".wrong"
	case errors.Is(err, mfa.ErrNotEnrolled):
		msg.ID = "recovery.none.left"
	default:
		return ui.Message{}, false
	}
	return msg, true
}

// lockMinutes is how long the last wrong code locks.
func (c *Codes) lockMinutes() int {
	if lock := c.MFA.Limits.Attempts.Lock; lock > 0 {
		return int(lock / time.Minute)
	}
	return 15
}
