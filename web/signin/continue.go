package signin

import (
	"net/http"
	"time"

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
		Frame:  ui.Frame{Page: "continue", Title: ui.Say("continue.title"), Flow: ui.Field(r, "flow"), Who: fl.state.AccountLabel},
		Client: fl.ix.ClientName, Name: fl.state.Name,
	}
	p.Say(fl.state.said())
	return s.Render(w, r, http.StatusOK, "continue", p)
}

func (s *Server) postContinue(w http.ResponseWriter, r *http.Request, fl *flow) error {
	fl.state.clearMessages()
	fl.state.AccountChosen = true
	return s.commitForm(w, r, fl)
}

type noticePage struct {
	ui.Frame
	Client string
	From   time.Time
}

// noticePage says from when on the user needs a second factor. It is shown once in each sign-in with the password.
func (s *Server) noticePage(w http.ResponseWriter, r *http.Request, fl *flow) error {
	p := &noticePage{
		Frame:  ui.Frame{Page: "notice", Title: ui.Say("notice.title"), Flow: ui.Field(r, "flow"), Who: fl.state.AccountLabel},
		Client: fl.ix.ClientName, From: s.Policy.From,
	}
	p.Say(fl.state.said())
	return s.Render(w, r, http.StatusOK, "notice", p)
}

// postNotice goes on, or first to the set-up.
func (s *Server) postNotice(w http.ResponseWriter, r *http.Request, fl *flow) error {
	fl.state.clearMessages()
	fl.state.NoticeSeen = true
	if ui.Field(r, "action") == "setup" {
		fl.state.SetupRequested = setupAuthenticator
	}
	return s.commitForm(w, r, fl)
}
