// Package logout is the pages of a sign-out: the question whether to, and the page after it. An app that asks for a
// sign-out with an ID token of this very session has its user signed out at once; for whoever else sends a browser here,
// the user is asked.
package logout

import (
	"context"
	"errors"
	"net/http"

	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/logout"
	"vestibule/provider/store"
	"vestibule/web/browser"
	"vestibule/web/ui"
)

// Config is what a Server is made of.
type Config struct {
	*ui.Pages
	browser.Browsers
	Accounts     account.Accounts
	Clients      logout.Clients // that ask for sign-outs; nil: none does
	FrontChannel FrontChannel   // how Clients hear of sign-outs in frames; nil: they do not
	Journal      audit.Journal
	Host         Host // where passwords are given; nil: here
}

// Host is a program with sessions of its own, which sign-outs belong to.
type Host interface {
	// LogOut is the address of the host's own sign-out.
	LogOut() string
}

// Server is the pages of a sign-out.
type Server struct {
	Config
	forms *logout.Reader // reads what the form of the question sends along
}

// New returns a Server.
func New(c Config) *Server {
	if c.Clients == nil {
		c.Clients = nobody{}
	}
	return &Server{c, &logout.Reader{Clients: c.Clients}}
}

// nobody are clients where none asks for a sign-out: whoever keeps them is not asked on behalf of strangers.
type nobody struct{}

// Client knows none.
func (nobody) Client(context.Context, string) (client.Client, error) {
	return client.Client{}, store.ErrNotFound
}

// EndSession answers an app's request: at once if it proves that it is about the browser's session, or if there is none.
// Else the user is asked: a link on another site must not sign anybody out.
func (s *Server) EndSession(w http.ResponseWriter, r *http.Request, request *logout.Request) error {
	r = ui.WithLocales(r)
	ui.Prefer(r, request.Locales)
	s.SetHeaders(w.Header(), "/logout")
	session, err := s.Sessions.Lookup(r.Context(), r)
	switch {
	case err != nil:
		return err
	case session != nil && request.IsOf(session.Login.Subject, session.Login.Session):
		return s.end(w, r, request)
	}
	return s.askIfSignedIn(w, r, request)
}

// getLogout is the user's own wish, or a link on another site.
func (s *Server) getLogout(w http.ResponseWriter, r *http.Request) error {
	return s.askIfSignedIn(w, r, &logout.Request{})
}

// askIfSignedIn goes on as if the user had signed out if there is no session that is live.
func (s *Server) askIfSignedIn(w http.ResponseWriter, r *http.Request, request *logout.Request) error {
	session, err := s.Sessions.CurrentOrNone(r.Context(), r)
	switch {
	case err != nil:
		return err
	case session == nil:
		return s.leave(w, r, request)
	}
	return s.ask(w, r, session, request)
}

// postLogout is the user's answer. What an app has asked for is checked once more, for it may have been a while: one that
// leads nowhere any more does not keep the user from signing out.
func (s *Server) postLogout(w http.ResponseWriter, r *http.Request) error {
	request, err := s.forms.Read(r.Context(), r.PostForm)
	var refused *logout.Error
	switch {
	case errors.As(err, &refused):
		request = &logout.Request{}
	case err != nil:
		return err
	}
	ui.Prefer(r, request.Locales)
	return s.end(w, r, request)
}

// end signs out, and leaves. The second of two clicks has nothing to end, and leaves too.
func (s *Server) end(w http.ResponseWriter, r *http.Request, request *logout.Request) error {
	session, err := s.Sessions.Lookup(r.Context(), r)
	if err != nil {
		return err
	}
	leaving, err := s.signOut(w, r, session, request.Client)
	if err != nil {
		return err
	}
	if len(leaving.Clients) == 0 {
		return s.leave(w, r, request)
	}
	leaving.Request = *request
	path, err := s.leavingPath(leaving)
	if err != nil {
		return err
	}
	return s.Redirect(w, r, path)
}

// leave goes to the app, if it wants its user back, or else to a page that says that it is done.
func (s *Server) leave(w http.ResponseWriter, r *http.Request, request *logout.Request) error {
	if to := request.Destination(); to != "" {
		return s.Redirect(w, r, to)
	}
	return s.Redirect(w, r, loggedOutPath(request))
}
