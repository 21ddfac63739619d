package web

import "net/http"

type continuePage struct {
	frame
	Client string
	Name   string
}

// continuePage asks whether to go on as the browser's user, when the client may mean another.
func (s *Server) continuePage(w http.ResponseWriter, r *http.Request, v *visit) error {
	p := &continuePage{
		frame:  frame{Page: "continue", Title: "Choose an account", Flow: field(r, "flow"), Who: v.mem.Label},
		Client: v.ix.ClientName, Name: v.mem.Name,
	}
	p.say(&v.mem)
	return s.render(w, http.StatusOK, "continue", p)
}

func (s *Server) goOn(w http.ResponseWriter, r *http.Request, v *visit) error {
	v.mem.calm()
	v.mem.Chosen = true
	return s.advance(w, r, v)
}
