package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"vestibule/mfa"
	"vestibule/provider"
)

// enrolment returns what is set up inside a sign-in.
func (v *visit) enrolment(flow string) enrolment {
	e := enrolment{
		subject: v.subject(), owner: "sign-in:" + v.ix.ID, label: v.mem.Label, action: "/login/setup", flow: flow,
		cancel: "Cancel", codes: v.mem.Wish == wishCodes,
	}
	switch {
	case v.mem.Wish != "":
	case v.own(): // the policy wants it, and there is nowhere to go back to
		e.cancel, e.why = "Cancel and sign out", v.whySetup("enrol.why.policy")
	case v.ix.Demand.Waivable():
		e.cancel, e.why = "Not now", v.whySetup("enrol.why.wish")
	case v.ix.Demand.Policy && !v.ix.TwoSteps:
		e.cancel, e.why = "Cancel and go back to "+v.ix.ClientName, v.whySetup("enrol.why.policy")
	default:
		e.cancel, e.why = "Cancel and go back to "+v.ix.ClientName, v.whySetup("enrol.why.app")
	}
	return e
}

// whySetup says who wants the set-up. Whose recovery code was not enough is told another way.
func (v *visit) whySetup(id string) *shown {
	if v.ix.Login.SecondFactor() {
		return nil
	}
	return ptr(show(fault{ID: id, Args: values{"client": v.ix.ClientName}}))
}

// setupPage lets a user whom the client obliges to have a second factor enrol inside the sign-in.
func (s *Server) setupPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	m := v.mem
	if m.Wish == "" && len(m.Notes) == 0 && v.ix.Login.SecondFactor() {
		m.Notes = []fault{{ID: "enrol.instead", Args: values{"client": v.ix.ClientName}}}
	}
	return s.showSetup(w, r, v.enrolment(field(r, "flow")), &m)
}

// setup is all forms of the set-up pages.
func (s *Server) setup(w http.ResponseWriter, r *http.Request, v *visit) error {
	ctx, e := r.Context(), v.enrolment("")
	switch field(r, "action") {
	case "cancel":
		return s.cancelSetup(w, r, v, e)
	case "again":
		if err := s.MFA.Cancel(ctx, e.owner); err != nil {
			return err
		}
		v.mem.calm()
		return s.store(w, r, v, "/login/setup")
	case "choose":
		notes, err := s.choose(r, e)
		if err != nil {
			return err
		}
		v.mem.calm()
		v.mem.Notes, v.mem.Typing = notes, typedName(r)
		return s.store(w, r, v, "/login/setup")
	case "save":
		return s.savedInSignIn(w, r, v, e)
	}
	name := cut(field(r, "name"), 256)
	f, err := s.confirm(ctx, e, v.event(r, "", mfa.MethodTOTP), cut(strings.TrimSpace(field(r, "code")), 64), name)
	if err != nil {
		return err
	}
	v.mem.calm()
	if f != nil {
		v.mem.blame("setup", *f)
		v.mem.Typing = typedName(r)
		return s.store(w, r, v, "/login/setup")
	}
	return s.confirmedInSignIn(w, r, v, e)
}

// confirmedInSignIn shows the recovery codes; if there are none to show, the authenticator is on at once.
func (s *Server) confirmedInSignIn(w http.ResponseWriter, r *http.Request, v *visit, e enrolment) error {
	pending, err := s.MFA.Pending(r.Context(), e.owner, e.subject)
	if err != nil {
		return s.stoppedInSignIn(w, r, v, e, err)
	}
	if len(pending.Codes) == 0 {
		return s.activateInSignIn(w, r, v, e)
	}
	return s.store(w, r, v, "/login/setup")
}

// cancelSetup goes back to where the user came from: to the client, if that was the one who wanted a second factor. One
// that only prefers it gets its answer without, and the user is not asked again in this sign-in.
func (s *Server) cancelSetup(w http.ResponseWriter, r *http.Request, v *visit, e enrolment) error {
	if err := s.MFA.Cancel(r.Context(), e.owner); err != nil {
		return err
	}
	if v.mem.Wish == "" && v.own() {
		return s.logout(w, r)
	}
	switch d := &v.ix.Demand; {
	case v.mem.Wish != "":
		v.mem.Wish = ""
	case d.Waivable():
		d.Waived = true
	case d.Floor == provider.LevelTwo:
		return s.refuse(w, r, v, provider.ErrorUnmet)
	default:
		return s.refuse(w, r, v, "access_denied")
	}
	v.mem.calm()
	return s.advance(w, r, v)
}

// savedInSignIn takes the user's word that the recovery codes are saved.
func (s *Server) savedInSignIn(w http.ResponseWriter, r *http.Request, v *visit, e enrolment) error {
	if field(r, "saved") == "" {
		v.mem.blame("codes", fault{ID: "codes.ack", Field: "saved"})
		return s.store(w, r, v, "/login/setup")
	}
	return s.activateInSignIn(w, r, v, e)
}

// activateInSignIn makes the set-up count. The factor, its proof and the session are one commit.
func (s *Server) activateInSignIn(w http.ResponseWriter, r *http.Request, v *visit, e enrolment) error {
	pending, err := s.MFA.Pending(r.Context(), e.owner, e.subject)
	if err != nil {
		return s.stoppedInSignIn(w, r, v, e, err)
	}
	var done *visit
	err = s.activate(r.Context(), v, e, func(ctx context.Context, p mfa.Proof) error {
		done = v.clone()
		if err := s.Accounts.RequireAccount(ctx, v.subject(), v.ix.Login.Epoch); err != nil {
			return err
		}
		if p.Method() != "" {
			if err := done.ix.Login.Add(p); err != nil {
				return err
			}
		}
		if err := s.recordActivation(ctx, linked(done.event(r, "", ""), v.mem.Link), p, pending); err != nil {
			return err
		}
		done.mem.Wish, done.mem.Link = "", nil
		if len(pending.Codes) > 0 || !s.Policy.NewCodes {
			done.mem.Used, done.mem.Codes = nil, true
		}
		return s.settle(ctx, r, done)
	})
	if err != nil {
		return s.stoppedInSignIn(w, r, v, e, err)
	}
	return s.settled(w, r, done)
}

// stoppedInSignIn answers a set-up that cannot be finished.
func (s *Server) stoppedInSignIn(w http.ResponseWriter, r *http.Request, v *visit, e enrolment, err error) error {
	switch {
	case errors.Is(err, mfa.ErrChanged):
		if err := s.MFA.Cancel(r.Context(), e.owner); err != nil {
			return err
		}
		v.mem.blame("setup", fault{ID: "enrol.changed"})
		return s.store(w, r, v, "/login/setup")
	case errors.Is(err, mfa.ErrLink):
		return s.linkIsUsed(w, r, v)
	case errors.Is(err, mfa.ErrNoSetup), errors.Is(err, mfa.ErrSetupExpired), errors.Is(err, mfa.ErrNotConfirmed):
		return s.overtaken(w, r, v)
	}
	return s.unsettled(w, r, v, err)
}
