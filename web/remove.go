package web

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

type removePage struct {
	frame
	Action   string
	Name     string
	Username string
	Last     bool // two-step verification goes off with it
	Recovery bool // a recovery code is asked for in place of a code
	Digits   string
}

// find returns the authenticator that the address names, and whether it is the last one.
func (s *Server) find(r *http.Request, m *signedIn) (found mfa.Info, last, ok bool, err error) {
	status, err := s.MFA.Status(r.Context(), m.account.Subject)
	if err != nil {
		return mfa.Info{}, false, false, err
	}
	i := slices.IndexFunc(status.Authenticators, func(a mfa.Info) bool { return a.ID == r.PathValue("id") })
	if i < 0 {
		return mfa.Info{}, false, false, nil
	}
	return status.Authenticators[i], len(status.Authenticators) == 1, true, nil
}

// removePage asks for the password and a code. They are proof enough that no other is asked for before.
func (s *Server) removePage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	app, last, ok, err := s.find(r, m)
	switch {
	case err != nil:
		return err
	case !ok:
		return s.note(w, r, securityPath, "remove.gone", nil)
	case last && s.mustKeep(m.account):
		return s.note(w, r, securityPath, "last.factor", nil)
	}
	kinds, err := s.MFA.KindsOf(r.Context(), m.account.Subject)
	if err != nil {
		return err
	}
	digits, _, err := totp.CodeFormats(kinds)
	if err != nil {
		return err
	}
	p := &removePage{
		frame:  frame{Page: "remove", Title: "Remove " + app.Name + "?", Account: true, Who: m.account.Label()},
		Action: r.URL.Path, Name: app.Name, Username: m.account.Username, Last: last, Digits: digitWords(digits),
		Recovery: field(r, "with") == "recovery" || m.state.FormValues["with"] == "recovery" && !r.URL.Query().Has("with"),
	}
	p.setMessages(&m.state)
	return s.render(w, http.StatusOK, "remove", p)
}

// postRemove takes an authenticator away. The code that allows it is spent, the authenticator removed and the session
// given a new id in one commit.
func (s *Server) postRemove(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	app, last, ok, err := s.find(r, m)
	switch {
	case err != nil:
		return err
	case !ok:
		if err := s.answeredBefore(r); err != nil {
			return err
		}
		return s.note(w, r, securityPath, "remove.gone", nil)
	case last && s.mustKeep(m.account):
		return s.note(w, r, securityPath, "last.factor", nil)
	}
	password := field(r, "password")
	form, code := totpForm, cut(strings.TrimSpace(field(r, "code")), 128)
	if field(r, "with") == "recovery" {
		form, code = recoveryForm, cut(strings.TrimSpace(field(r, "recovery")), 128)
	}
	if faults := emptyProofs(form, password, code); len(faults) > 0 {
		return s.removeFault(w, r, form, faults...)
	}
	msg, err := s.checkOwnPassword(r, m, password)
	switch {
	case err != nil:
		return err
	case msg != nil:
		return s.removeFault(w, r, form, *msg)
	}
	var done response
	form, err = s.prove(r.Context(), m.account.Subject, form, code, func(ctx context.Context, p mfa.Proof, detail map[string]string) error {
		if err := s.recordProof(ctx, m.event(r, "", ""), p, detail); err != nil {
			return err
		}
		e := m.event(r, audit.EventFactorRemoved, p.Method())
		e.Detail["name"], e.Detail["last"] = app.Name, yesNo(last)
		if err := s.Audit.Record(ctx, e); err != nil {
			return err
		}
		done, err = s.removeWith(ctx, r, m, app, last, p)
		return err
	})
	if err != nil {
		return s.removeRefused(w, r, m, form, last, err)
	}
	return s.give(w, r, done)
}

// removedNote is what is said of an authenticator that was removed.
func removedNote(app mfa.Info, last bool) message {
	if last {
		return message{ID: "remove.off", Args: values{"name": app.Name}}
	}
	return message{ID: "remove.done", Args: values{"name": app.Name}}
}

// prove checks a code of either kind, given together with the password, and returns the form of that kind. A recovery
// code is welcome where the other was asked for. then gets what is to be recorded of the proof.
func (s *Server) prove(ctx context.Context, subject string, form codeForm, code string, then func(context.Context, mfa.Proof, map[string]string) error) (codeForm, error) {
	if form == totpForm {
		err := s.MFA.Verify(ctx, subject, totp.Answer(code), s.Now(), func(ctx context.Context, p mfa.Proof) error { return then(ctx, p, nil) })
		if !errors.Is(err, mfa.ErrLooksLikeRecovery) {
			return form, err
		}
	}
	return recoveryForm, s.recoverInTurn(ctx, subject, code, s.Now(), func(ctx context.Context, p mfa.Proof, left int) error {
		return then(ctx, p, map[string]string{"left": strconv.Itoa(left)})
	})
}

