// Package verify checks what users give as proof, passwords and codes, under their budgets, and says in events and in
// words what came of it.
package verify

import (
	"context"
	"errors"
	"strconv"
	"time"

	"vestibule/mfa"
	"vestibule/provider/limiter"
	"vestibule/web/ui"
)

// Form is a form that takes an answer of one kind of authenticator, or a recovery code.
type Form struct {
	ui.Kind        // whose Name is also the data-page, and in the address
	Field   string // that is typed; empty: none is
	Method  string
}

// Recovery is the form of recovery codes.
var Recovery = Form{ui.Kind{Name: "recovery"}, "recovery", mfa.MethodRecovery}

// FormOf is the form of a kind.
func FormOf(names mfa.Names) Form { return Form{KindOf(names), names.Field, names.Method} }

// KindOf is a kind as pages name it.
func KindOf(names mfa.Names) ui.Kind { return ui.Kind{Name: names.Kind, Label: names.Label} }

// ErrRequired reports a field that was left empty.
var ErrRequired = errors.New("nothing was entered")

// Required returns ErrRequired for an empty value.
func Required(value string) error {
	if value == "" {
		return ErrRequired
	}
	return nil
}

// Codes checks answers of authenticators, and recovery codes.
type Codes struct {
	*ui.Pages
	MFA *mfa.Service
	// Recovery codes wait for their turn by subject.
	recoveries *limiter.Limiter
}

// NewCodes returns Codes.
func NewCodes(pages *ui.Pages, m *mfa.Service) *Codes {
	return &Codes{pages, m, &limiter.Limiter{AtOnce: 1, Waiting: 16}}
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

// Prove checks an answer given together with the password, and returns the form that it was taken for: a recovery code is
// welcome where another was asked for. then gets what is to be recorded of the proof.
func (c *Codes) Prove(ctx context.Context, subject string, form Form, given Given, then func(context.Context, mfa.Proof, map[string]string) error) (Form, error) {
	if form != Recovery {
		err := c.MFA.Verify(ctx, subject, given.Answer, c.Now(), func(ctx context.Context, p mfa.Proof) error { return then(ctx, p, nil) })
		if !errors.Is(err, mfa.ErrLooksLikeRecovery) {
			return form, err
		}
	}
	return Recovery, c.Recover(ctx, subject, given.Typed, c.Now(), func(ctx context.Context, p mfa.Proof, left int) error {
		return then(ctx, p, map[string]string{"left": strconv.Itoa(left)})
	})
}

// Message finds the words for an answer that was not accepted. Not ok: the fault is not the user's.
func (c *Codes) Message(form Form, err error) (msg ui.Message, ok bool) {
	ids, args := c.words(form, err)
	switch {
	case len(ids) == 0:
		return ui.Message{}, false
	case errors.Is(err, mfa.ErrNotEnrolled):
		msg = ui.Say("recovery.none.left")
	default:
		msg = c.Of(form.Kind, args, ids...)
	}
	msg.Field = form.Field
	return msg, true
}

// words are the ids of the text, below the name of the kind, of which the first that there is counts.
func (c *Codes) words(form Form, err error) (ids []string, args ui.Values) {
	var refusal *mfa.Refusal
	var wrong *mfa.Wrong
	var used *mfa.Used
	var locked *mfa.Locked
	switch {
	case errors.Is(err, ErrRequired):
		return []string{"required"}, nil
	case errors.As(err, &locked) && locked.Disabled:
		return []string{"disabled"}, nil
	case errors.As(err, &locked):
		return []string{"locked"}, ui.Until(locked.Until, c.Now())
	case errors.As(err, &refusal):
		return []string{refusal.ID, outcome(err)}, refusal.Args
	case errors.As(err, &wrong) && form != Recovery && wrong.Left <= 2:
		return []string{"wrong.few"}, ui.Values{"n": strconv.Itoa(wrong.Left), "minutes": strconv.Itoa(c.lockMinutes())}
	case errors.As(err, &used):
		return []string{"used"}, ui.Values{"n": strconv.Itoa(used.Seconds)}
	}
	if id := outcome(err); id != "" {
		return []string{id}, nil
	}
	return nil, nil
}

// outcome is the last part of the id of the text for an outcome; empty: it is none that a user can mend.
func outcome(err error) string {
	for _, o := range []struct {
		err error
		id  string
	}{
		{mfa.ErrFormat, "format"}, {mfa.ErrLooksLikeRecovery, "looks.recovery"}, {mfa.ErrChallenge, "challenge"}, {mfa.ErrUsed, "used"},
		{mfa.ErrExpired, "expired"}, {mfa.ErrCode, "wrong"}, {mfa.ErrNotEnrolled, "none.left"},
	} {
		if errors.Is(err, o.err) {
			return o.id
		}
	}
	return ""
}

// inSetup is what the ids of texts begin with that a set-up says in another way.
const inSetup = "enrol."

// SetupMessage finds the words for the first answer of a new authenticator that was not accepted; nil: the fault is none of
// the answer.
func (c *Codes) SetupMessage(form Form, err error) *ui.Message {
	ids, args := c.words(form, err)
	var locked *mfa.Locked
	switch {
	case len(ids) == 0 || errors.Is(err, mfa.ErrNotEnrolled):
		return nil
	case errors.As(err, new(*mfa.Refusal)):
		ids = []string{inSetup + ids[0], ids[0], inSetup + "wrong"}
	case errors.Is(err, ErrRequired):
		ids = []string{inSetup + "required", "required"}
	case !errors.As(err, &locked) && (errors.Is(err, mfa.ErrCode) || errors.Is(err, mfa.ErrUsed) || errors.Is(err, mfa.ErrExpired)):
		ids = []string{inSetup + "wrong"}
	}
	msg := c.Of(form.Kind, args, ids...)
	msg.Field = form.Field
	return &msg
}

// SetupAnew is what is said of a set-up that was begun anew.
func (c *Codes) SetupAnew(kind ui.Kind) ui.Message { return c.Of(kind, nil, inSetup+"new") }

// lockMinutes is how long the last wrong code locks.
func (c *Codes) lockMinutes() int {
	if lock := c.MFA.Limits.Attempts.Lock; lock > 0 {
		return int(lock / time.Minute)
	}
	return 15
}
