package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"vestibule/mfa/totp"
	"vestibule/provider"
	"vestibule/provider/account"
	"vestibule/provider/store"
)

const (
	codeTime     = 10 * time.Minute // from the password to the code
	reauthTime   = 10 * time.Minute // how old a proof may be that changes the factors
	setupTime    = 15 * time.Minute // for the set-up itself, once the password was given
	passwordTime = 24 * time.Hour   // after it even a code does not stand for the password
)

// Authorize takes over an authorization request from the provider.
func (s *Server) Authorize(w http.ResponseWriter, r *http.Request, ix *provider.Interaction) error {
	s.pageHeaders(w.Header(), "")
	return s.begin(w, r, &flow{ix: ix})
}

// begin starts a sign-in: it belongs to this browser, and the browser's session may be good enough for it.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, fl *flow) error {
	fl.ix.Browser, fl.rememberToken = s.bind(w, r), s.rememberToken(r)
	session, err := s.currentSession(r.Context(), r)
	if errors.Is(err, errIdle) {
		fl.state.Notes, err = []message{{ID: "login.session.expired"}}, nil
	}
	if err != nil {
		return err
	}
	if err := s.adoptSession(r.Context(), fl, session); err != nil {
		return err
	}
	return s.saveAndRedirect(w, r, fl)
}

// adoptSession gives the session's login to the sign-in, unless the client asks for another user. Whether its
// proofs are fresh enough is for decide to say.
func (s *Server) adoptSession(ctx context.Context, fl *flow, session *provider.Session) error {
	d := fl.ix.Demand
	if session == nil || d.Subject != "" && d.Subject != session.Login.Subject {
		fl.state.Username = d.LoginHint
		return nil
	}
	fl.ix.Login, fl.state.FromSession = session.Login.Clone(), true
	if d.PromptLogin { // all is asked anew, and no clock of another server makes an old proof a new one
		fl.ix.Login.Authentications = nil
	}
	if d.LoginHint == "" {
		return nil
	}
	user, err := s.Accounts.Account(ctx, session.Login.Subject)
	if err != nil {
		return err
	}
	fl.state.setAccount(user)
	fl.state.HintDiffers = !hints(d.LoginHint, user)
	return nil
}

// hints reports whether a login_hint can mean the account.
func hints(hint string, a account.Account) bool {
	want, err := account.CanonicalName(hint)
	if err != nil {
		return true // it means nobody
	}
	for _, name := range []string{a.Username, a.Email} {
		if got, err := account.CanonicalName(name); err == nil && got == want {
			return true
		}
	}
	return false
}

// saveAndRedirect sends the browser to what is owed, or to the client if nothing is. A sign-in becomes a row only when
// somebody's login is in it.
func (s *Server) saveAndRedirect(w http.ResponseWriter, r *http.Request, fl *flow, with ...func(context.Context) error) error {
	owed, err := s.decide(r.Context(), fl)
	switch {
	case err != nil:
		return err
	case owed == stepDone:
		return s.finish(w, r, fl, with...)
	case fl.ix.Demand.PromptNone:
		return s.refuse(w, r, fl, steps[owed].refusal)
	}
	if fl.consentGiven { // which was not committed
		fl.ix.Consented, fl.consentGiven = false, false
	}
	if err := s.introduce(r.Context(), fl); err != nil {
		return err
	}
	if fl.ix.Login != nil {
		err := s.save(r.Context(), fl)
		if errors.Is(err, store.ErrConflict) {
			return s.redirectAfterConflict(w, r, fl)
		}
		if err != nil {
			return err
		}
	}
	return s.redirectTo(w, r, fl, steps[owed].path)
}

// introduce finds out whom the pages are about. An id_token_hint alone is no reason to say: whoever has an old ID
// token may send one, and must not learn an address from it.
func (s *Server) introduce(ctx context.Context, fl *flow) error {
	if fl.ix.Login == nil || fl.state.AccountLabel != "" {
		return nil
	}
	user, err := s.Accounts.Account(ctx, fl.subject())
	if err != nil {
		return err
	}
	fl.state.setAccount(user)
	return nil
}

func (s *Server) save(ctx context.Context, fl *flow) error {
	if err := fl.pack(); err != nil {
		return err
	}
	return s.Provider.Save(ctx, fl.ix)
}

// redirectTo answers with a redirect to one of the pages of the sign-in.
func (s *Server) redirectTo(w http.ResponseWriter, r *http.Request, fl *flow, path string) error {
	to, err := s.address(fl, path)
	if err != nil {
		return err
	}
	return redirect(to)(w, r)
}

// address is that of one of the pages of the sign-in.
func (s *Server) address(fl *flow, path string) (string, error) {
	flow, err := s.flowValue(fl)
	return path + "?flow=" + url.QueryEscape(flow), err
}

// flowValue packs the sign-in. What somebody typed as a name is forgotten if the address would be too long with it.
func (s *Server) flowValue(fl *flow) (string, error) {
	if err := fl.pack(); err != nil {
		return "", err
	}
	flow, err := s.Provider.Flow(fl.ix)
	if err != nil || len(flow) <= provider.MaxFlow || fl.state.Username == "" {
		return flow, err
	}
	fl.state.Username = ""
	return s.flowValue(fl)
}

