package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/store"
)

type totpPage struct {
	frame
	Username string
	Sudo     bool
	Remember string // for how long this browser may be remembered; empty: it is not offered
	Ticked   bool
	Code     string // what a code is called
	Period   int    // in seconds, of all the user's codes; 0: they differ
	Locked   bool
	Until    rendered  // when Locked
	Clock    *rendered // help with clocks right away
	Now      time.Time
}

func (s *Server) totpPage(w http.ResponseWriter, r *http.Request, fl *flow) error {
	p := &totpPage{
		frame:    frame{Page: "totp", Title: "Enter the " + codeWords(fl.state.Digits) + " from your authenticator app", Flow: field(r, "flow"), Who: fl.state.AccountLabel},
		Username: fl.state.Username, Sudo: fl.state.Reauth, Now: s.Now(), Code: codeWords(fl.state.Digits), Period: onePeriod(fl.state.Periods),
	}
	if s.mayRemember(fl) {
		p.Remember, p.Ticked = span(s.RememberBrowser), fl.state.FormValues["remember"] != ""
	}
	if fl.state.WrongCodes > 1 {
		p.Clock = ptr(renderMessage(message{ID: "totp.clock"}))
	}
	if fl.state.Reauth {
		p.Title = "Confirm it’s you"
	}
	p.setMessages(&fl.state)
	until := fl.state.lockedUntil("totp", s.Now())
	if until.IsZero() {
		p.linkToRecovery()
		return s.render(w, http.StatusOK, "totp", p)
	}
	p.Locked, p.State, p.Title, p.Errors = true, "locked", "Too many wrong codes", nil
	p.Until = renderMessage(message{ID: "wait.until", Args: s.wait(w, until)})
	return s.render(w, http.StatusTooManyRequests, "locked", p)
}

// linkToRecovery makes the second sentence of totp.looks.recovery a link.
func (p *totpPage) linkToRecovery() {
	for i, f := range p.Errors {
		if f.ID == "totp.looks.recovery" {
			p.Errors[i].Href, p.Errors[i].LinkText = "/login/recovery?flow="+p.Flow, text("totp.looks.recovery.link", nil)
		}
	}
}

// postTOTP is the code from the authenticator. The step that it uses up, what it proves and the session that this
// opens are one commit.
func (s *Server) postTOTP(w http.ResponseWriter, r *http.Request, fl *flow) error {
	code := cut(strings.TrimSpace(field(r, "code")), 64)
	if fl.isRejectedCode(code, s.Now()) {
		return s.redirectTo(w, r, fl, "/login/totp")
	}
	var done *flow
	err := required(code)
	if err == nil {
		err = s.MFA.Verify(r.Context(), fl.subject(), totp.Answer(code), fl.passwordAt(), func(ctx context.Context, p mfa.Proof) error {
			done = fl.clone()
			done.state.AcceptedCode = fl.codeDigest(code)
			if err := done.ix.Login.Add(p); err != nil {
				return err
			}
			if err := s.recordProof(ctx, done.event(r, "", ""), p, nil); err != nil {
				return err
			}
			if err := s.rememberBrowser(ctx, r, done); err != nil {
				return err
			}
			return s.commitProof(ctx, r, done)
		})
	}
	if err == nil {
		return s.redirectAfterProof(w, r, done)
	}
	fl.state.FormValues = map[string]string{"remember": field(r, "remember")}
	return s.codeFault(w, r, fl, totpForm, code, err)
}

// codeForm is a form that takes a code of one kind.
type codeForm struct {
	page   string // data-page, and where its messages' ids begin
	path   string
	field  string
	method string
}

var (
	totpForm     = codeForm{"totp", "/login/totp", "code", totp.Method}
	recoveryForm = codeForm{"recovery", "/login/recovery", "recovery", mfa.MethodRecovery}
)

// errRequired reports a field that was left empty.
var errRequired = errors.New("nothing was entered")

func required(value string) error {
	if value == "" {
		return errRequired
	}
	return nil
}

