package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vestibule/mfa"
	"vestibule/provider"
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
	Until    shown  // when Locked
	Clock    *shown // help with clocks right away
	Now      time.Time
}

func (s *Server) totpPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	p := &totpPage{
		frame:    frame{Page: "totp", Title: "Enter the " + codeWords(v.mem.Digits) + " from your authenticator app", Flow: field(r, "flow"), Who: v.mem.Label},
		Username: v.mem.Username, Sudo: v.mem.Sudo, Now: s.Now(), Code: codeWords(v.mem.Digits), Period: onePeriod(v.mem.Periods),
	}
	if s.mayRemember(v) {
		p.Remember, p.Ticked = span(s.RememberBrowser), v.mem.Typing["remember"] != ""
	}
	if v.mem.Wrong > 1 {
		p.Clock = ptr(show(fault{ID: "totp.clock"}))
	}
	if v.mem.Sudo {
		p.Title = "Confirm it’s you"
	}
	p.say(&v.mem)
	until := v.mem.until("totp", s.Now())
	if until.IsZero() {
		p.linkToRecovery()
		return s.render(w, http.StatusOK, "totp", p)
	}
	p.Locked, p.State, p.Title, p.Faults = true, "locked", "Too many wrong codes", nil
	p.Until = show(fault{ID: "wait.until", Args: s.wait(w, until)})
	return s.render(w, http.StatusTooManyRequests, "locked", p)
}

// linkToRecovery makes the second sentence of totp.looks.recovery a link.
func (p *totpPage) linkToRecovery() {
	for i, f := range p.Faults {
		if f.ID == "totp.looks.recovery" {
			p.Faults[i].Href, p.Faults[i].LinkText = "/login/recovery?flow="+p.Flow, say("totp.looks.recovery.link", nil)
		}
	}
}

// totp is the code from the authenticator. The step that it uses up, what it proves and the session that this
// opens are one commit.
func (s *Server) totp(w http.ResponseWriter, r *http.Request, v *visit) error {
	code := cut(strings.TrimSpace(field(r, "code")), 64)
	if v.repeats(code, s.Now()) {
		return s.send(w, r, v, "/login/totp")
	}
	var done *visit
	err := required(code)
	if err == nil {
		err = s.MFA.Verify(r.Context(), v.subject(), code, v.passwordAt(), func(ctx context.Context, p mfa.Proof) error {
			done = v.clone()
			done.mem.Won = v.sum(code)
			if err := done.ix.Login.Add(p); err != nil {
				return err
			}
			if err := s.recordProof(ctx, done.event(r, "", ""), p, nil); err != nil {
				return err
			}
			if err := s.rememberBrowser(ctx, r, done); err != nil {
				return err
			}
			return s.settle(ctx, r, done)
		})
	}
	if err == nil {
		return s.settled(w, r, done)
	}
	v.mem.Typing = map[string]string{"remember": field(r, "remember")}
	return s.codeFault(w, r, v, totpForm, code, err)
}

// codeForm is a form that takes a code of one kind.
type codeForm struct {
	page   string // data-page, and where its messages' ids begin
	path   string
	field  string
	method string
}

