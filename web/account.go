package web

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"vestibule/mfa"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/client"
	"vestibule/provider/store"
)

// lowCodes is from how few recovery codes on a user is told to make new ones.
const lowCodes = 3

// signedIn is a request of a signed-in user to a page of the account.
type signedIn struct {
	session provider.Session
	account account.Account
	state   flowState // what the last form has left to say; it travels in the address, sealed
}

// owner is whose set-ups the pages show. The sid stays when the session's id changes.
func (m *signedIn) owner(kind string) string { return kind + ":" + m.session.Login.Session }

type signedInHandler func(w http.ResponseWriter, r *http.Request, m *signedIn) error

// requireSignedIn lets nobody in but signed-in users. A session that owes a code, because an authenticator was set up
// since it began, owes it here too: the decision is the one of every sign-in.
func (s *Server) requireSignedIn(h signedInHandler) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		session, err := s.currentSession(r.Context(), r)
		if errors.Is(err, errIdle) || err == nil && session == nil {
			if err := s.answeredBefore(r); err != nil {
				return err
			}
			return s.begin(w, r, s.ownFlow(r, false))
		}
		if err != nil {
			return err
		}
		if passed, err := s.requireNothingOwed(w, r, session, false); !passed {
			return err
		}
		user, err := s.Accounts.Account(r.Context(), session.Login.Subject)
		if errors.Is(err, store.ErrNotFound) || err == nil && user.Disabled {
			return s.expel(w, r, session)
		}
		if err != nil {
			return err
		}
		state, err := s.unflash(r)
		if err != nil {
			return err
		}
		return h(w, r, &signedIn{*session, user, state})
	}
}

// requireReauth lets only those in who have proved within the last minutes who they are: with a code if they have an
// authenticator, else with the password.
func (s *Server) requireReauth(h signedInHandler) signedInHandler {
	return func(w http.ResponseWriter, r *http.Request, m *signedIn) error {
		if passed, err := s.requireNothingOwed(w, r, &m.session, true); !passed {
			return err
		}
		return h(w, r, m)
	}
}

// requireNothingOwed reports whether the session owes nothing. If it does, the browser was sent to the page that is owed.
func (s *Server) requireNothingOwed(w http.ResponseWriter, r *http.Request, session *provider.Session, sudo bool) (bool, error) {
	fl := s.ownFlow(r, sudo)
	fl.ix.Login, fl.state.FromSession = session.Login.Clone(), true
	owed, err := s.decide(r.Context(), fl)
	if err != nil || owed == stepDone {
		return err == nil, err
	}
	if err := s.answeredBefore(r); err != nil { // the first of two clicks has changed what is owed
		return false, err
	}
	if owed == stepSetup { // what the user came for may be to set up the same
		fl.state.ReturnPath = securityPath
	}
	fl.ix.Browser = s.bind(w, r)
	return false, s.saveAndRedirect(w, r, fl)
}

// ownFlow begins a sign-in that ends at the page that was asked for.
func (s *Server) ownFlow(r *http.Request, sudo bool) *flow {
	d := provider.Demand{}
	if sudo {
		d.HasMaxAge, d.MaxAge = true, reauthTime
	}
	path := ownPath(r.URL.Path)
	if path == codesPath && r.Form.Has("new") {
		path = newCodesPath
	}
	return &flow{ix: s.Provider.BeginOwn(d), state: flowState{ReturnPath: path, Reauth: sudo}, rememberToken: s.rememberToken(r)}
}

var factorPath = regexp.MustCompile(`^/account/authenticators/[A-Za-z0-9_-]{1,64}/(rename|remove)$`)

// ownPath returns the page of ours that a sign-in may end at: path, if it is one.
func ownPath(path string) string {
	switch path {
	case securityPath, activityPath, enrolPath, codesPath, newCodesPath:
		return path
	case downloadPath:
		return codesPath
	}
	if factorPath.MatchString(path) {
		return path
	}
	return securityPath
}

// expel ends the session of an account that is gone.
func (s *Server) expel(w http.ResponseWriter, r *http.Request, session *provider.Session) error {
	if err := s.Sessions.EndSession(r.Context(), session.Login.Session); err != nil {
		return err
	}
	s.dropCookie(w, s.cookies.session)
	http.Redirect(w, r, "/logged-out", http.StatusSeeOther)
	return nil
}

