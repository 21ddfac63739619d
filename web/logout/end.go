package logout

import (
	"context"
	"errors"
	"net/http"

	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/provider/logout"
	"vestibule/provider/spelling"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

// SignOut ends the session of the browser, and what waits in other tabs, if it is the subject's.
func (s *Server) SignOut(w http.ResponseWriter, r *http.Request, subject string) error {
	session, err := s.Sessions.Lookup(r.Context(), r)
	if err != nil || session == nil || session.Login.Subject != subject {
		return err
	}
	_, err = s.signOut(w, r, session, "")
	return err
}

// SignOutAndLeave ends the session of the browser, and leads to the page that says so, or to the host's own sign-out.
func (s *Server) SignOutAndLeave(w http.ResponseWriter, r *http.Request) error {
	if s.Host == nil {
		return s.end(w, r, &logout.Request{})
	}
	session, err := s.Sessions.Lookup(r.Context(), r)
	if err != nil {
		return err
	}
	if _, err := s.signOut(w, r, session, ""); err != nil {
		return err
	}
	return s.logoutAtHost(w, r)
}

// signOut ends the browser's session, nil if it has none, for the app that has asked for it if one has. The other cookie goes
// too, and with it every sign-in that waits in another tab. It returns whom the browser is to tell.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request, session *interaction.Session, client string) (logout.Leaving, error) {
	leaving, err := s.listeners(r.Context(), session)
	if err != nil {
		return leaving, err
	}
	if session != nil {
		if err := s.endSession(r, session, client); err != nil {
			return leaving, err
		}
	}
	s.Cookies.DropSession(w)
	s.Cookies.DropBindings(w)
	w.Header().Set("Clear-Site-Data", `"cache"`)
	return leaving, nil
}

// endSession ends the browser's session and records that, once. That the browser is remembered ends only if the user
// says so.
func (s *Server) endSession(r *http.Request, session *interaction.Session, client string) error {
	ended := audit.Event{
		Kind: audit.EventSignedOut, Outcome: audit.OutcomeOK, Subject: session.Login.Subject, Client: client,
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
	err := s.Journal.RecordWith(r.Context(), events, func(ctx context.Context) error {
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