var (
	totpForm     = codeForm{"totp", "/login/totp", "code", mfa.MethodTOTP}
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
func (s *Server) codeFault(w http.ResponseWriter, r *http.Request, v *visit, form codeForm, code string, err error) error {
	var locked *mfa.Locked
	var stale *mfa.Stale
	switch {
	case errors.As(err, &stale):
		v.mem.calm()
		v.mem.lock(form.page, stale.Unlocked)
		return s.store(w, r, v, "/login")
	case loginIsOver(err):
		return s.beginAtPassword(w, r, v)
	case errors.Is(err, provider.ErrConflict):
		return s.lateCode(w, r, v, form)
	case errors.Is(err, mfa.ErrUsed), form == recoveryForm && errors.Is(err, mfa.ErrCode): // perhaps by the first of two clicks
		row, gone := s.reload(whole(r), v)
		if gone == nil && row.ix.Version == v.ix.Version {
			break
		}
		return s.usedCode(w, r, v, row, gone, form, code, err)
	case errors.Is(err, mfa.ErrNotEnrolled) && form == totpForm: // removed meanwhile, or by an operator
		return s.withoutCode(w, r, v)
	case errors.As(err, &locked) && !locked.Disabled:
		v.mem.lock(form.page, locked.Until)
	}
	f, ok := s.codeMessage(form, err)
	if !ok {
		return err
	}
	if f.ID == "totp.wrong" || f.ID == "totp.wrong.few" || f.ID == "totp.expired" || f.ID == "totp.used" {
		v.mem.Wrong++
	}
	v.mem.blame(form.page, f)
	if locked == nil { // during a lock nobody has looked at the code, which may be a good one
		v.mem.Last = v.answer(code, s.Now())
	}
	if e, ok := refused(v.event(r, "", form.method), err); ok {
		return s.store(w, r, v, form.path, e)
	}
	return s.store(w, r, v, form.path)
}

// usedCode is for a code that was used while it was compared. By the same form, sent again, it was no guess.
func (s *Server) usedCode(w http.ResponseWriter, r *http.Request, v, row *visit, gone error, form codeForm, code string, err error) error {
	var before *repeated
	if errors.As(gone, &before) || gone == nil && row.won(code) {
		s.MFA.NoGuess(r.Context(), v.subject(), form.method, err)
	} else if err := s.recordRefused(r, v.event(r, "", form.method), err); err != nil {
		return err
	}
	if gone != nil {
		return gone
	}
	return s.onward(w, r, row)
}

// lateCode is for a right code that met a sign-in which had changed, so that nothing is spent: where a code is still owed
// it is taken as if it had come just now.
func (s *Server) lateCode(w http.ResponseWriter, r *http.Request, v *visit, form codeForm) error {
	row, err := s.reload(r, v)
	if err != nil {
		return err
	}
	owed, err := s.decide(r.Context(), row)
	if err != nil {
		return err
	}
	if v.late || owed != stepTOTP || row.subject() != v.subject() {
		return s.onward(w, r, row)
	}
	row.late = true
	if form == recoveryForm {
		return s.recovery(w, r, row)
	}
	return s.totp(w, r, row)
}

// withoutCode goes on when there is no authenticator any more that could make a code. What the user has proved may be
// all that there is to prove: it is settled as after a proof.
func (s *Server) withoutCode(w http.ResponseWriter, r *http.Request, v *visit) error {
	done := v.clone()
	done.mem.Enrolled = false
	err := s.Atomic(r.Context(), func(ctx context.Context) error { return s.settle(ctx, r, done) })
	if err != nil {
		return s.unsettled(w, r, v, err)
	}
	return s.settled(w, r, done)
}

// codeMessage finds the words for a code that was not accepted. Not ok: the fault is not the user's.
func (s *Server) codeMessage(form codeForm, err error) (f fault, ok bool) {
	f = fault{Field: form.field}
	var wrong *mfa.Wrong
	var used *mfa.Used
	var locked *mfa.Locked
	switch {
	case errors.Is(err, errRequired):
		f.ID = form.page + ".required"
	case errors.Is(err, mfa.ErrFormat) && form == totpForm:
		f.ID, f.Args = "totp.format", formatArgs(err)
	case errors.Is(err, mfa.ErrFormat):
		f.ID = form.page + ".format"
	case errors.Is(err, mfa.ErrLooksLikeRecovery):
		f.ID = "totp.looks.recovery"
	case errors.As(err, &locked) && locked.Disabled:
		f.ID = form.page + ".disabled"
	case errors.As(err, &locked):
		f.ID, f.Args = form.page+".locked", s.until(locked.Until)
	case errors.As(err, &wrong) && form == totpForm && wrong.Left <= 2:
		f.ID, f.Args = "totp.wrong.few", values{"n": strconv.Itoa(wrong.Left), "m": strconv.Itoa(s.lockMinutes())}
	case errors.As(err, &used):
		f.ID, f.Args = "totp.used", values{"s": strconv.Itoa(used.Seconds)}
	case errors.Is(err, mfa.ErrExpired):
		f.ID = "totp.expired"
	case errors.Is(err, mfa.ErrCode):
		f.ID = form.page + ".wrong"
	case errors.Is(err, mfa.ErrNotEnrolled):
		f.ID = "recovery.none.left"
	default:
		return fault{}, false
	}
	return f, true
}

// lockMinutes is how long the last wrong code locks.
func (s *Server) lockMinutes() int {
	if lock := s.MFA.Limits.TOTP.Lock; lock > 0 {
		return int(lock / time.Minute)
	}
	return 15
}
