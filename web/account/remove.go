package account

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"vestibule/mfa"
	accounts "vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/web/browser"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

type removePage struct {
	ui.Frame
	Action    string
	Name      string
	Kind      ui.Kind // of the authenticator
	Username  string
	AtHost    bool      // the password was given elsewhere, and is not asked for
	Last      bool      // two-step verification goes off with it
	Recovery  bool      // a recovery code is asked for in place of an answer
	Asked     ui.Kind   // whose answer is asked for
	View      any       // what that kind shows of its challenge
	Challenge string    // which one the form answers; empty: the kind has none
	Others    []ui.Kind // whose answers would do as well
	Strongest bool      // those of weaker kinds of the user's would not
}

// found is the authenticator that the address names.
type found struct {
	mfa.Info
	last bool        // the user has no other
	keep *ui.Message // why it must stay; nil: it may go
}

// find looks for it; not ok: it is gone.
func (s *Server) find(r *http.Request, m *signedIn) (f found, ok bool, err error) {
	status, err := s.MFA.Status(r.Context(), m.account.Subject)
	if err != nil {
		return found{}, false, err
	}
	all := status.Authenticators
	i := slices.IndexFunc(all, func(a mfa.Info) bool { return a.ID == r.PathValue("id") })
	if i < 0 {
		return found{}, false, nil
	}
	return found{all[i], len(all) == 1, s.mustKeep(m.account, all, all[i].ID)}, true, nil
}

// removePage asks for the password and a code. They are proof enough that no other is asked for before.
func (s *Server) removePage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	app, ok, err := s.find(r, m)
	switch {
	case err != nil:
		return err
	case !ok:
		return s.Answers.Note(w, r, securityPath, "remove.gone", nil)
	case app.keep != nil:
		return s.Answers.Note(w, r, securityPath, app.keep.ID, nil)
	}
	p := &removePage{
		Frame:  ui.Frame{Page: "remove", Title: ui.Say("remove.title", "name", app.Name), Account: true, Who: m.account.Label()},
		Action: r.URL.Path, Name: app.Name, Kind: s.kindOf(app.Kind), Username: m.account.Username, AtHost: s.AtHost, Last: app.last,
	}
	template, err := s.askAgain(r, m, p)
	if err != nil {
		return err
	}
	p.Say(m.said)
	return s.Render(w, r, http.StatusOK, template, p)
}

// askAgain puts on the page which proof it asks for beside the password, and returns its template.
func (s *Server) askAgain(r *http.Request, m *signedIn, p *removePage) (template string, err error) {
	all, err := s.MFA.KindsOf(r.Context(), m.account.Subject)
	if err != nil {
		return "", err
	}
	usable := s.MFA.Usable(all)
	asked := mfa.Strongest(usable)
	form := formOf(asked, cmp.Or(ui.Field(r, "with"), m.said.Values["with"]))
	for _, names := range asked {
		if names.Kind != form.Name {
			p.Others = append(p.Others, verify.KindOf(names))
		}
	}
	p.Strongest = len(asked) < len(usable)
	if form == verify.Recovery {
		p.Recovery = true
		return "remove", nil
	}
	p.Asked = form.Kind
	p.View, p.Challenge, err = s.challenge(r.Context(), m, form.Name, all)
	return "remove-" + form.Name, err
}

// formOf is the form that is asked for by name. Who asks for none of the kinds that would do gets the one that was used
// last.
func formOf(asked []mfa.Names, name string) verify.Form {
	i := slices.IndexFunc(asked, func(n mfa.Names) bool { return n.Kind == name })
	switch {
	case i >= 0:
		return verify.FormOf(asked[i])
	case name == verify.Recovery.Name || len(asked) == 0:
		return verify.Recovery
	}
	return verify.FormOf(asked[0])
}

// postRemove takes an authenticator away. The code that allows it is spent, the authenticator removed and the session
// given a new id in one commit.
func (s *Server) postRemove(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	app, ok, err := s.find(r, m)
	switch {
	case err != nil:
		return err
	case !ok:
		if err := s.Answers.Before(r); err != nil {
			return err
		}
		return s.Answers.Note(w, r, securityPath, "remove.gone", nil)
	case app.keep != nil:
		return s.Answers.Note(w, r, securityPath, app.keep.ID, nil)
	}
	all, err := s.MFA.KindsOf(r.Context(), m.account.Subject)
	if err != nil {
		return err
	}
	password, form := ui.Field(r, "password"), formOf(mfa.Strongest(s.MFA.Usable(all)), ui.Field(r, "with"))
	given := verify.Read(r, form)
	given.Owner, given.State = m.challengeOwner(), challengeState(r)
	if faults := s.emptyProofs(form, password, given); len(faults) > 0 {
		return s.removeFault(w, r, form, faults...)
	}
	msg, err := s.checkOwnPassword(r, m, password)
	switch {
	case err != nil:
		return err
	case msg != nil:
		return s.removeFault(w, r, form, *msg)
	}
	var done browser.Response
	form, err = s.Codes.Prove(r.Context(), m.account.Subject, form, given, func(ctx context.Context, p mfa.Proof, detail map[string]string) error {
		if err := s.Journal.Record(ctx, verify.Proved(m.event(r, "", ""), p, detail)); err != nil {
			return err
		}
		e := m.event(r, audit.EventFactorRemoved, p.Method())
		e.Detail["name"], e.Detail["last"] = app.Name, verify.YesNo(app.last)
		if err := s.Journal.Record(ctx, e); err != nil {
			return err
		}
		done, err = s.removeWith(ctx, r, m, app, p)
		return err
	})
	if err != nil {
		return s.removeRefused(w, r, m, form, app.last, err)
	}
	return s.Answers.Respond(w, r, done)
}

