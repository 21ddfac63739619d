package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"vestibule/provider"
)

const (
	codeTime     = 10 * time.Minute // from the password to the code
	sudoTime     = 10 * time.Minute // how old a proof may be that changes the factors
	setupTime    = 15 * time.Minute // for the set-up itself, once the password was given
	passwordTime = 24 * time.Hour   // after it even a code does not stand for the password
)

// Authorize takes over an authorization request from the provider.
func (s *Server) Authorize(w http.ResponseWriter, r *http.Request, ix *provider.Interaction) error {
	s.pageHeaders(w.Header(), "")
	return s.begin(w, r, &visit{ix: ix})
}

// begin starts a sign-in: it belongs to this browser, and the browser's session may be good enough for it.
func (s *Server) begin(w http.ResponseWriter, r *http.Request, v *visit) error {
	v.ix.Browser, v.device = s.bind(w, r), s.device(r)
	session, err := s.live(r.Context(), r)
	if errors.Is(err, errIdle) {
		v.mem.Notes, err = []fault{{ID: "login.session.expired"}}, nil
	}
	if err != nil {
		return err
	}
	if err := s.lend(r.Context(), v, session); err != nil {
		return err
	}
	return s.proceed(w, r, v)
}

// lend gives the session's login to the sign-in, unless the client asks for another user. Whether its
// proofs are fresh enough is for decide to say.
func (s *Server) lend(ctx context.Context, v *visit, session *provider.Session) error {
	d := v.ix.Demand
	if session == nil || d.Subject != "" && d.Subject != session.Login.Subject {
		v.mem.Username = d.LoginHint
		return nil
	}
	v.ix.Login, v.mem.Lent = session.Login.Clone(), true
	if d.Login { // all is asked anew, and no clock of another server makes an old proof a new one
		v.ix.Login.Proofs = nil
	}
	if d.LoginHint == "" {
		return nil
	}
	account, err := s.Accounts.Account(ctx, session.Login.Subject)
	if err != nil {
		return err
	}
	v.mem.meet(account)
	v.mem.Other = !hints(d.LoginHint, account)
	return nil
}

// hints reports whether a login_hint can mean the account.
func hints(hint string, a provider.Account) bool {
	want, err := provider.CanonicalName(hint)
	if err != nil {
		return true // it means nobody
	}
	for _, name := range []string{a.Username, a.Email} {
		if got, err := provider.CanonicalName(name); err == nil && got == want {
			return true
		}
	}
	return false
}

// proceed sends the browser to what is owed, or to the client if nothing is. A sign-in becomes a row only when
// somebody's login is in it.
func (s *Server) proceed(w http.ResponseWriter, r *http.Request, v *visit, with ...func(context.Context) error) error {
	owed, err := s.decide(r.Context(), v)
	switch {
	case err != nil:
		return err
	case owed == stepDone:
		return s.finish(w, r, v, with...)
	case v.ix.Demand.None:
		return s.refuse(w, r, v, steps[owed].refusal)
	}
	if v.allowed { // which was not committed
		v.ix.Consented, v.allowed = false, false
	}
	if err := s.introduce(r.Context(), v); err != nil {
		return err
	}
	if v.ix.Login != nil {
		err := s.save(r.Context(), v)
		if errors.Is(err, provider.ErrConflict) {
			return s.overtaken(w, r, v)
		}
		if err != nil {
			return err
		}
	}
	return s.send(w, r, v, steps[owed].path)
}

// introduce finds out whom the pages are about. An id_token_hint alone is no reason to say: whoever has an old ID
// token may send one, and must not learn an address from it.
func (s *Server) introduce(ctx context.Context, v *visit) error {
	if v.ix.Login == nil || v.mem.Label != "" {
		return nil
	}
	account, err := s.Accounts.Account(ctx, v.subject())
	if err != nil {
		return err
	}
	v.mem.meet(account)
	return nil
}

func (s *Server) save(ctx context.Context, v *visit) error {
	if err := v.pack(); err != nil {
		return err
	}
	return s.Provider.Save(ctx, v.ix)
}

