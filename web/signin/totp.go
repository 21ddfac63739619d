package signin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/web/browser"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

type totpPage struct {
	ui.Frame
	Username string
	Sudo     bool
	Remember time.Duration // for how long this browser may be remembered; 0: it is not offered
	Ticked   bool
	Ask      ui.Message // for the code
	Period   int        // in seconds, of all the user's codes; 0: they differ
	Locked   bool
	Until    ui.Rendered  // when Locked
	Clock    *ui.Rendered // help with clocks right away
	Now      time.Time
}

func (s *Server) totpPage(w http.ResponseWriter, r *http.Request, fl *flow) error {
	p := &totpPage{
		Frame:    ui.Frame{Page: "totp", Title: verify.AskCode(fl.state.Digits), Flow: ui.Field(r, "flow"), Who: fl.state.AccountLabel},
		Username: fl.state.Username, Sudo: fl.state.Reauth, Now: s.Now(), Ask: verify.AskCode(fl.state.Digits), Period: verify.OnePeriod(fl.state.Periods),
	}
	if s.mayRemember(fl) {
		p.Remember, p.Ticked = s.Remembered.For, fl.state.Values["remember"] != ""
	}
	if fl.state.WrongCodes > 1 {
		p.Clock = new(ui.Message{ID: "totp.clock"}.Rendered())
	}
	if fl.state.Reauth {
		p.Title = ui.Say("part.confirm")
	}
	p.Say(fl.state.said())
	until := fl.state.lockedUntil("totp", s.Now())
	if until.IsZero() {
		p.linkToRecovery(s.Prefix)
		return s.Render(w, r, http.StatusOK, "totp", p)
	}
	p.Locked, p.State, p.Title, p.Errors = true, "locked", ui.Say("totp.title.locked"), nil
	p.Until = ui.Message{ID: "wait.until", Args: ui.Wait(w, until, s.Now())}.Rendered()
	return s.Render(w, r, http.StatusTooManyRequests, "locked", p)
}

// linkToRecovery makes the second sentence of totp.looks.recovery a link.
func (p *totpPage) linkToRecovery(prefix string) {
	for i, f := range p.Errors {
		if f.ID == "totp.looks.recovery" {
			p.Errors[i].Href, p.Errors[i].Link = prefix+"/login/recovery?flow="+p.Flow, ui.Say("totp.looks.recovery.link")
		}
	}
}