// removedNote is what is said of an authenticator that was removed.
func removedNote(app found) ui.Message {
	if app.last {
		return ui.Message{ID: "remove.off", Args: ui.Values{"name": app.Name}}
	}
	return ui.Message{ID: "remove.done", Args: ui.Values{"name": app.Name}}
}

func (s *Server) emptyProofs(form verify.Form, password string, given verify.Given) []ui.Message {
	var faults []ui.Message
	if password == "" && !s.AtHost {
		faults = append(faults, ui.Message{ID: "password.required", Field: "password"})
	}
	if msg, ok := s.Codes.Message(form, given.Missing(form)); ok {
		faults = append(faults, msg)
	}
	return faults
}

// checkOwnPassword asks for the password of the user who is signed in, under the same budgets as sign-in.
func (s *Server) checkOwnPassword(r *http.Request, m *signedIn, password string) (*ui.Message, error) {
	if s.AtHost { // requirePassword has
		return nil, nil
	}
	done, err := s.Passwords.Turn(r, m.account.Username)
	if err != nil {
		return nil, err
	}
	defer done()
	user, counted, err := s.Passwords.Check(r, m.account.Username, password, nil)
	if errors.Is(err, accounts.ErrPassword) { // or the first of two clicks has changed it
		var before *browser.Repeated
		if errors.As(s.Answers.Before(r), &before) {
			s.Passwords.Refund(r.Context(), counted)
			return nil, before
		}
	}
	if e, ok := verify.RefusedPassword(m.event(r, "", assurance.MethodPassword), err); ok {
		if err := s.Journal.RecordWith(r.Context(), []audit.Event{e}, nil); err != nil {
			return nil, err
		}
	}
	var locked *mfa.Locked
	switch {
	case errors.As(err, &locked):
		return &ui.Message{ID: "login.locked", Field: "password", Args: ui.Until(locked.Until, s.Now())}, nil
	case errors.Is(err, accounts.ErrPassword), err == nil && user.Subject != m.account.Subject:
		return &ui.Message{ID: "password.wrong", Field: "password"}, nil
	case err != nil:
		return nil, err
	}
	s.Passwords.Refund(r.Context(), counted)
	return nil, nil
}

// removeWith runs in the commit that spends the code. Whoever has the old authenticator and the password may be signed in
// elsewhere, so that all other sessions end. What was not the last authenticator a moment ago is not removed if
// it is by now, because of another tab: the user is told first what that means.
func (s *Server) removeWith(ctx context.Context, r *http.Request, m *signedIn, app found, p mfa.Proof) (browser.Response, error) {
	login := m.session.Login.Clone()
	if !s.AtHost {
		login.Renew(s.Now())
	}
	if err := login.Add(p); err != nil {
		return browser.Response{}, err
	}
	remove := s.MFA.RemoveSpare
	if app.last {
		remove = s.MFA.Remove
	}
	if err := remove(ctx, m.account.Subject, app.ID, p, nil); err != nil {
		return browser.Response{}, err
	}
	return s.renewAlone(ctx, r, m, login, browser.Response{Note: new(removedNote(app))})
}

func (s *Server) removeRefused(w http.ResponseWriter, r *http.Request, m *signedIn, form verify.Form, last bool, err error) error {
	var before *browser.Repeated
	if again := s.Answers.Before(r); errors.As(again, &before) {
		s.MFA.NoGuess(r.Context(), err)
		return before
	} else if again != nil {
		return again
	}
	if e, ok := verify.Refused(m.event(r, "", form.Method), err); ok {
		if err := s.Journal.RecordWith(r.Context(), []audit.Event{e}, nil); err != nil {
			return err
		}
	}
	if browser.LoginIsOver(err) || errors.Is(err, mfa.ErrProof) || errors.Is(err, mfa.ErrChanged) {
		return s.removeOvertaken(w, r, m, form, last)
	}
	if errors.Is(err, mfa.ErrLast) { // the page knows what else to say, if this one is gone too or must be kept
		return s.removeFault(w, r, form, ui.Message{ID: "remove.last"})
	}
	var stale *mfa.Stale
	if errors.As(err, &stale) { // by another server's clock the lock has just ended
		return s.removeFault(w, r, form, ui.Message{ID: "login.lock.again"})
	}
	if errors.Is(err, mfa.ErrNotEnrolled) && form != verify.Recovery || errors.Is(err, store.ErrConflict) {
		return s.Answers.Note(w, r, securityPath, "remove.gone", nil)
	}
	msg, ok := s.Codes.Message(form, err)
	if !ok {
		return err
	}
	return s.removeFault(w, r, form, msg)
}

// removeOvertaken is for what was to be removed while the user signed out everywhere else, as with a removal in another
// tab, or the session has ended.
func (s *Server) removeOvertaken(w http.ResponseWriter, r *http.Request, m *signedIn, form verify.Form, last bool) error {
	app, ok, err := s.find(r, m)
	switch {
	case err != nil:
		return err
	case ok && app.last && !last:
		return s.removeFault(w, r, form, ui.Message{ID: "remove.last"})
	}
	return s.Answers.Note(w, r, securityPath, "enrol.changed", nil)
}

func (s *Server) removeFault(w http.ResponseWriter, r *http.Request, form verify.Form, faults ...ui.Message) error {
	said := ui.Fault("remove", faults...)
	said.Values = map[string]string{"with": form.Name}
	return s.Answers.Flash(w, r, r.URL.Path, said)
}
