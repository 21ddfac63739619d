package signin

import (
	"net/http"

	"vestibule/provider/assurance"
	"vestibule/provider/interaction"
)

// Pass reports whether the session, nil if there is none, owes nothing: an authenticator that was set up since it began
// owes a code here too, for the decision is the one of every sign-in. fresh asks for a proof of the last minutes as well,
// that is good enough to change the factors: of the best authenticator that the user has, or a recovery code; from who has
// none the password. If something is owed, the browser was sent to a sign-in
// that ends at the page that was asked for.
func (s *Server) Pass(w http.ResponseWriter, r *http.Request, session *interaction.Session, fresh bool) (bool, error) {
	return s.pass(w, r, session, s.gateFlow(r, fresh))
}

// PassPassword is Pass that asks for a password of the last minutes, which no code stands for, and for a code as fresh.
func (s *Server) PassPassword(w http.ResponseWriter, r *http.Request, session *interaction.Session) (bool, error) {
	fl := s.gateFlow(r, true)
	fl.state.Reauth = false
	return s.pass(w, r, session, fl)
}

func (s *Server) pass(w http.ResponseWriter, r *http.Request, session *interaction.Session, fl *flow) (bool, error) {
	session, err := s.backed(r, session)
	if err != nil {
		return false, err
	}
	if session == nil {
		if err := s.Answers.Before(r); err != nil {
			return false, err
		}
		return false, s.begin(w, r, fl)
	}
	fl.ix.Login, fl.state.FromSession, fl.rememberToken = session.Login.Clone(), true, s.Remembered.Token(r)
	owed, err := s.decide(r.Context(), fl)
	if err != nil || owed == stepDone {
		return err == nil, err
	}
	if err := s.Answers.Before(r); err != nil { // the first of two clicks has changed what is owed
		return false, err
	}
	if owed == stepSetup { // what the user came for may be to set up the same
		fl.state.ReturnPath = s.OwnPage("")
	}
	fl.ix.Browser = s.Cookies.Bind(w, r)
	return false, s.saveAndRedirect(w, r, fl)
}

// Reprove forgets the second factors of the session for a sign-in that ends at the page that was asked for: one is asked
// for anew, from whoever has an authenticator.
func (s *Server) Reprove(w http.ResponseWriter, r *http.Request, session *interaction.Session) error {
	fl := s.gateFlow(r, true)
	fl.ix.Login, fl.state.FromSession = session.Login.Clone(), true
	forgetSecond(fl.ix.Login)
	fl.ix.Browser = s.Cookies.Bind(w, r)
	return s.saveAndRedirect(w, r, fl)
}

// gateFlow begins a sign-in that ends at the page that was asked for.
func (s *flows) gateFlow(r *http.Request, fresh bool) *flow {
	d := assurance.Demand{}
	if fresh {
		d.HasMaxAge, d.MaxAge = true, reauthTime
	}
	path := r.URL.Path
	switch {
	case r.Form.Has("new"):
		path += "?new=1"
	case r.URL.RawQuery != "": // OwnPage knows of which page it is a part
		path += "?" + r.URL.RawQuery
	}
	fl := s.ownFlow(d, path)
	fl.state.Reauth = fresh
	return fl
}

// ownFlow begins a sign-in that no client asked for, and that ends at the page of ours at path.
func (s *flows) ownFlow(d assurance.Demand, path string) *flow {
	return &flow{ix: s.Flows.Begin(d), state: flowState{ownState: ownState{ReturnPath: s.OwnPage(path)}}}
}

// flowHandler answers a request of a sign-in.
type flowHandler func(w http.ResponseWriter, r *http.Request, fl *flow) error
