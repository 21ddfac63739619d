package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vestibule/mfa"
	"vestibule/provider"
)

type loginPage struct {
	frame
	Client   string // empty on the way to our own pages
	Username string
	Fixed    string // who must sign in, if that is settled
	Locked   bool
	Sudo     bool
	Other    bool // somebody else may sign in instead
}

// loginStart is the sign-in page. Without a sign-in under way it begins one of our own.
func (s *Server) loginStart(w http.ResponseWriter, r *http.Request) error {
	if field(r, "flow") == "" {
		return s.begin(w, r, &visit{ix: s.Provider.Own(provider.Demand{}), mem: memory{Return: "/account/security"}})
	}
	return s.on(stepLogin, s.loginPage)(w, r)
}

func (s *Server) loginPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := s.checkSignedIn(r, v); err != nil {
		return err
	}
	p := &loginPage{
		frame:  frame{Page: "login", Title: "Sign in", Flow: field(r, "flow")},
		Client: v.ix.ClientName, Username: v.mem.Username, Sudo: v.mem.Sudo, Other: v.ix.Demand.Subject == "",
	}
	if v.fixed() {
		p.Fixed = v.mem.Label
	}
	if v.mem.Sudo {
		p.Title = "Confirm it’s you"
	}
	p.say(&v.mem)
	if v.ix.Login != nil && p.State == "initial" && v.unlocked(s.Now()) {
		p.Notes, p.State = []shown{show(fault{ID: "login.lock.again"})}, "again"
	}
	if v.ix.Login != nil && v.mem.Typed && p.State == "initial" { // the time for the code ran out
		p.Notes, p.State = []shown{show(fault{ID: "login.timeout"})}, "timeout"
	}
	if v.mem.Link != nil && p.State == "initial" {
		p.Notes, p.State = []shown{show(fault{ID: "login.link"})}, "link"
	}
	status := http.StatusOK
	if until := v.mem.until("login", s.Now()); !until.IsZero() {
		p.Locked, status = true, http.StatusTooManyRequests
		p.blame(fault{ID: "login.locked", Args: s.wait(w, until)})
	}
	return s.render(w, status, "login", p)
}

// checkSignedIn finds the form that was gone back to after the sign-in it belongs to, or another one, was over.
func (s *Server) checkSignedIn(r *http.Request, v *visit) error {
	if v.ix.Version > 0 {
		return nil
	}
	session, err := s.live(r.Context(), r)
	if errors.Is(err, errIdle) || err == nil && session == nil {
		return nil
	}
	if err == nil && session.Login.LastProof().After(v.ix.Created) {
		return elsewhere(v.ix.ClientName, field(r, "flow"))
	}
	return err
}

// fixed reports whether it is settled who must sign in: the session's user, or the one whom the client asked for
// and who has signed in before.
func (v *visit) fixed() bool {
	return v.mem.Label != "" && v.ix.Login != nil && (v.ix.Demand.Subject != "" || v.mem.Lent && !v.mem.Typed)
}

// login is the name and the password.
func (s *Server) login(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !v.fixed() {
		v.mem.Username = cut(field(r, "username"), 254)
	}
	password := field(r, "password")
	if faults := emptyFields(v.mem.Username, password); len(faults) > 0 {
		v.mem.blame("login", faults...)
		return s.store(w, r, v, "/login")
	}
	done, err := s.passwordTurn(r, v.mem.Username)
	if err != nil {
		return err
	}
	defer done() // when the count is taken back
	account, counted, err := s.checkPassword(r, v.mem.Username, password)
	var locked *mfa.Locked
	switch events := v.passwordEvents(r, err); {
	case errors.As(err, &locked):
		v.mem.lock("login", locked.Until)
		return s.loginFault(w, r, v, fault{ID: "login.locked", Args: s.until(locked.Until)}, events...)
	case errors.Is(err, provider.ErrPassword) && v.fixed():
		return s.loginFault(w, r, v, fault{ID: "password.wrong", Field: "password"}, events...)
	case errors.Is(err, provider.ErrPassword):
		return s.loginFault(w, r, v, fault{ID: "login.wrong", Field: "username"}, events...)
	case err != nil:
		return err
	case v.ix.Demand.Subject != "" && account.Subject != v.ix.Demand.Subject:
		v.guess = counted
		if err := s.passwordAlone(r, v, account.Subject); err != nil {
			return err
		}
		return s.refuse(w, r, v, "login_required")
	}
	v.guess = counted
	v.identify(account, s.Now())
	return s.signIn(w, r, v)
}

