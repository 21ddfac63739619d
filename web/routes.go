package web

import (
	"net/http"

	"vestibule/web/ui"
)

// Register adds the pages to mux.
func (s *Server) Register(mux *http.ServeMux) { s.Pages.Register(mux, s.routes()...) }

func (s *Server) routes() []ui.Route {
	routes := append(s.signIn.Routes(), s.account.Routes()...)
	return append(routes, ui.Post("/account/recovery-codes/download", s.downloadCodes))
}

// downloadCodes gives recovery codes as a file, of the sign-in that the form names or else of the account.
func (s *Server) downloadCodes(w http.ResponseWriter, r *http.Request) error {
	if ui.Field(r, "flow") != "" {
		return s.signIn.DownloadCodes(w, r)
	}
	return s.account.DownloadCodes(w, r)
}
