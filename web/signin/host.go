package signin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

// Host is a program whose users give their passwords at pages of its own. Where there is one, these pages never ask for
// a password: what the host says of the browser begins a login, and where a password is owed the browser goes to the
// host's log-in and comes back.
type Host interface {
	// SignedIn returns who is signed in with the host in the browser that sent r; the zero value: nobody. It is asked in
	// each request, so that a session of the pages counts only as long as the host's own.
	SignedIn(r *http.Request) (Password, error)
	// LogIn is the address of the host's log-in, which asks for a password whoever is signed in, and then leads to back,
	// an address of these pages that begins with a slash.
	LogIn(back string) string
	// LogOut is the address of the host's own sign-out.
	LogOut() string
}

// Password is one that was right, at pages of the host.
type Password struct {
	Subject string
	At      time.Time // when it was right, as exactly as the clock says: prompt=login compares it with the request
}

// Keeper is an Engine that hears of a login which owes nothing any more in the commit that brings its last proof. An error
// ends that commit. Finish follows, unless the login owes something again by then.
type Keeper interface {
	Keep(ctx context.Context, ix *interaction.Interaction, at time.Time) error
}

// keepResult has a Keeper keep a login that owes nothing.
func (s *commits) keepResult(ctx context.Context, fl *flow) error {
	k, ok := s.Engine.(Keeper)
	if !ok || fl.owed != stepDone || fl.isOwn() {
		return nil
	}
	return k.Keep(ctx, fl.ix, fl.decidedAt)
}

// passwordAtHost returns whose password the host has, and since when; nobody's if it is so old that a session which
// began with it would be over.
func (s *flows) passwordAtHost(r *http.Request) (user account.Account, at time.Time, err error) {
	given, err := s.Host.SignedIn(r)
	if err != nil || given.Subject == "" {
		return user, at, err
	}
	now := s.Now()
	if at = given.At.Truncate(time.Microsecond); at.After(now) {
		at = now // the clock of another machine does not make a proof younger than it is
	}
	if !now.Before(at.Add(s.Sessions.Lifetime)) {
		return user, at, nil
	}
	user, err = s.Accounts.Account(r.Context(), given.Subject)
	if errors.Is(err, store.ErrNotFound) || user.Disabled {
		return account.Account{}, at, nil
	}
	return user, at, err
}

// backed returns the session if it began with the password by which its user is signed in with the host, else nil:
// who has signed out there, or in again, begins anew here. Without a Host it is the session.
func (s *flows) backed(r *http.Request, session *interaction.Session) (*interaction.Session, error) {
	if s.Host == nil || session == nil {
		return session, nil
	}
	user, at, err := s.passwordAtHost(r)
	given, _ := session.Login.AuthenticatedAt(assurance.MethodPassword)
	if err != nil || user.Subject != session.Login.Subject || user.Epoch != session.Login.Epoch || !given.Equal(at) {
		return nil, err
	}
	return session, nil
}

// dropStranger takes a login back whose user is not the one who is signed in with the host by now.
func (s *flows) dropStranger(r *http.Request, fl *flow) error {
	if s.Host == nil || fl.ix.Login == nil {
		return nil
	}
	user, _, err := s.passwordAtHost(r)
	if err == nil && user.Subject != fl.subject() {
		fl.forget()
	}
	return err
}

// takePassword is identify with a password that the host says was given to it.
func (fl *flow) takePassword(a account.Account, at time.Time) {
	fl.identify(a, at)
	fl.state.AtHost = true
}

// codeTimeOver reports whether the password was given so long ago that the code no longer counts for it. One that was
// given to the host may be of yesterday: then the time counts from when the pages were asked.
func (fl *flow) codeTimeOver(now time.Time) bool {
	from := fl.passwordAt()
	if fl.state.AtHost && fl.ix.Created.After(from) {
		from = fl.ix.Created
	}
	return fl.state.PasswordGiven && now.Sub(from) >= codeTime
}

// beginAtHost begins a sign-in without a session, with what its user has proved to the host if that is enough.
func (s *Server) beginAtHost(w http.ResponseWriter, r *http.Request, fl *flow) error {
	user, at, err := s.passwordAtHost(r)
	if err != nil {
		return err
	}
	if user.Subject == "" {
		return s.saveAndRedirect(w, r, fl)
	}
	fl.takePassword(user, at)
	d, err := s.decider.decide(r.Context(), fl)
	switch {
	case err != nil:
		return err
	case fl.ix.Demand.PromptNone && d.owed != stepDone:
		return s.saveAndRedirect(w, r, fl)
	case d.owed == stepLogin:
		fl.forget()
		return s.saveAndRedirect(w, r, fl)
	}
	return s.commitPasswordAndRedirect(w, r, fl)
}

// hostPage stands in the place of the page with the password: it goes on with what the host knows by now, or leads to the
// host's log-in. Who comes back from there without what is owed is not sent a second time.
func (s *Server) hostPage(w http.ResponseWriter, r *http.Request, fl *flow) error {
	if !s.Cookies.IsBound(r) {
		return s.noCookie(ui.Field(r, "flow"))
	}
	if err := s.checkSignedIn(r, fl); err != nil {
		return err
	}
	user, at, err := s.passwordAtHost(r)
	if err != nil {
		return err
	}
	if user.Subject != "" {
		given := fl.clone()
		given.takePassword(user, at)
		d, err := s.decider.decide(r.Context(), given)
		if err != nil {
			return err
		}
		if d.owed != stepLogin {
			return s.commitPasswordAndRedirect(w, r, given)
		}
	}
	if r.Form.Has(backField) {
		return s.withoutPassword(w, r, fl, user)
	}
	return s.redirectToHost(w, r, fl)
}

// backField says that the browser comes back from the host's log-in.
const backField = "back"

func (s *Server) redirectToHost(w http.ResponseWriter, r *http.Request, fl *flow) error {
	flow, err := s.flowValue(fl)
	if err != nil {
		return err
	}
	to := s.Host.LogIn(s.Prefix + "/login?" + url.Values{"flow": {flow}, backField: {"1"}}.Encode())
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// withoutPassword is for whoever has come back as somebody else than the demand names, or without a new password.
func (s *Server) withoutPassword(w http.ResponseWriter, r *http.Request, fl *flow, user account.Account) error {
	if want := fl.ix.Demand.Subject; want != "" && user.Subject != "" && user.Subject != want {
		return s.refuse(w, r, fl, steps[stepLogin].refusal)
	}
	return &ui.Problem{Status: http.StatusGone, State: "expired", Title: ui.Say("error.expired"), Client: fl.ix.ClientName, Flow: ui.Field(r, "flow")}
}
