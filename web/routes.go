package web

import (
	"net/http"
	"slices"

	"vestibule/provider/device"
	"vestibule/web/ui"
	"vestibule/web/usercode"
)

// Register adds the pages to mux, and the given ones of whoever sign-ins come from. It claims nothing but their addresses,
// and all below the Prefix if there is one.
func (s *Server) Register(mux ui.Mux, more ...ui.Route) {
	routes := append(s.routes(), more...)
	if s.Prefix != "" {
		routes = append(routes, ui.Get("/{$}", s.RedirectTo("/account")))
	}
	s.Pages.Register(mux, routes...)
}

// Rest answers at all other addresses, for a program that has nothing else there: the root leads to the account, and
// anywhere else is no page.
func (s *Server) Rest() http.Handler {
	none := s.NotFound()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" && s.Prefix == "" && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
			s.Redirect(w, r, "/account") // has no errors
			return
		}
		none.ServeHTTP(w, r)
	})
}

func (s *Server) routes() []ui.Route {
	routes := slices.Concat(s.signIn.Routes(), s.signOut.Routes(), s.account.Routes(), s.deviceRoutes())
	return append(routes, ui.Post("/account/recovery-codes/download", s.downloadCodes))
}

// deviceRoutes are the pages of devices. No devices: none.
func (s *Server) deviceRoutes() []ui.Route {
	if s.devices == nil {
		return nil
	}
	codes := &usercode.Page{Pages: s, Guesses: s.userCodes, Path: device.Path, Take: s.takeUserCode}
	return []ui.Route{
		ui.Get("/device", codes.Show),
		ui.Post("/device", codes.Post),
		ui.Get("/device/done", usercode.Done(s)),
		ui.Get("/device/again", s.deviceOver),
	}
}

// downloadCodes gives recovery codes as a file, of the sign-in that the form names or else of the account.
func (s *Server) downloadCodes(w http.ResponseWriter, r *http.Request) error {
	if ui.Field(r, "flow") != "" {
		return s.signIn.DownloadCodes(w, r)
	}
	return s.account.DownloadCodes(w, r)
}