// decide gathers the facts, asking no store for more than the decision needs, and returns what is owed.
func (s *Server) decide(ctx context.Context, fl *flow) (step, error) {
	f, err := s.facts(ctx, fl)
	if err != nil || next(f) != stepDone {
		return next(f), err
	}
	f.consent, err = s.consentOwed(ctx, fl)
	return next(f), err
}

func (s *Server) facts(ctx context.Context, fl *flow) (facts, error) {
	now, d, login, m := s.Now(), fl.ix.Demand, fl.ix.Login, &fl.state
	if fl.decidedAt = now; login == nil {
		return facts{}, nil
	}
	good := func(method string) bool { // a wish changes the factors, which no old proof allows
		return login.Fresh(d, method, now) && (m.SetupRequested == "" || fl.justGiven(method, now))
	}
	fl.ix.Demand.Policy = s.appObliges(fl) // who has no authenticator may owe more: oblige knows
	d.Policy = fl.ix.Demand.Policy
	f := facts{
		known:                 d.Subject == "" || d.Subject == login.Subject,
		accountChoice:         m.FromSession && !m.PasswordGiven && !m.AccountChosen && (d.PromptSelectAccount || m.HintDiffers),
		password:              login.Fresh(d, provider.MethodPassword, now),
		second:                slices.ContainsFunc(login.SecondFactors(), func(a provider.Authentication) bool { return good(a.Method) }),
		passwordTooOldForCode: m.PasswordGiven && older(login, provider.MethodPassword, now, codeTime) || fl.unlocked(now),
		recent:                d.PromptNone || fl.justGiven(provider.MethodPassword, now), // a silent request can only hear what is missing
		recoveryJustGiven:     fl.recoveryJustGiven(now),
		twoSteps:              d.TwoSteps() || s.appObliges(fl), setupRequested: m.SetupRequested != "", used: m.CodesLeft != nil,
	}
	f.belowRequiredLevel = f.second && !login.Reaches(d, now)
	if !f.known || f.accountChoice || !f.password && !m.Reauth {
		return f, nil
	}
	if err := s.secondFacts(ctx, fl, &f); err != nil {
		return f, err
	}
	if m.Reauth && (f.enrolled || f.second) { // the code stands for the password as well
		f.password = !older(login, provider.MethodPassword, now, passwordTime)
	}
	return f, nil
}

// secondFacts finds out what stands in for a second factor, or what becomes of a user who has none.
func (s *Server) secondFacts(ctx context.Context, fl *flow, f *facts) (err error) {
	if f.second {
		f.codesOwed, err = s.codesOwed(ctx, fl)
		f.used = fl.state.CodesLeft != nil
		return err
	}
	if f.enrolled, err = s.enrolled(ctx, fl); err != nil {
		return err
	}
	if f.enrolled {
		f.remembered, err = s.remembered(ctx, fl)
		return err
	}
	forgetSecond(fl.ix.Login)
	return s.oblige(ctx, fl, f)
}

// enrolled asks the store unless it has said yes before in this sign-in. A no is never remembered.
func (s *Server) enrolled(ctx context.Context, fl *flow) (bool, error) {
	if fl.state.Enrolled {
		return true, nil
	}
	kinds, err := s.MFA.KindsOf(ctx, fl.subject())
	if err != nil {
		return false, err
	}
	digits, periods, err := totp.CodeFormats(kinds)
	fl.state.Enrolled, fl.state.Digits, fl.state.Periods = len(kinds) > 0, unusual(digits, 6), unusual(periods, 30)
	return fl.state.Enrolled, err
}

func older(login *provider.Login, method string, now time.Time, age time.Duration) bool {
	at, ok := login.AuthenticatedAt(method)
	return !ok || now.Sub(at) >= age
}

// justGiven reports whether a proof is young enough to set up a factor with. One that was given in this sign-in also
// covers the time that the set-up takes.
func (fl *flow) justGiven(method string, now time.Time) bool {
	age := reauthTime
	if at, _ := fl.ix.Login.AuthenticatedAt(method); !at.Before(fl.ix.Created) {
		age += setupTime
	}
	return !older(fl.ix.Login, method, now, age)
}

// recoveryJustGiven reports whether a recovery code was given in this sign-in, so short a time ago that the user may
// set up an authenticator with it.
func (fl *flow) recoveryJustGiven(now time.Time) bool {
	at, ok := fl.ix.Login.AuthenticatedAt(provider.MethodRecovery)
	return ok && !at.Before(fl.ix.Created) && fl.justGiven(provider.MethodRecovery, now)
}

// forgetSecond drops a second factor that is too old for the client and cannot be given again, because the user
// has none any more. What is left is what the client may hear.
func forgetSecond(login *provider.Login) {
	for _, p := range login.Authentications {
		if p.Method == provider.MethodPassword {
			login.Authentications = []provider.Authentication{p}
			return
		}
	}
}

