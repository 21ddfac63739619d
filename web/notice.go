package web

import (
	"net/http"
)

type noticePage struct {
	frame
	Client string
	From   string
}

// noticePage says from when on the user needs a second factor. It is shown once in each sign-in with the password.
func (s *Server) noticePage(w http.ResponseWriter, r *http.Request, fl *flow) error {
	p := &noticePage{
		frame:  frame{Page: "notice", Title: "You will need two-step verification", Flow: field(r, "flow"), Who: fl.state.AccountLabel},
		Client: fl.ix.ClientName, From: from(s.Policy.From),
	}
	p.setMessages(&fl.state)
	return s.render(w, http.StatusOK, "notice", p)
}

// postNotice goes on, or first to the set-up.
func (s *Server) postNotice(w http.ResponseWriter, r *http.Request, fl *flow) error {
	fl.state.clearMessages()
	fl.state.NoticeSeen = true
	if field(r, "action") == "setup" {
		fl.state.SetupRequested = setupAuthenticator
	}
	return s.commitForm(w, r, fl)
}
