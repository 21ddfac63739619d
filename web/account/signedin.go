package account

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"

	"vestibule/mfa"
	accounts "vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
	"vestibule/web/browser"
	"vestibule/web/ui"
)

// signedIn is a request of a signed-in user to a page of the account.
type signedIn struct {
	session interaction.Session
	account accounts.Account
	said    ui.Feedback // what the last form has left to say
	single  bool        // the user was let in without a second factor, having none; see requireFactor
}

// owner is whose set-ups the pages show. The sid stays when the session's id changes.
func (m *signedIn) owner(kind string) string { return kind + ":" + m.session.Login.Session }

// event begins a record of what a user did on the account pages.
func (m *signedIn) event(r *http.Request, kind, method string) audit.Event {
	return audit.Event{
		Kind: kind, Outcome: audit.OutcomeOK, Method: method, Subject: m.account.Subject,
		Session: m.session.Login.Session, Address: spelling.HostOf(r.RemoteAddr), Detail: map[string]string{},
	}
}

type signedInHandler func(w http.ResponseWriter, r *http.Request, m *signedIn) error

// requireSignedIn lets nobody in but signed-in users who owe nothing.
func (s *Server) requireSignedIn(h signedInHandler) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		session, err := s.Sessions.CurrentOrNone(r.Context(), r)
		if err != nil {
			return err
		}
		if passed, err := s.Gate.Pass(w, r, session, false); !passed {
			return err
		}
		user, admitted, err := s.admit(r.Context(), session)
		switch {
		case err != nil:
			return err
		case !admitted:
			return s.expel(w, r, session)
		}
		said, err := s.Answers.Said(r)
		if err != nil {
			return err
		}
		return h(w, r, &signedIn{session: *session, account: user, said: said})
	}
}

// admit returns the account of the session, and whether it still lets its user in: it is there, not disabled, and in the
// epoch of the session. Whoever raises the epoch of an account of ours ends or renews its sessions in the same commit, so
// that one of another epoch was read a moment before; a host that keeps its accounts itself ends none here.
func (s *Server) admit(ctx context.Context, session *interaction.Session) (user accounts.Account, ok bool, err error) {
	user, err = s.Accounts.Account(ctx, session.Login.Subject)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return user, false, nil
	case err != nil || user.Disabled:
		return user, false, err
	case user.Epoch == session.Login.Epoch:
		return user, true, nil
	}
	lives, err := s.Sessions.Lives(ctx, session)
	return user, !lives, err
}

// requireReauth lets only those in who have proved within the last minutes who they are: with the best authenticator that
// they have or a recovery code, or with the password if they have none.
func (s *Server) requireReauth(h signedInHandler) signedInHandler {
	return func(w http.ResponseWriter, r *http.Request, m *signedIn) error {
		if passed, err := s.Gate.Pass(w, r, &m.session, true); !passed {
			return err
		}
		return h(w, r, m)
	}
}

// requireFactor is requireReauth for those who have a second factor. The form of the others asks for all that they could prove, and
// its commit must rest on their having none.
func (s *Server) requireFactor(h signedInHandler) signedInHandler {
	return func(w http.ResponseWriter, r *http.Request, m *signedIn) error {
		enrolled, err := s.MFA.Enrolled(r.Context(), m.account.Subject)
		if err != nil {
			return err
		}
		if m.single = !enrolled; m.single {
			return h(w, r, m)
		}
		return s.requireReauth(h)(w, r, m)
	}
}

// reproveOr asks for a second factor anew if err says that those which were given allow no change of the factors, be they
// fresh: the authenticator of one may be gone. Else it returns err.
func (s *Server) reproveOr(w http.ResponseWriter, r *http.Request, m *signedIn, err error) error {
	if errors.Is(err, mfa.ErrProof) {
		return s.Gate.Reprove(w, r, &m.session)
	}
	return err
}

// requirePassword lets only those in who have given their password within the last minutes, where that is given elsewhere.
// Else the form that the handler is for asks for it.
func (s *Server) requirePassword(h signedInHandler) signedInHandler {
	return func(w http.ResponseWriter, r *http.Request, m *signedIn) error {
		if s.AtHost {
			if passed, err := s.Gate.PassPassword(w, r, &m.session); !passed {
				return err
			}
		}
		return h(w, r, m)
	}
}