// resume returns the sign-in that the request belongs to, expired or not.
func (s *Server) resume(r *http.Request) (fl *flow, flow string, expired bool, err error) {
	flow = field(r, "flow")
	unbound := len(s.bindings(r)) == 0
	if r.Method == http.MethodPost && unbound {
		return nil, flow, false, &problem{status: http.StatusBadRequest, state: "cookies", title: "Your browser is blocking cookies", flow: sealed(flow)}
	}
	if flow == "" {
		return nil, flow, false, errUnknown
	}
	ix, err := s.Provider.Resume(r.Context(), flow)
	switch expired = errors.Is(err, provider.ErrExpired); {
	case errors.Is(err, store.ErrNotFound):
		if err := s.endedBefore(r, ix); err != nil {
			return nil, flow, false, err
		}
		return nil, flow, false, s.gone(r, flow)
	case err != nil && !expired:
		return nil, flow, false, err
	}
	// Without any cookie an empty form may be shown, not sent: the answer to it says that cookies are blocked.
	stranger := unbound && ix.Version == 0
	if !stranger && !s.sameBrowser(r, ix.Browser) {
		return nil, flow, false, errUnknown
	}
	if fl, err = newFlow(ix); err != nil {
		return nil, flow, expired, err
	}
	if fl.rememberToken = s.rememberToken(r); stranger {
		fl.state = flowState{ReturnPath: fl.state.ReturnPath}
	}
	return fl, flow, expired, nil
}

// sealed returns a flow that is no row; a row's is not repeated to whoever may be asking.
func sealed(flow string) string {
	if provider.IsSealed(flow) {
		return flow
	}
	return ""
}

// gone tells a sign-in that has ended from one that never was, as far as that can be known without a row.
func (s *Server) gone(r *http.Request, flow string) error {
	if !provider.IsRow(flow) {
		return errUnknown
	}
	session, err := s.currentSession(r.Context(), r)
	if err != nil && !errors.Is(err, errIdle) {
		return err
	}
	if session == nil {
		return errUnknown
	}
	return elsewhere("", "")
}

func elsewhere(client, flow string) *problem {
	return &problem{status: http.StatusConflict, state: "elsewhere", title: "You are already signed in", client: client, flow: flow}
}

// liveFlow returns the sign-in that the request belongs to, if it can go on.
func (s *Server) liveFlow(r *http.Request) (*flow, error) {
	fl, flow, expired, err := s.resume(r)
	if err != nil {
		return nil, err
	}
	if expired {
		return nil, &problem{status: http.StatusGone, state: "expired", title: "This sign-in took too long", client: fl.ix.ClientName, flow: flow}
	}
	return fl, s.dropEndedSession(r, fl)
}

// dropEndedSession takes a login back that was adopted from a session which has ended since.
func (s *Server) dropEndedSession(r *http.Request, fl *flow) error {
	if !fl.state.FromSession || fl.state.PasswordGiven || fl.state.SessionOpened || fl.ix.Login == nil {
		return nil
	}
	lives, err := s.sameSession(r, fl)
	if err == nil && !lives {
		fl.forget()
	}
	return err
}

// requireLiveSession runs do, which uses what was proved or shows whose it is, unless the session that the sign-in has
// opened is over: then its proofs are over too, and the user begins at the password.
func (s *Server) requireLiveSession(w http.ResponseWriter, r *http.Request, fl *flow, do func() error) error {
	if !fl.state.SessionOpened {
		return do()
	}
	lives, err := s.sameSession(r, fl)
	switch {
	case err != nil:
		return err
	case lives:
		return do()
	}
	fl.forget()
	fl.state.clearMessages()
	return s.saveAndShow(w, r, fl, "/login")
}

// on runs a handler for the step that is owed. Any other request goes to the page that is.
func (s *Server) on(want step, h func(http.ResponseWriter, *http.Request, *flow) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		fl, err := s.liveFlow(r)
		if err != nil {
			return err
		}
		owed, err := s.decide(r.Context(), fl)
		switch {
		case err != nil:
			return err
		case owed != want && r.Method == http.MethodPost && fl.ix.Version > 0: // perhaps the second of two clicks
			return s.redirectAfterConflict(w, r, fl)
		case owed != want: // a late form uses nothing
			return s.redirectToStep(w, r, fl, owed)
		}
		return s.requireLiveSession(w, r, fl, func() error { return h(w, r, fl) })
	}
}

// redirectToStep goes to the page that is owed. A form that is late does not end the sign-in: the page that it is sent on
// to does, and of many clicks only the last one's answer is followed.
func (s *Server) redirectToStep(w http.ResponseWriter, r *http.Request, fl *flow, owed step) error {
	if owed == stepDone && r.Method != http.MethodPost {
		return s.requireLiveSession(w, r, fl, func() error { return s.finish(w, r, fl) })
	}
	return s.redirectTo(w, r, fl, steps[owed].path)
}

// field is a parameter: of the body in a POST, else of the query.
func field(r *http.Request, name string) string {
	if r.Method == http.MethodPost {
		return r.PostForm.Get(name)
	}
	return r.Form.Get(name)
}
