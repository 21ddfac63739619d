package logout

import (
	"net/http"

	"vestibule/web/ui"
)

// Routes are the pages of a sign-out.
func (s *Server) Routes() []ui.Route {
	if s.Host != nil {
		return []ui.Route{
			ui.Get("/logout", s.logoutAtHost),
			ui.Get("/logged-out", s.loggedOutPage),
		}
	}
	return []ui.Route{
		ui.Get("/logout", s.getLogout),
		ui.Post("/logout", s.postLogout),
		ui.Get("/logged-out", s.loggedOutPage),
	}
}

// logoutAtHost leads to the host's own sign-out: without a session there none here counts.
func (s *Server) logoutAtHost(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, s.Host.LogOut(), http.StatusSeeOther)
	return nil
}
