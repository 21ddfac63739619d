package web

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/audit"
)

// enrolment is an authenticator, or a set of recovery codes, being set up: inside a sign-in, or on the account pages.
// What is pending lives in mfa, under its owner. Nothing secret is in a form.
type enrolment struct {
	subject string
	owner   string
	label   string // what authenticator apps call the account
	action  string // where the forms go
	flow    string // their parameter flow; empty on the account pages
	account bool
	cancel  string    // label of the button
	why     *rendered // who wants it, if that is not the user
	codes   bool      // recovery codes only
}

type setupPage struct {
	frame
	Why     *rendered
	Action  string
	Cancel  string
	QR      template.HTML
	URI     template.URL
	Groups  []string // of the key
	Secret  string
	Issuer  string
	Label   string
	Name    string
	First   bool // recovery codes come next
	Expired bool
	Full    bool // there is no room for another authenticator
	Digits  int
	Period  int      // in seconds
	Kind    string   // all of them in words
	Choices []choice // other settings that the user may choose
}

type codesPage struct {
	frame
	Action  string
	Cancel  string
	Codes   []string
	Label   string
	Created time.Time
	First   bool
	New     bool // a new set in place of an old one
}

// beginSetup returns what is pending for the owner, or starts it.
func (s *Server) beginSetup(ctx context.Context, e enrolment) (mfa.PendingView, error) {
	pending, err := s.MFA.Pending(ctx, e.owner, e.subject)
	switch {
	case err == nil && pending.Confirmed && pending.CodesOnly == e.codes:
		return pending, nil // not to be begun anew because the factors changed: Activate says so
	case errors.Is(err, mfa.ErrSetupExpired):
		return pending, err
	case err != nil && !errors.Is(err, mfa.ErrNoSetup):
		return pending, err
	case e.codes:
		return s.MFA.BeginCodes(ctx, e.subject, e.owner)
	}
	return s.MFA.Begin(ctx, e.subject, e.owner, totp.Name)
}

// showSetup shows the page of the set-up that is due.
func (s *Server) showSetup(w http.ResponseWriter, r *http.Request, e enrolment, m *flowState) error {
	pending, err := s.beginSetup(r.Context(), e)
	switch {
	case errors.Is(err, mfa.ErrSetupExpired):
		return s.showStopped(w, e, &setupPage{Expired: true}, message{ID: "enrol.expired"})
	case errors.Is(err, mfa.ErrTooMany):
		return s.showStopped(w, e, &setupPage{Full: true}, message{ID: "enrol.maximum", Args: values{"n": s.maximum()}})
	case err != nil:
		return err
	case pending.Confirmed && len(pending.Codes) > 0:
		return s.showCodes(w, e, pending, m)
	}
	return s.showKey(w, e, pending, m)
}

func (s *Server) maximum() string {
	if n := s.MFA.Limits.Authenticators; n > 0 {
		return strconv.Itoa(n)
	}
	return "10"
}

// showStopped is for a set-up that cannot go on as it is.
func (s *Server) showStopped(w http.ResponseWriter, e enrolment, p *setupPage, msg message) error {
	p.frame = frame{Page: "setup", Title: "Add an authenticator app", Flow: e.flow, Account: e.account, Who: e.label}
	p.Action, p.Cancel = e.action, e.cancel
	p.setErrors(msg)
	return s.render(w, http.StatusOK, "setup", p)
}

func (s *Server) showKey(w http.ResponseWriter, e enrolment, pending mfa.PendingView, m *flowState) error {
	offer, ok := pending.Offer.(totp.Offer)
	if !ok {
		return fmt.Errorf("there is no page for a set-up of %q", pending.Kind)
	}
	uri := offer.URI(e.label)
	qr, err := qrSVG(uri, "QR code for your authenticator app")
	if err != nil {
		return err
	}
	p := &setupPage{
		frame: frame{Page: "setup", Title: "Add an authenticator app", Flow: e.flow, Account: e.account, Who: e.label},
		Why:   e.why, Action: e.action, Cancel: e.cancel, QR: qr, URI: template.URL(uri), Groups: groupsOfFour(offer.Secret), Secret: offer.Secret,
		Issuer: offer.Issuer, Label: e.label, Name: pending.Name, First: pending.First,
		Digits: offer.Params.Digits, Period: offer.Params.Period, Kind: offer.Params.String(), Choices: choices(offer.Options, offer.Params),
	}
	if typed := m.FormValues["name"]; typed != "" {
		p.Name = typed
	}
	p.setMessages(m)
	return s.render(w, http.StatusOK, "setup", p)
}