func emptyFields(username, password string) []fault {
	var faults []fault
	if username == "" {
		faults = append(faults, fault{ID: "login.username.required", Field: "username"})
	}
	if password == "" {
		faults = append(faults, fault{ID: "login.password.required", Field: "password"})
	}
	return faults
}

func (s *Server) loginFault(w http.ResponseWriter, r *http.Request, v *visit, f fault, events ...provider.Event) error {
	v.mem.blame("login", f)
	return s.store(w, r, v, "/login", events...)
}

// identify records that the account's password was given. The session id stays when its user has only proved
// again to be that user.
func (v *visit) identify(a provider.Account, now time.Time) {
	m := &v.mem
	if v.subject() == a.Subject && v.ix.Login.Epoch == a.Epoch {
		v.ix.Login.Renew(now)
	} else {
		v.forget()
		v.ix.Login = provider.PasswordLogin(a.Subject, a.Epoch, now)
	}
	m.Typed = true
	m.meet(a)
}

// until are the values of a message about a lock.
func (s *Server) until(at time.Time) values {
	minutes := int((at.Sub(s.Now()) + time.Minute - 1) / time.Minute)
	return values{"n": strconv.Itoa(max(minutes, 1)), "at": at.UTC().Format(time.RFC3339)}
}

// wait says when to come back, in the header as well.
func (s *Server) wait(w http.ResponseWriter, at time.Time) values {
	w.Header().Set("Retry-After", strconv.Itoa(int((at.Sub(s.Now())+time.Second-1)/time.Second)))
	return s.until(at)
}

// someoneElse begins the same request anew, for another user.
func (s *Server) someoneElse(w http.ResponseWriter, r *http.Request) error {
	v, err := s.visit(r)
	if err != nil {
		return err
	}
	fresh, err := s.anew(v)
	if err != nil {
		return err
	}
	if v.mem.Other { // the one whom the client hinted at
		fresh.mem.Username = v.ix.Demand.LoginHint
	}
	to, err := s.address(fresh, "/login")
	if err != nil {
		return err
	}
	if v.ix.Version > 0 {
		s.keepEnd(r, v)
		err = s.Provider.EndAt(r.Context(), v.ix, to)
	}
	switch {
	case errors.Is(err, provider.ErrConflict):
		return s.endedOr(r, v)
	case err != nil:
		return err
	}
	return redirect(to)(w, r)
}

// restart begins the same request anew, as if the client had sent it now. It is the way out of a sign-in that
// has expired or that was finished in another tab.
func (s *Server) restart(w http.ResponseWriter, r *http.Request) error {
	v, _, _, err := s.resume(r)
	var p *problem
	if errors.As(err, &p) && p.state == "cookies" && p.flow != "" {
		v, err = s.withoutCookie(r, p.flow)
	}
	if err != nil {
		return err
	}
	fresh, err := s.anew(v)
	if err != nil {
		return err
	}
	return s.begin(w, r, fresh)
}

// withoutCookie returns a sign-in that holds nothing yet but the request, for a browser that has lost its cookie.
// Beginning anew with it is no more than following the client's link once more.
func (s *Server) withoutCookie(r *http.Request, flow string) (*visit, error) {
	ix, err := s.Provider.Resume(r.Context(), flow)
	switch {
	case errors.Is(err, provider.ErrNotFound):
		return nil, errUnknown
	case err != nil && !errors.Is(err, provider.ErrExpired):
		return nil, err
	}
	return newVisit(ix)
}

// cut shortens s to at most n bytes.
func cut(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