// codeFault answers a code that was not accepted. Each that was compared and refused is recorded.
func (s *Server) codeFault(w http.ResponseWriter, r *http.Request, fl *flow, form codeForm, code string, err error) error {
	var locked *mfa.Locked
	var stale *mfa.Stale
	switch {
	case errors.As(err, &stale):
		fl.state.clearMessages()
		fl.state.lock(form.page, stale.Unlocked)
		return s.saveAndShow(w, r, fl, "/login")
	case loginIsOver(err):
		return s.restartAtPassword(w, r, fl)
	case errors.Is(err, store.ErrConflict):
		return s.lateCode(w, r, fl, form)
	case errors.Is(err, mfa.ErrUsed), form == recoveryForm && errors.Is(err, mfa.ErrCode): // perhaps by the first of two clicks
		row, gone := s.reload(whole(r), fl)
		if gone == nil && row.ix.Version == fl.ix.Version {
			break
		}
		return s.usedCode(w, r, fl, row, gone, form, code, err)
	case errors.Is(err, mfa.ErrNotEnrolled) && form == totpForm: // removed meanwhile, or by an operator
		return s.withoutCode(w, r, fl)
	case errors.As(err, &locked) && !locked.Disabled:
		fl.state.lock(form.page, locked.Until)
	}
	msg, ok := s.codeMessage(form, err)
	if !ok {
		return err
	}
	if msg.ID == "totp.wrong" || msg.ID == "totp.wrong.few" || msg.ID == "totp.expired" || msg.ID == "totp.used" {
		fl.state.WrongCodes++
	}
	fl.state.setErrors(form.page, msg)
	if locked == nil { // during a lock nobody has looked at the code, which may be a good one
		fl.state.RejectedCode = fl.rejectedCode(code, s.Now())
	}
	if e, ok := refused(fl.event(r, "", form.method), err); ok {
		return s.saveAndShow(w, r, fl, form.path, e)
	}
	return s.saveAndShow(w, r, fl, form.path)
}

// usedCode is for a code that was used while it was compared. By the same form, sent again, it was no guess.
func (s *Server) usedCode(w http.ResponseWriter, r *http.Request, fl, row *flow, gone error, form codeForm, code string, err error) error {
	var before *repeated
	if errors.As(gone, &before) || gone == nil && row.isAcceptedCode(code) {
		s.MFA.NoGuess(r.Context(), err)
	} else if err := s.recordRefused(r, fl.event(r, "", form.method), err); err != nil {
		return err
	}
	if gone != nil {
		return gone
	}
	return s.redirectAfterReload(w, r, row)
}

// lateCode is for a right code that met a sign-in which had changed, so that nothing is spent: where a code is still owed
// it is taken as if it had come just now.
func (s *Server) lateCode(w http.ResponseWriter, r *http.Request, fl *flow, form codeForm) error {
	row, err := s.reload(r, fl)
	if err != nil {
		return err
	}
	owed, err := s.decide(r.Context(), row)
	if err != nil {
		return err
	}
	if fl.resubmitted || owed != stepTOTP || row.subject() != fl.subject() {
		return s.redirectAfterReload(w, r, row)
	}
	row.resubmitted = true
	if form == recoveryForm {
		return s.postRecovery(w, r, row)
	}
	return s.postTOTP(w, r, row)
}

// withoutCode goes on when there is no authenticator any more that could make a code. What the user has proved may be
// all that there is to prove: it is committed as a proof is.
func (s *Server) withoutCode(w http.ResponseWriter, r *http.Request, fl *flow) error {
	done := fl.clone()
	done.state.Enrolled = false
	err := s.Atomic(r.Context(), func(ctx context.Context) error { return s.commitProof(ctx, r, done) })
	if err != nil {
		return s.onConflict(w, r, fl, err)
	}
	return s.redirectAfterProof(w, r, done)
}

// codeMessage finds the words for a code that was not accepted. Not ok: the fault is not the user's.
func (s *Server) codeMessage(form codeForm, err error) (msg message, ok bool) {
	msg = message{Field: form.field}
	var wrong *mfa.Wrong
	var used *mfa.Used
	var locked *mfa.Locked
	switch {
	case errors.Is(err, errRequired):
		msg.ID = form.page + ".required"
	case errors.Is(err, mfa.ErrFormat) && form == totpForm:
		msg.ID, msg.Args = "totp.format", formatArgs(err)
	case errors.Is(err, mfa.ErrFormat):
		msg.ID = form.page + ".format"
	case errors.Is(err, mfa.ErrLooksLikeRecovery):
		msg.ID = "totp.looks.recovery"
	case errors.As(err, &locked) && locked.Disabled:
		msg.ID = form.page + ".disabled"
	case errors.As(err, &locked):
		msg.ID, msg.Args = form.page+".locked", s.until(locked.Until)
	case errors.As(err, &wrong) && form == totpForm && wrong.Left <= 2:
		msg.ID, msg.Args = "totp.wrong.few", values{"n": strconv.Itoa(wrong.Left), "m": strconv.Itoa(s.lockMinutes())}
	case errors.As(err, &used):
		msg.ID, msg.Args = "totp.used", values{"s": strconv.Itoa(used.Seconds)}
	case errors.Is(err, mfa.ErrExpired):
		msg.ID = "totp.expired"
	case errors.Is(err, mfa.ErrCode):
		msg.ID = form.page + ".wrong"
	case errors.Is(err, mfa.ErrNotEnrolled):
		msg.ID = "recovery.none.left"
	default:
		return message{}, false
	}
	return msg, true
}

// lockMinutes is how long the last wrong code locks.
func (s *Server) lockMinutes() int {
	if lock := s.MFA.Limits.Attempts.Lock; lock > 0 {
		return int(lock / time.Minute)
	}
	return 15
}