// flash answers a form with a redirect to a page that says what came of it.
func (s *Server) flash(w http.ResponseWriter, r *http.Request, path string, state flowState) error {
	ix := s.Provider.BeginOwn(provider.Demand{})
	ix.Browser = s.bind(w, r)
	return s.redirectTo(w, r, &flow{ix: ix, state: state}, path)
}

// note is a flash of one notice.
func (s *Server) note(w http.ResponseWriter, r *http.Request, path, id string, args values) error {
	return s.flash(w, r, path, flowState{Notes: []message{{ID: id, Args: args}}})
}

// unflash reads what flash wrote for this browser. Anything else, or anything old, says nothing.
func (s *Server) unflash(r *http.Request) (flowState, error) {
	flow := sealed(r.URL.Query().Get("flow"))
	if flow == "" {
		return flowState{}, nil
	}
	ix, err := s.Provider.Resume(r.Context(), flow)
	if errors.Is(err, store.ErrNotFound) || errors.Is(err, provider.ErrExpired) {
		return flowState{}, nil
	}
	if err != nil || ix.Client != "" || !s.sameBrowser(r, ix.Browser) {
		return flowState{}, err
	}
	fl, err := newFlow(ix)
	if err != nil {
		return flowState{}, err
	}
	return fl.state, nil
}

type securityPage struct {
	frame
	On         bool
	Since      time.Time
	Apps       []mfa.Info
	CodesLeft  int
	CodesTotal int
	CodesMade  time.Time
	Low        *rendered // too few recovery codes, or none
	Devices    []rememberedView
	Others     int       // live sessions of the user in other browsers
	Keep       *rendered // the policy does not let the user remove the only authenticator
	Obliged    string    // from when on the user needs two-step verification; empty: is not, or has it
	Pending    *rendered // a set-up was begun and not finished
	Operator   *operatorView
	Recent     []activityLine
}

func (s *Server) securityPage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	status, err := s.MFA.Status(r.Context(), m.account.Subject)
	if err != nil {
		return err
	}
	p := &securityPage{
		frame: frame{Page: "security", Title: "Security", Account: true, Who: m.account.Label()},
		On:    len(status.Authenticators) > 0, Apps: status.Authenticators,
		CodesLeft: status.CodesLeft, CodesTotal: status.CodesTotal, CodesMade: status.CodesMade,
	}
	if p.On {
		p.Since = status.Authenticators[0].Created
		p.Low = low(status.CodesLeft)
		p.Keep = s.keep(m.account, len(p.Apps))
	}
	if p.Pending, err = s.unfinished(r.Context(), m, p.On); err != nil {
		return err
	}
	if p.Operator, err = s.operator(r.Context(), m.account.Subject, p.On); err != nil {
		return err
	}
	if p.Devices, err = s.rememberedBrowsers(r, m); err != nil {
		return err
	}
	if p.Others, err = s.others(r.Context(), m); err != nil {
		return err
	}
	if p.Recent, err = s.recent(r.Context(), m.account.Subject); err != nil {
		return err
	}
	if want := s.Policy.For(m.account, client.Client{}, s.Now()); !p.On && !want.From.IsZero() && !s.Policy.ReportOnly {
		p.Obliged = from(want.From)
	}
	p.setMessages(&m.state)
	if p.State = "off"; p.On {
		p.State = "on"
	}
	return s.render(w, http.StatusOK, "security", p)
}

// keep says why a user who has so many authenticators cannot remove one; nil: the user can.
func (s *Server) keep(a account.Account, apps int) *rendered {
	if apps > 1 || !s.mustKeep(a) {
		return nil
	}
	return ptr(renderMessage(message{ID: "last.factor"}))
}

func low(left int) *rendered {
	switch {
	case left == 0:
		return ptr(renderMessage(message{ID: "recovery.none"}))
	case left <= lowCodes:
		return ptr(renderMessage(message{ID: "recovery.low", Args: values{"n": strconv.Itoa(left)}}))
	}
	return nil
}

func (s *Server) unfinished(ctx context.Context, m *signedIn, on bool) (*rendered, error) {
	_, err := s.MFA.Pending(ctx, m.owner("account"), m.account.Subject)
	switch {
	case errors.Is(err, mfa.ErrNoSetup), errors.Is(err, mfa.ErrSetupExpired):
		return nil, nil
	case err != nil:
		return nil, err
	case on:
		return ptr(renderMessage(message{ID: "enrol.unfinished.add"})), nil
	}
	return ptr(renderMessage(message{ID: "enrol.unfinished"})), nil
}

func ptr[T any](v T) *T { return &v }
