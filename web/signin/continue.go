package signin

import (
	"net/http"

	"vestibule/mfa"
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
		Frame:  fl.frame("continue", ui.Say("continue.title")),
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
	Coming []mfa.Duty
}

// noticePage says from when on the user needs a second factor, or a better one. It is shown once in each sign-in with the
// password.
func (s *Server) noticePage(w http.ResponseWriter, r *http.Request, fl *flow) error {
	p := &noticePage{
		Frame:  fl.frame("notice", ui.Say("notice.title")),
		Client: fl.ix.ClientName, Coming: fl.coming,
	}
	p.Say(fl.state.said())
	if fl.coming[0].Must == mfa.PhishingResistant {
		p.Title, p.State = ui.Say("notice.title.resistant"), "resistant"
	}
	return s.Render(w, r, http.StatusOK, "notice", p)
}

// postNotice goes on, or first to the set-up of what is needed next.
func (s *Server) postNotice(w http.ResponseWriter, r *http.Request, fl *flow) error {
	fl.state.clearMessages()
	fl.state.NoticeSeen = true
	if ui.Field(r, "action") == "setup" {
		fl.state.SetupRequested = setupAuthenticator
		if fl.coming[0].Must == mfa.PhishingResistant {
			fl.state.SetupRequested = setupResistant
		}
	}
	return s.commitForm(w, r, fl)
}
