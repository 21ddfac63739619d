package signin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

type loginPage struct {
	ui.Frame
	Client   string // empty on the way to our own pages
	Username string
	Fixed    string // who must sign in, if that is settled
	Locked   bool
	Sudo     bool
	Other    bool // somebody else may sign in instead
}

// getLogin is the sign-in page. Without a sign-in under way it begins one of our own.
func (s *Server) getLogin(w http.ResponseWriter, r *http.Request) error {
	if ui.Field(r, "flow") == "" {
		return s.begin(w, r, s.ownFlow(assurance.Demand{}, ""))
	}
	if s.Host != nil {
		return s.on(stepLogin, s.hostPage)(w, r)
	}
	return s.on(stepLogin, s.loginPage)(w, r)
}

func (s *Server) loginPage(w http.ResponseWriter, r *http.Request, fl *flow) error {
	if err := s.checkSignedIn(r, fl); err != nil {
		return err
	}
	p := &loginPage{
		Frame:  fl.frame("login", ui.Say("login.title")),
		Client: fl.ix.ClientName, Username: fl.state.Username, Sudo: fl.state.Reauth, Other: fl.ix.Demand.Subject == "",
	}
	if fl.accountFixed() {
		p.Fixed = fl.state.AccountLabel
	}
	if fl.state.Reauth {
		p.Title = ui.Say("part.confirm")
	}
	p.Say(fl.state.said())
	if fl.ix.Login != nil && p.State == "initial" && fl.unlocked(s.Now()) {
		p.Notes, p.State = []ui.Rendered{ui.Message{ID: "login.lock.again"}.Rendered()}, "again"
	}
	if fl.ix.Login != nil && fl.state.PasswordGiven && p.State == "initial" { // the time for the code ran out
		p.Notes, p.State = []ui.Rendered{ui.Message{ID: "login.timeout"}.Rendered()}, "timeout"
	}
	if fl.state.EnrolmentLink != nil && p.State == "initial" {
		p.Notes, p.State = []ui.Rendered{ui.Message{ID: "login.link"}.Rendered()}, "link"
	}
	status := http.StatusOK
	if until := fl.state.lockedUntil("login", s.Now()); !until.IsZero() {
		p.Locked, status = true, http.StatusTooManyRequests
		p.SetErrors(ui.Message{ID: "login.locked", Args: ui.Wait(w, until, s.Now())})
	}
	return s.Render(w, r, status, "login", p)
}

// checkSignedIn finds the form that was gone back to after the sign-in it belongs to, or another one, was over.
func (s *flows) checkSignedIn(r *http.Request, fl *flow) error {
	if fl.ix.Version > 0 || fl.place != "" { // it has just begun
		return nil
	}
	session, err := s.Sessions.CurrentOrNone(r.Context(), r)
	if err != nil || session == nil {
		return err
	}
	began := session.Login.LastAuthentication()
	if s.Host != nil { // what it knows of a password may be older than the sign-in and the session
		began = session.Created
	}
	if began.After(fl.ix.Created) {
		return ui.Elsewhere(fl.ix.ClientName, ui.Field(r, "flow"))
	}
	return nil
}

// accountFixed reports whether it is settled who must sign in: the session's user, or the one whom the client asked for
// and who has signed in before.
func (fl *flow) accountFixed() bool {
	return fl.state.AccountLabel != "" && fl.ix.Login != nil && (fl.ix.Demand.Subject != "" || fl.state.FromSession && !fl.state.PasswordGiven)
}

// postLogin is the name and the password.
func (s *Server) postLogin(w http.ResponseWriter, r *http.Request, fl *flow) error {
	if !fl.accountFixed() && r.PostForm.Has("username") { // without one it was settled when the form was made
		fl.state.Username = ui.Cut(ui.Field(r, "username"), 254)
	}
	password := ui.Field(r, "password")
	if faults := emptyFields(fl.state.Username, password); len(faults) > 0 {
		fl.state.SetErrors("login", faults...)
		return s.saveAndShow(w, r, fl, "/login")
	}
	done, err := s.Passwords.Turn(r, fl.state.Username)
	if err != nil {
		return err
	}
	defer done() // when the count is taken back
	user, counted, err := s.Passwords.Check(r, fl.state.Username, password, func(ctx context.Context, subject string) context.Context {
		ctx, fl.ownKinds.found = s.MFA.KindsAlong(ctx, subject)
		fl.ownKinds.subject = subject
		return ctx
	})
	var locked *mfa.Locked
	switch events := fl.passwordEvents(r, err); {
	case errors.As(err, &locked):
		fl.state.lock("login", locked.Until)
		return s.loginFault(w, r, fl, ui.Message{ID: "login.locked", Args: ui.Until(locked.Until, s.Now())}, events...)
	case errors.Is(err, account.ErrPassword) && fl.accountFixed():
		return s.loginFault(w, r, fl, ui.Message{ID: "password.wrong", Field: "password"}, events...)
	case errors.Is(err, account.ErrPassword):
		return s.loginFault(w, r, fl, ui.Message{ID: "login.wrong", Field: "password"}, events...)
	case err != nil:
		return err
	case fl.ix.Demand.Subject != "" && user.Subject != fl.ix.Demand.Subject:
		fl.guess = counted
		if err := s.passwordAlone(r, fl, user.Subject); err != nil {
			return err
		}
		return s.refuse(w, r, fl, "login_required")
	}
	fl.guess = counted
	fl.identify(user, s.Now())
	return s.commitPasswordAndRedirect(w, r, fl)
}

