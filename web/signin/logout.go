package signin

import (
	"context"
	"errors"
	"net/http"

	"vestibule/provider/audit"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
	"vestibule/web/browser"
	"vestibule/web/ui"
)

type logoutPage struct {
	ui.Frame
	Remembered bool   // this browser is not asked for a code, and stays so unless the user says otherwise
	Address    string // of the form
	Challenge  string // that the form goes on with; empty: none
}

// logoutPage asks: a link on another site must not sign anybody out.
func (s *Server) logoutPage(w http.ResponseWriter, r *http.Request) error {
	session, err := s.Sessions.Current(r.Context(), r)
	if errors.Is(err, browser.ErrIdle) || err == nil && session == nil {
		return s.Redirect(w, r, "/logged-out")
	}
	if err != nil {
		return err
	}
	user, err := s.Accounts.Account(r.Context(), session.Login.Subject)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	p := s.newLogoutPage("/logout")
	p.Who = user.Label()
	device, err := s.Remembered.Find(r.Context(), s.Remembered.Token(r), session.Login.Subject, session.Login.Epoch)
	if err != nil {
		return err
	}
	p.Remembered = device != nil
	return s.Render(w, r, http.StatusOK, "logout", p)
}

func (s *Server) newLogoutPage(address string) *logoutPage {
	return &logoutPage{Frame: ui.Frame{Page: "logout", Title: ui.Say("logout.title", "product", s.Name)}, Address: address}
}

// AskSignOut asks whether to sign out, with a form that goes to the address with the challenge. The browser may have no
// session here: whoever sent it has one.
func (s *Server) AskSignOut(w http.ResponseWriter, r *http.Request, address, challenge string) error {
	p := s.newLogoutPage(address)
	p.Challenge = challenge
	return s.Render(w, r, http.StatusOK, "logout", p)
}

// SignOut ends the session of the browser, and what waits in other tabs, if it is the subject's.
func (s *Server) SignOut(w http.ResponseWriter, r *http.Request, subject string) error {
	session, err := s.Sessions.Lookup(r.Context(), r)
	if err != nil || session == nil || session.Login.Subject != subject {
		return err
	}
	return s.signOut(w, r)
}

// postLogout is the user's answer.
func (s *Server) postLogout(w http.ResponseWriter, r *http.Request) error {
	if err := s.signOut(w, r); err != nil {
		return err
	}
	if s.Host != nil {
		return s.logoutAtHost(w, r)
	}
	return s.Redirect(w, r, "/logged-out")
}

// signOut ends the session. The other cookie goes too, and with it every sign-in that waits in another tab.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := s.endSession(r); err != nil {
		return err
	}
	s.Cookies.DropSession(w)
	s.Cookies.DropBindings(w)
	w.Header().Set("Clear-Site-Data", `"cache"`)
	return nil
}

// endSession ends the browser's session and records that, once. That the browser is remembered ends only if the user
// says so.
func (s *flows) endSession(r *http.Request) error {
	session, err := s.Sessions.Lookup(r.Context(), r)
	if err != nil || session == nil {
		return err
	}
	ended := audit.Event{
		Kind: audit.EventSignedOut, Outcome: audit.OutcomeOK, Subject: session.Login.Subject,
		Session: session.Login.Session, Address: spelling.HostOf(r.RemoteAddr),
	}
	events := []audit.Event{ended}
	device := s.Remembered.Token(r)
	forgets := device != nil && ui.Field(r, "forget") != ""
	if forgets {
		dropped := ended
		dropped.Kind = audit.EventBrowserForgotten
		events = append(events, dropped)
	}
	end := func(ctx context.Context) error { return s.Sessions.Store.EndSession(ctx, session.Login.Session) }
	err = s.Journal.RecordWith(r.Context(), events, func(ctx context.Context) error {
		if !forgets {
			return end(ctx)
		}
		return errors.Join(s.Remembered.Store.ForgetBrowser(ctx, session.Login.Subject, device), end(ctx))
	})
	if errors.Is(err, store.ErrNotFound) { // it was forgotten already
		return s.Journal.RecordWith(r.Context(), events[:1], end)
	}
	return err
}

func (s *Server) loggedOutPage(w http.ResponseWriter, r *http.Request) error {
	return s.ShowPlain(w, r, "logged-out", "logged_out.title")
}

// lostDevicePage is the help for whoever cannot give a code. It needs no sign-in.
func (s *Server) lostDevicePage(w http.ResponseWriter, r *http.Request) error {
	return s.ShowPlain(w, r, "lost-device", "lost.title")
}