func emptyProofs(form codeForm, password, code string) []message {
	var faults []message
	if password == "" {
		faults = append(faults, message{ID: "password.required", Field: "password"})
	}
	if code == "" {
		faults = append(faults, message{ID: form.page + ".required", Field: form.field})
	}
	return faults
}

// checkOwnPassword asks for the password of the user who is signed in, under the same budgets as sign-in.
func (s *Server) checkOwnPassword(r *http.Request, m *signedIn, password string) (*message, error) {
	done, err := s.passwordTurn(r, m.account.Username)
	if err != nil {
		return nil, err
	}
	defer done()
	user, counted, err := s.checkPassword(r, m.account.Username, password)
	if e, ok := refusedPassword(m.event(r, "", provider.MethodPassword), err); ok {
		if err := s.recordWith(r.Context(), []audit.Event{e}, nil); err != nil {
			return nil, err
		}
	}
	var locked *mfa.Locked
	switch {
	case errors.As(err, &locked):
		return &message{ID: "login.locked", Field: "password", Args: s.until(locked.Until)}, nil
	case errors.Is(err, account.ErrPassword), err == nil && user.Subject != m.account.Subject:
		return &message{ID: "password.wrong", Field: "password"}, nil
	case err != nil:
		return nil, err
	}
	s.refund(r.Context(), counted)
	return nil, nil
}

// removeWith runs in the commit that spends the code. Whoever has the old authenticator and the password may be signed in
// elsewhere, so that all other sessions end. What was not the last authenticator a moment ago is not removed if
// it is by now, because of another tab: the user is told first what that means.
func (s *Server) removeWith(ctx context.Context, r *http.Request, m *signedIn, app mfa.Info, last bool, p mfa.Proof) (response, error) {
	login := m.session.Login.Clone()
	login.Renew(s.Now())
	if err := login.Add(p); err != nil {
		return response{}, err
	}
	remove := s.MFA.RemoveSpare
	if last {
		remove = s.MFA.Remove
	}
	if err := remove(ctx, m.account.Subject, app.ID, nil); err != nil {
		return response{}, err
	}
	return s.renewAlone(ctx, r, m, login, response{Note: ptr(removedNote(app, last))})
}

func (s *Server) removeRefused(w http.ResponseWriter, r *http.Request, m *signedIn, form codeForm, last bool, err error) error {
	var before *repeated
	if again := s.answeredBefore(r); errors.As(again, &before) {
		s.MFA.NoGuess(r.Context(), err)
		return before
	} else if again != nil {
		return again
	}
	if err := s.recordRefused(r, m.event(r, "", form.method), err); err != nil {
		return err
	}
	if loginIsOver(err) {
		return s.removeOvertaken(w, r, m, form, last)
	}
	if errors.Is(err, mfa.ErrLast) { // the page knows what else to say, if this one is gone too or must be kept
		return s.removeFault(w, r, form, message{ID: "remove.last"})
	}
	var stale *mfa.Stale
	if errors.As(err, &stale) { // by another server's clock the lock has just ended
		return s.removeFault(w, r, form, message{ID: "login.lock.again"})
	}
	if errors.Is(err, mfa.ErrNotEnrolled) && form == totpForm || errors.Is(err, store.ErrConflict) {
		return s.note(w, r, securityPath, "remove.gone", nil)
	}
	msg, ok := s.codeMessage(form, err)
	if !ok {
		return err
	}
	return s.removeFault(w, r, form, msg)
}

// removeOvertaken is for what was to be removed while the user signed out everywhere else, as with a removal in another
// tab, or the session has ended.
func (s *Server) removeOvertaken(w http.ResponseWriter, r *http.Request, m *signedIn, form codeForm, last bool) error {
	_, alone, ok, err := s.find(r, m)
	switch {
	case err != nil:
		return err
	case ok && alone && !last:
		return s.removeFault(w, r, form, message{ID: "remove.last"})
	}
	return s.note(w, r, securityPath, "enrol.changed", nil)
}

func (s *Server) removeFault(w http.ResponseWriter, r *http.Request, form codeForm, faults ...message) error {
	state := flowState{}
	state.setErrors("remove", faults...)
	if form == recoveryForm {
		state.FormValues = map[string]string{"with": "recovery"}
	}
	return s.flash(w, r, r.URL.Path, state)
}