// send answers with a redirect to one of the pages of the sign-in.
func (s *Server) send(w http.ResponseWriter, r *http.Request, v *visit, path string) error {
	to, err := s.address(v, path)
	if err != nil {
		return err
	}
	return redirect(to)(w, r)
}

// address is that of one of the pages of the sign-in.
func (s *Server) address(v *visit, path string) (string, error) {
	flow, err := s.flow(v)
	return path + "?flow=" + url.QueryEscape(flow), err
}

// flow packs the sign-in. What somebody typed as a name is forgotten if the address would be too long with it.
func (s *Server) flow(v *visit) (string, error) {
	if err := v.pack(); err != nil {
		return "", err
	}
	flow, err := s.Provider.Flow(v.ix)
	if err != nil || len(flow) <= provider.MaxFlow || v.mem.Username == "" {
		return flow, err
	}
	v.mem.Username = ""
	return s.flow(v)
}

// decide gathers the facts, asking no store for more than the decision needs, and returns what is owed.
func (s *Server) decide(ctx context.Context, v *visit) (step, error) {
	f, err := s.facts(ctx, v)
	if err != nil || next(f) != stepDone {
		return next(f), err
	}
	f.consent, err = s.consentOwed(ctx, v)
	return next(f), err
}

func (s *Server) facts(ctx context.Context, v *visit) (facts, error) {
	now, d, login, m := s.Now(), v.ix.Demand, v.ix.Login, &v.mem
	if v.at = now; login == nil {
		return facts{}, nil
	}
	good := func(method string) bool { // a wish changes the factors, which no old proof allows
		return login.Fresh(d, method, now) && (m.Wish == "" || v.recent(method, now))
	}
	v.ix.Demand.Policy = s.appObliges(v) // who has no authenticator may owe more: oblige knows
	d.Policy = v.ix.Demand.Policy
	f := facts{
		known:    d.Subject == "" || d.Subject == login.Subject,
		choose:   m.Lent && !m.Typed && !m.Chosen && (d.SelectAccount || m.Other),
		password: login.Fresh(d, provider.MethodPassword, now),
		second:   good(provider.MethodTOTP) || good(provider.MethodRecovery),
		late:     m.Typed && older(login, provider.MethodPassword, now, codeTime) || v.unlocked(now),
		recent:   d.None || v.recent(provider.MethodPassword, now), // a silent request can only hear what is missing
		spent:    v.spent(now),
		twoSteps: d.TwoSteps() || s.appObliges(v), wish: m.Wish != "", used: m.Used != nil,
	}
	f.short = f.second && !login.Reaches(d, now)
	if !f.known || f.choose || !f.password && !m.Sudo {
		return f, nil
	}
	if err := s.secondFacts(ctx, v, &f); err != nil {
		return f, err
	}
	if m.Sudo && (f.enrolled || f.second) { // the code stands for the password as well
		f.password = !older(login, provider.MethodPassword, now, passwordTime)
	}
	return f, nil
}

// secondFacts finds out what stands in for a second factor, or what becomes of a user who has none.
func (s *Server) secondFacts(ctx context.Context, v *visit, f *facts) (err error) {
	if f.second {
		f.codes, err = s.codesOwed(ctx, v)
		f.used = v.mem.Used != nil
		return err
	}
	if f.enrolled, err = s.enrolled(ctx, v); err != nil {
		return err
	}
	if f.enrolled {
		f.remembered, err = s.remembered(ctx, v)
		return err
	}
	forgetSecond(v.ix.Login)
	return s.oblige(ctx, v, f)
}

// enrolled asks the store unless it has said yes before in this sign-in. A no is never remembered.
func (s *Server) enrolled(ctx context.Context, v *visit) (bool, error) {
	if v.mem.Enrolled {
		return true, nil
	}
	digits, periods, err := s.MFA.Shape(ctx, v.subject())
	v.mem.Enrolled, v.mem.Digits, v.mem.Periods = len(digits) > 0, unusual(digits, 6), unusual(periods, 30)
	return v.mem.Enrolled, err
}

func older(login *provider.Login, method string, now time.Time, age time.Duration) bool {
	at, ok := login.Proved(method)
	return !ok || now.Sub(at) >= age
}

