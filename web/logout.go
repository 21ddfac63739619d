package web

import (
	"context"
	"errors"
	"net/http"

	"vestibule/provider"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

type plainPage struct{ frame }

type logoutPage struct {
	frame
	Remembered bool // this browser is not asked for a code, and stays so unless the user says otherwise
}

// logoutPage asks: a link on another site must not sign anybody out.
func (s *Server) logoutPage(w http.ResponseWriter, r *http.Request) error {
	session, err := s.currentSession(r.Context(), r)
	if errors.Is(err, errIdle) || err == nil && session == nil {
		return redirect("/logged-out")(w, r)
	}
	if err != nil {
		return err
	}
	user, err := s.Accounts.Account(r.Context(), session.Login.Subject)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	p := &logoutPage{frame: frame{Page: "logout", Title: "Sign out of " + s.Name + "?", Who: user.Label()}}
	if p.Remembered, err = s.remembers(r, session.Login.Subject); err != nil {
		return err
	}
	return s.render(w, http.StatusOK, "logout", p)
}

// postLogout ends the session. The other cookie goes too, and with it every sign-in that waits in another tab.
func (s *Server) postLogout(w http.ResponseWriter, r *http.Request) error {
	if err := s.endSession(r); err != nil {
		return err
	}
	s.dropCookie(w, s.cookies.session)
	s.dropCookie(w, s.cookies.browser)
	w.Header().Set("Clear-Site-Data", `"cache"`)
	http.Redirect(w, r, "/logged-out", http.StatusSeeOther)
	return nil
}

// endSession ends the browser's session and records that, once. That the browser is remembered ends only if the user
// says so.
func (s *Server) endSession(r *http.Request) error {
	session, err := s.lookupSession(r.Context(), r)
	if err != nil || session == nil {
		return err
	}
	ended := audit.Event{
		Kind: audit.EventSignedOut, Outcome: audit.OutcomeOK, Subject: session.Login.Subject,
		Session: session.Login.Session, Address: provider.HostOf(r.RemoteAddr),
	}
	events := []audit.Event{ended}
	device := s.rememberToken(r)
	forgets := device != nil && field(r, "forget") != ""
	if forgets {
		dropped := ended
		dropped.Kind = audit.EventBrowserForgotten
		events = append(events, dropped)
	}
	end := func(ctx context.Context) error { return s.Sessions.EndSession(ctx, session.Login.Session) }
	err = s.recordWith(r.Context(), events, func(ctx context.Context) error {
		if !forgets {
			return end(ctx)
		}
		return errors.Join(s.Browsers.ForgetBrowser(ctx, session.Login.Subject, device), end(ctx))
	})
	if errors.Is(err, store.ErrNotFound) { // it was forgotten already
		return s.recordWith(r.Context(), events[:1], end)
	}
	return err
}

func (s *Server) loggedOutPage(w http.ResponseWriter, _ *http.Request) error {
	return s.render(w, http.StatusOK, "logged-out", &plainPage{frame{Page: "logged-out", Title: "You are signed out"}})
}

// lostDevicePage is the help for whoever cannot give a code. It needs no sign-in.
func (s *Server) lostDevicePage(w http.ResponseWriter, _ *http.Request) error {
	return s.render(w, http.StatusOK, "lost-device", &plainPage{frame{Page: "lost-device", Title: "Lost your phone?"}})
}