// requireEnrolmentAllowed lets nobody set anything up whom an operator has told to come with a link, which leads
// elsewhere. A form never shows a page: it leads to the one that says why. Whoever cancels needs no leave.
func (s *Server) requireEnrolmentAllowed(h signedInHandler) signedInHandler {
	return func(w http.ResponseWriter, r *http.Request, m *signedIn) error {
		_, blocked, err := s.Enrol.Allowed(r.Context(), nil, m.account.Subject)
		switch {
		case err != nil:
			return err
		case !blocked || r.Method == http.MethodPost && ui.Field(r, "action") == "cancel":
			return h(w, r, m)
		case r.Method == http.MethodPost:
			return s.Redirect(w, r, enrolPath)
		}
		return s.Enrol.ShowBlocked(w, r, m.enrolment())
	}
}

// expel ends the session of an account that does not let its user in.
func (s *Server) expel(w http.ResponseWriter, r *http.Request, session *interaction.Session) error {
	if err := s.Sessions.Store.EndSession(r.Context(), session.Login.Session); err != nil {
		return err
	}
	s.Cookies.DropSession(w)
	return s.Redirect(w, r, "/logged-out")
}

var factorPath = regexp.MustCompile(`^/account/(authenticators/[A-Za-z0-9_-]{1,64}/(rename|remove)|setup/[a-z0-9]{1,32})$`)

// OwnPage returns the page of the account that a sign-in may end at: path, if it is one, else the first.
func OwnPage(path string) string {
	if path == newCodesPath {
		return path
	}
	switch path, query, _ := strings.Cut(path, "?"); path {
	case securityPath, activityPath, appsPath, passwordPath, enrolPath, codesPath:
		return path
	case downloadPath:
		return codesPath
	case removeAppPath: // which is shown as what it is, whoever has put it there
		return appPath(query)
	}
	path, _, _ = strings.Cut(path, "?")
	if factorPath.MatchString(path) {
		return path
	}
	return securityPath
}

// renew replaces the user's session, in the commit of ctx, by one with a new id and the login. What is returned answers
// the form: answer's note on the security page, with the cookie. store.ErrConflict if the session has ended or was
// changed since it was read, account.ErrPassword if the account does not let its user in any more.
func (s *Server) renew(ctx context.Context, r *http.Request, m *signedIn, login *assurance.Login, answer browser.Response) (browser.Response, error) {
	if err := s.Accounts.RequireAccount(ctx, login.Subject, login.Epoch); err != nil {
		return browser.Response{}, err
	}
	answer.Session, answer.To = ui.NewToken(), securityPath
	if err := s.Sessions.Write(ctx, r, &m.session, answer.Session, login); err != nil {
		return browser.Response{}, err
	}
	return answer, s.Answers.Keep(ctx, r, answer)
}

// renewAlone is renew that ends all that the user has open elsewhere. A browser that the account knows stays known.
func (s *Server) renewAlone(ctx context.Context, r *http.Request, m *signedIn, login *assurance.Login, answer browser.Response) (browser.Response, error) {
	return s.renewAfter(ctx, r, m, login, answer, func(epoch int64) (int64, error) {
		return s.Sessions.Store.EndOthers(ctx, login.Subject, epoch, login.Session)
	})
}

// renewAfter is renew after end, which ends something of the user's in the commit of ctx: it is given the epoch that the account is
// in, and returns the one in which it goes on.
func (s *Server) renewAfter(ctx context.Context, r *http.Request, m *signedIn, login *assurance.Login, answer browser.Response, end func(epoch int64) (int64, error)) (browser.Response, error) {
	before := login.Epoch
	var err error
	if login.Epoch, err = end(before); err != nil {
		return browser.Response{}, err
	}
	answer.Device = s.Devices.Carry(r, login.Subject, before, login.Epoch)
	return s.renew(ctx, r, m, login, answer)
}

// commitAnswer does what a form asks for, and answers it. What is done is one commit with the event and with what a
// second copy of the form is answered with. Nothing is answered where the error is not nil.
func (s *Server) commitAnswer(w http.ResponseWriter, r *http.Request, answer browser.Response, e audit.Event, do func(context.Context) error) error {
	err := s.Journal.RecordWith(r.Context(), []audit.Event{e}, func(ctx context.Context) error {
		if err := do(ctx); err != nil {
			return err
		}
		return s.Answers.Keep(ctx, r, answer)
	})
	if err == nil {
		return s.Answers.Respond(w, r, answer)
	}
	return s.Answers.BeforeOr(r, err)
}