// recent reports whether a proof is young enough to set up a factor with. One that was given in this sign-in also
// covers the time that the set-up takes.
func (v *visit) recent(method string, now time.Time) bool {
	age := sudoTime
	if at, _ := v.ix.Login.Proved(method); !at.Before(v.ix.Created) {
		age += setupTime
	}
	return !older(v.ix.Login, method, now, age)
}

// spent reports whether a recovery code was given in this sign-in, so short a time ago that the user may set up an
// authenticator with it.
func (v *visit) spent(now time.Time) bool {
	at, ok := v.ix.Login.Proved(provider.MethodRecovery)
	return ok && !at.Before(v.ix.Created) && v.recent(provider.MethodRecovery, now)
}

// forgetSecond drops a second factor that is too old for the client and cannot be given again, because the user
// has none any more. What is left is what the client may hear.
func forgetSecond(login *provider.Login) {
	for _, p := range login.Proofs {
		if p.Method == provider.MethodPassword {
			login.Proofs = []provider.Proof{p}
			return
		}
	}
}

// resume returns the sign-in that the request belongs to, expired or not.
func (s *Server) resume(r *http.Request) (v *visit, flow string, expired bool, err error) {
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
	case errors.Is(err, provider.ErrNotFound):
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
	if v, err = newVisit(ix); err != nil {
		return nil, flow, expired, err
	}
	if v.device = s.device(r); stranger {
		v.mem = memory{Return: v.mem.Return}
	}
	return v, flow, expired, nil
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
	session, err := s.live(r.Context(), r)
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

// visit returns the sign-in that the request belongs to, if it can go on.
func (s *Server) visit(r *http.Request) (*visit, error) {
	v, flow, expired, err := s.resume(r)
	if err != nil {
		return nil, err
	}
	if expired {
		return nil, &problem{status: http.StatusGone, state: "expired", title: "This sign-in took too long", client: v.ix.ClientName, flow: flow}
	}
	return v, s.returnLoan(r, v)
}

// returnLoan takes a login back that was lent by a session which has ended since.
func (s *Server) returnLoan(r *http.Request, v *visit) error {
	if !v.mem.Lent || v.mem.Typed || v.mem.Admitted || v.ix.Login == nil {
		return nil
	}
	lives, err := s.backed(r, v)
	if err == nil && !lives {
		v.forget()
	}
	return err
}

// whileLive runs do, which uses what was proved or shows whose it is, unless the session that the sign-in has opened is
// over: then its proofs are over too, and the user begins at the password.
func (s *Server) whileLive(w http.ResponseWriter, r *http.Request, v *visit, do func() error) error {
	if !v.mem.Admitted {
		return do()
	}
	lives, err := s.backed(r, v)
	switch {
	case err != nil:
		return err
	case lives:
		return do()
	}
	v.forget()
	v.mem.calm()
	return s.store(w, r, v, "/login")
}

// on runs a handler for the step that is owed. Any other request goes to the page that is.
func (s *Server) on(want step, h func(http.ResponseWriter, *http.Request, *visit) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		v, err := s.visit(r)
		if err != nil {
			return err
		}
		owed, err := s.decide(r.Context(), v)
		switch {
		case err != nil:
			return err
		case owed != want && r.Method == http.MethodPost && v.ix.Version > 0: // perhaps the second of two clicks
			return s.overtaken(w, r, v)
		case owed != want: // a late form uses nothing
			return s.forward(w, r, v, owed)
		}
		return s.whileLive(w, r, v, func() error { return h(w, r, v) })
	}
}

// forward goes to the page that is owed. A form that is late does not end the sign-in: the page that it is sent on
// to does, and of many clicks only the last one's answer is followed.
func (s *Server) forward(w http.ResponseWriter, r *http.Request, v *visit, owed step) error {
	if owed == stepDone && r.Method != http.MethodPost {
		return s.whileLive(w, r, v, func() error { return s.finish(w, r, v) })
	}
	return s.send(w, r, v, steps[owed].path)
}

// field is a parameter: of the body in a POST, else of the query.
func field(r *http.Request, name string) string {
	if r.Method == http.MethodPost {
		return r.PostForm.Get(name)
	}
	return r.Form.Get(name)
}
