package signin

import (
	"net/http"

	"vestibule/web/ui"
)

type continuePage struct {
	ui.Frame
	Client string
	Name   string
}

// continuePage asks whether to go on as the browser's user, when the client may mean another.
func (s *Server) continuePage(w http.ResponseWriter, r *http.Request, fl *flow) error {
	p := &continuePage{
		Frame:  ui.Frame{Page: "continue", Title: "Choose an account", Flow: ui.Field(r, "flow"), Who: fl.state.AccountLabel},
		Client: fl.ix.ClientName, Name: fl.state.Name,
	}
	p.Say(fl.state.said())
	return s.Render(w, http.StatusOK, "continue", p)
}

func (s *Server) postContinue(w http.ResponseWriter, r *http.Request, fl *flow) error {
	fl.state.clearMessages()
	fl.state.AccountChosen = true
	return s.commitForm(w, r, fl)
}