func (s *Server) showCodes(w http.ResponseWriter, e enrolment, pending mfa.PendingView, m *flowState) error {
	p := &codesPage{
		frame:  frame{Page: "codes", Title: "Save your recovery codes", Flow: e.flow, Account: e.account, Who: e.label},
		Action: e.action, Cancel: e.cancel, Codes: pending.Codes, Label: e.label, Created: pending.Created,
		First: pending.First, New: pending.CodesOnly,
	}
	p.setMessages(m)
	return s.render(w, http.StatusOK, "codes", p)
}

// typedName keeps the name that was typed for the next page.
func typedName(r *http.Request) map[string]string {
	return map[string]string{"name": cut(field(r, "name"), 256)}
}

// groupsOfFour makes a key easier to type.
func groupsOfFour(key string) []string {
	var groups []string
	for len(key) > 4 {
		groups, key = append(groups, key[:4]), key[4:]
	}
	return append(groups, key)
}

// confirm takes the first code of the new authenticator. The message is what the user has to mend; without one the
// set-up is confirmed.
//
// tried is the event that a wrong code becomes.
func (s *Server) confirm(ctx context.Context, e enrolment, tried audit.Event, code, name string) (*message, error) {
	if code == "" {
		return &message{ID: "enrol.required", Field: "code"}, nil
	}
	err := s.MFA.Confirm(ctx, e.subject, e.owner, totp.Form(code), name)
	if err == nil {
		return nil, nil
	}
	msg := s.confirmMessage(err)
	if msg == nil {
		return nil, err
	}
	if tried, ok := refused(tried, err); ok {
		tried.Detail["set_up"] = "yes"
		if err := s.recordWith(ctx, []audit.Event{tried}, nil); err != nil {
			return nil, err
		}
	}
	if msg.ID == "enrol.changed" {
		return msg, s.MFA.Cancel(ctx, e.owner)
	}
	return msg, nil
}

// confirmMessage finds the words for a code or name that a set-up did not accept; nil: the fault is not the user's.
func (s *Server) confirmMessage(err error) *message {
	var off *totp.ClockOff
	var locked *mfa.Locked
	code := func(id string, args values) *message { return &message{ID: id, Field: "code", Args: args} }
	switch {
	case errors.As(err, &off) && off.Seconds < 0:
		return code("enrol.clock.slow", values{"off": lapse(time.Duration(off.Seconds) * time.Second)})
	case errors.As(err, &off):
		return code("enrol.clock.fast", values{"off": lapse(time.Duration(off.Seconds) * time.Second)})
	case errors.As(err, &locked) && locked.Disabled:
		return code("totp.disabled", nil)
	case errors.As(err, &locked):
		return code("totp.locked", s.until(locked.Until))
	case errors.Is(err, mfa.ErrCode), errors.Is(err, mfa.ErrUsed), errors.Is(err, mfa.ErrExpired):
		return code("enrol.wrong", nil)
	case errors.Is(err, mfa.ErrFormat), errors.Is(err, mfa.ErrLooksLikeRecovery):
		return code("totp.format", formatArgs(err))
	case errors.Is(err, mfa.ErrNameTaken):
		return &message{ID: "enrol.name.taken", Field: "name"}
	case errors.Is(err, mfa.ErrNameLong):
		return &message{ID: "enrol.name.long", Field: "name"}
	case errors.Is(err, mfa.ErrTooMany):
		return &message{ID: "enrol.maximum", Args: values{"n": s.maximum()}}
	case errors.Is(err, mfa.ErrChanged):
		return &message{ID: "enrol.changed"}
	case errors.Is(err, mfa.ErrNoSetup), errors.Is(err, mfa.ErrSetupExpired):
		return &message{ID: "enrol.expired"}
	}
	return nil
}
