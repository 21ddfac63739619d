package signin

import (
	"context"
	"errors"
	"fmt"
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
}

// Password is one that was right, at pages of the host.
type Password struct {
	Subject string
	// At is when it was right, as exactly as the clock says: prompt=login compares it with the request. Passwords that were
	// given one after the other have different times. A clock that is ahead of this one by up to MaxAhead does no harm: what
	// is yet to come counts as now. One that is ahead by more is an error, which the user sees as such and the log explains.
	At time.Time
}

// MaxAhead is how far the clock of a host may be ahead.
const MaxAhead = time.Minute

// atHost is the password that the host has of the browser's user.
type atHost struct {
	user account.Account // nobody: the zero value
	said time.Time       // when it was right by the host's clock: what tells it from another
	at   time.Time       // when it was right, which is not after now
}

// Keeper is an Engine that hears of a login in the commit that brings its last proof: what is owed from there on, such as to
// read what using a recovery code means, proves nothing. An error ends that commit. Finish follows, unless the user leaves,
// or has to prove something again by then: then there is another last proof.
type Keeper interface {
	Keep(ctx context.Context, ix *interaction.Interaction, at time.Time) error
}

// keepResult has a Keeper keep a login that owes no proof.
func (s *commits) keepResult(ctx context.Context, fl *flow) error {
	k, ok := s.Engine.(Keeper)
	if !ok || fl.owed <= stepSetup || fl.isOwn() || !fl.ix.Login.Satisfies(fl.ix.Required(), fl.decidedAt) {
		return nil
	}
	return k.Keep(ctx, fl.ix, fl.decidedAt)
}

// passwordAtHost returns the password that the host has; nobody's if it is so old that a session which began with it
// would be over.
func (s *flows) passwordAtHost(r *http.Request) (p atHost, err error) {
	given, err := s.Host.SignedIn(r)
	if err != nil || given.Subject == "" {
		return p, err
	}
	now := s.Now()
	p.said = given.At.Truncate(time.Microsecond)
	if ahead := p.said.Sub(now); ahead > MaxAhead {
		return p, fmt.Errorf("the host says that a password was right at %s, %s from now: its clock may be ahead of this one by at most %s", p.said, ahead, MaxAhead)
	}
	if p.at = p.said; p.at.After(now) {
		p.at = now // the clock of another machine does not make a proof younger than it is
	}
	if !now.Before(p.at.Add(s.Sessions.Lifetime)) {
		return p, nil
	}
	user, err := s.Accounts.Account(r.Context(), given.Subject)
	if errors.Is(err, store.ErrNotFound) || user.Disabled {
		return p, nil
	}
	p.user = user
	return p, err
}

// noteOldPassword notes which password the browser had when a sign-in that wants a new one began, if the clock of the host
// makes it look like one that was given since.
func (s *flows) noteOldPassword(r *http.Request, fl *flow) error {
	if s.Host == nil || !fl.ix.Demand.PromptLogin {
		return nil
	}
	given, err := s.passwordAtHost(r)
	if given.said.After(given.at) {
		fl.state.OldPassword = given.said
	}
	return err
}

// backed returns the session if it began with the password by which its user is signed in with the host, else nil:
// who has signed out there, or in again, begins anew here. Without a Host it is the session.
func (s *flows) backed(r *http.Request, session *interaction.Session) (*interaction.Session, error) {
	if s.Host == nil || session == nil {
		return session, nil
	}
	given, err := s.passwordAtHost(r)
	login := &session.Login
	if err != nil || given.user.Subject != login.Subject || given.user.Epoch != login.Epoch || !given.said.Equal(saidOf(login)) {
		return nil, err
	}
	return session, nil
}

// saidOf is when the password of the login was right by the host's clock.
func saidOf(login *assurance.Login) time.Time {
	if !login.HostTime.IsZero() {
		return login.HostTime
	}
	at, _ := login.AuthenticatedAt(assurance.MethodPassword)
	return at
}

// dropStranger takes a login back whose user is not the one who is signed in with the host by now.
func (s *flows) dropStranger(r *http.Request, fl *flow) error {
	if s.Host == nil || fl.ix.Login == nil {
		return nil
	}
	given, err := s.passwordAtHost(r)
	if err == nil && given.user.Subject != fl.subject() {
		fl.forget()
	}
	return err
}

// takePassword is identify with a password that was given to the host. It reports whether there is one to be taken.
func (fl *flow) takePassword(given atHost) bool {
	if given.user.Subject == "" || given.said.Equal(fl.state.OldPassword) {
		return false
	}
	fl.identify(given.user, given.at)
	fl.state.AtHost = true
	if fl.ix.Login.HostTime = (time.Time{}); !given.said.Equal(given.at) {
		fl.ix.Login.HostTime = given.said
	}
	return true
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
	given, err := s.passwordAtHost(r)
	if err != nil {
		return err
	}
	if !fl.takePassword(given) {
		return s.saveAndRedirect(w, r, fl)
	}
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
	if len(s.Cookies.Bindings(r)) == 0 {
		return s.noCookie(ui.Field(r, "flow"))
	}
	if err := s.checkSignedIn(r, fl); err != nil {
		return err
	}
	given, err := s.passwordAtHost(r)
	if err != nil {
		return err
	}
	if taken := fl.clone(); taken.takePassword(given) {
		d, err := s.decider.decide(r.Context(), taken)
		if err != nil {
			return err
		}
		if d.owed != stepLogin {
			return s.commitPasswordAndRedirect(w, r, taken)
		}
	}
	if r.Form.Has(backField) {
		return s.withoutPassword(w, r, fl, given.user)
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