func emptyFields(username, password string) []ui.Message {
	var faults []ui.Message
	if username == "" {
		faults = append(faults, ui.Message{ID: "login.username.required", Field: "username"})
	}
	if password == "" {
		faults = append(faults, ui.Message{ID: "login.password.required", Field: "password"})
	}
	return faults
}

func (s *Server) loginFault(w http.ResponseWriter, r *http.Request, fl *flow, msg ui.Message, events ...audit.Event) error {
	fl.state.SetErrors("login", msg)
	return s.saveAndShow(w, r, fl, "/login", events...)
}

// identify records that the account's password was given. The session id stays when its user has only proved
// again to be that user.
func (fl *flow) identify(a account.Account, now time.Time) {
	m := &fl.state
	if fl.subject() == a.Subject && fl.ix.Login.Epoch == a.Epoch {
		fl.ix.Login.Renew(now)
	} else {
		fl.forget()
		fl.ix.Login = assurance.PasswordLogin(a.Subject, a.Epoch, now)
	}
	m.PasswordGiven = true
	m.setAccount(a)
}

// postCancel begins the same request anew, for another user.
func (s *Server) postCancel(w http.ResponseWriter, r *http.Request) error {
	fl, err := s.liveFlow(r)
	if err != nil {
		return err
	}
	fresh, err := s.anew(fl)
	if err != nil {
		return err
	}
	if fl.state.HintDiffers { // the one whom the client hinted at
		fresh.state.Username = fl.ix.Demand.LoginHint
	}
	if s.Host != nil { // the password that the host knows is that of the user who wants to be another
		fresh.ix.Demand.PromptLogin = true
	}
	if err := s.noteOldPassword(r, fresh); err != nil {
		return err
	}
	if fresh.ix.Long {
		if err := s.save(r.Context(), fresh); err != nil {
			return err
		}
	}
	to, err := s.address(fresh, "/login")
	if err != nil {
		return err
	}
	if fl.ix.Version > 0 {
		s.keepEnd(r, fl)
		err = s.Flows.EndAt(r.Context(), fl.ix, to)
	}
	switch {
	case errors.Is(err, store.ErrConflict):
		return s.endedOr(r, fl)
	case err != nil:
		return err
	}
	return s.Redirect(w, r, to)
}

// postRestart begins the same request anew, as if the client had sent it now. It is the way out of a sign-in that
// has expired or that was finished in another tab.
func (s *Server) postRestart(w http.ResponseWriter, r *http.Request) error {
	fl, _, _, err := s.resume(r)
	var p *ui.Problem
	if errors.As(err, &p) && p.State == "cookies" && p.Flow != "" {
		fl, err = s.withoutCookie(r, p.Flow)
	}
	if err != nil {
		return err
	}
	fresh, err := s.anew(fl)
	if err != nil {
		return err
	}
	return s.begin(w, r, fresh)
}

// noCookie is for a browser without a cookie of sign-ins. It may begin the request anew if that is no more than following
// the client's link once more: the client knows the browser that it sent. Of a Host nobody knows that, and the request may
// be one that another browser has begun.
func (s *flows) noCookie(flow string) *ui.Problem {
	p := &ui.Problem{Status: http.StatusBadRequest, State: "cookies", Title: ui.Say("error.cookies")}
	if s.Host == nil {
		p.Flow = sealed(flow)
	}
	return p
}

// withoutCookie returns a sign-in that holds nothing yet but the request, for a browser that has lost its cookie.
func (s *flows) withoutCookie(r *http.Request, flow string) (*flow, error) {
	ix, err := s.Flows.Resume(r.Context(), flow)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil, ui.ErrUnknown
	case err != nil && !errors.Is(err, interaction.ErrExpired):
		return nil, err
	}
	return newFlow(ix)
}
