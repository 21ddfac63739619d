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
func (s *Server) noticePage(w http.ResponseWriter, r *http.Request, v *visit) error {
	p := &noticePage{
		frame:  frame{Page: "notice", Title: "You will need two-step verification", Flow: field(r, "flow"), Who: v.mem.Label},
		Client: v.ix.ClientName, From: from(s.Policy.From),
	}
	p.say(&v.mem)
	return s.render(w, http.StatusOK, "notice", p)
}

// noticed goes on, or first to the set-up.
func (s *Server) noticed(w http.ResponseWriter, r *http.Request, v *visit) error {
	v.mem.calm()
	v.mem.Noticed = true
	if field(r, "action") == "setup" {
		v.mem.Wish = wishAuthenticator
	}
	return s.advance(w, r, v)
}