// postTOTP is the code from the authenticator. The step that it uses up, what it proves and the session that this
// opens are one commit.
func (s *Server) postTOTP(w http.ResponseWriter, r *http.Request, fl *flow) error {
	code := ui.Cut(strings.TrimSpace(ui.Field(r, "code")), 64)
	if fl.isRejectedCode(code, s.Now()) {
		return s.redirectTo(w, r, fl, "/login/totp")
	}
	var done *flow
	err := verify.Required(code)
	if err == nil {
		err = s.MFA.Verify(r.Context(), fl.subject(), totp.Answer(code), fl.passwordAt(), func(ctx context.Context, p mfa.Proof) error {
			done = fl.clone()
			done.state.AcceptedCode = fl.codeDigest(code)
			if err := done.ix.Login.Add(p); err != nil {
				return err
			}
			if err := s.Journal.Record(ctx, verify.Proved(done.event(r, "", ""), p, nil)); err != nil {
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
	fl.state.Values = map[string]string{"remember": ui.Field(r, "remember")}
	return s.codeFault(w, r, fl, verify.TOTP, code, err)
}

// codePaths are where the forms are.
var codePaths = map[verify.Form]string{verify.TOTP: "/login/totp", verify.Recovery: "/login/recovery"}

// codeFault answers a code that was not accepted. Each that was compared and refused is recorded.
func (s *Server) codeFault(w http.ResponseWriter, r *http.Request, fl *flow, form verify.Form, code string, err error) error {
	var locked *mfa.Locked
	var stale *mfa.Stale
	switch {
	case errors.As(err, &stale):
		fl.state.clearMessages()
		fl.state.lock(form.Page, stale.Unlocked)
		return s.saveAndShow(w, r, fl, "/login")
	case browser.LoginIsOver(err):
		return s.restartAtPassword(w, r, fl)
	case errors.Is(err, store.ErrConflict):
		return s.lateCode(w, r, fl, form)
	case errors.Is(err, mfa.ErrUsed), form == verify.Recovery && errors.Is(err, mfa.ErrCode): // perhaps by the first of two clicks
		row, gone := s.reload(whole(r), fl)
		if gone == nil && row.ix.Version == fl.ix.Version {
			break
		}
		return s.usedCode(w, r, fl, row, gone, form, code, err)
	case errors.Is(err, mfa.ErrNotEnrolled) && form == verify.TOTP: // removed meanwhile, or by an operator
		return s.withoutCode(w, r, fl)
	case errors.As(err, &locked) && !locked.Disabled:
		fl.state.lock(form.Page, locked.Until)
	}
	msg, ok := s.Codes.Message(form, err)
	if !ok {
		return err
	}
	if msg.ID == "totp.wrong" || msg.ID == "totp.wrong.few" || msg.ID == "totp.expired" || msg.ID == "totp.used" {
		fl.state.WrongCodes++
	}
	fl.state.SetErrors(form.Page, msg)
	if locked == nil { // during a lock nobody has looked at the code, which may be a good one
		fl.state.RejectedCode = fl.rejectedCode(code, s.Now())
	}
	if e, ok := verify.Refused(fl.event(r, "", form.Method), err); ok {
		return s.saveAndShow(w, r, fl, codePaths[form], e)
	}
	return s.saveAndShow(w, r, fl, codePaths[form])
}

// usedCode is for a code that was used while it was compared. By the same form, sent again, it was no guess.
func (s *Server) usedCode(w http.ResponseWriter, r *http.Request, fl, row *flow, gone error, form verify.Form, code string, err error) error {
	var before *browser.Repeated
	if errors.As(gone, &before) || gone == nil && row.isAcceptedCode(code) {
		s.MFA.NoGuess(r.Context(), err)
	} else if err := s.recordRefused(r, fl.event(r, "", form.Method), err); err != nil {
		return err
	}
	if gone != nil {
		return gone
	}
	return s.redirectAfterReload(w, r, row)
}

// lateCode is for a right code that met a sign-in which had changed, so that nothing is spent: where a code is still owed
// it is taken as if it had come just now.
func (s *Server) lateCode(w http.ResponseWriter, r *http.Request, fl *flow, form verify.Form) error {
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
	if form == verify.Recovery {
		return s.postRecovery(w, r, row)
	}
	return s.postTOTP(w, r, row)
}

// withoutCode goes on when there is no authenticator any more that could make a code. What the user has proved may be
// all that there is to prove: it is committed as a proof is.
func (s *Server) withoutCode(w http.ResponseWriter, r *http.Request, fl *flow) error {
	done := fl.clone()
	done.state.Enrolled = false
	err := s.Journal.Atomic(r.Context(), func(ctx context.Context) error { return s.commitProof(ctx, r, done) })
	if err != nil {
		return s.onConflict(w, r, fl, err)
	}
	return s.redirectAfterProof(w, r, done)
}

// mayRemember reports whether the code page offers to remember the browser.
func (s *commits) mayRemember(fl *flow) bool { return s.Remembered.For > 0 && !fl.state.Reauth }

// rememberBrowser keeps the browser of a right code, if its user says so, in the commit that spends the code.
func (s *commits) rememberBrowser(ctx context.Context, r *http.Request, fl *flow) (err error) {
	if ui.Field(r, "remember") == "" || !s.mayRemember(fl) {
		return nil
	}
	name := ui.Agent(r.UserAgent())
	if fl.newRememberToken, err = s.Remembered.Remember(ctx, fl.rememberToken, fl.subject(), name); err != nil {
		return err
	}
	e := fl.event(r, audit.EventBrowserRemembered, "")
	e.Detail["browser"] = name
	return s.Journal.Record(ctx, e)
}
