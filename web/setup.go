package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider"
)

// enrolment returns what is set up inside a sign-in.
func (fl *flow) enrolment(flow string) enrolment {
	e := enrolment{
		subject: fl.subject(), owner: "sign-in:" + fl.ix.ID, label: fl.state.AccountLabel, action: "/login/setup", flow: flow,
		cancel: "Cancel", codes: fl.state.SetupRequested == setupCodes,
	}
	switch {
	case fl.state.SetupRequested != "":
	case fl.isOwn(): // the policy wants it, and there is nowhere to go back to
		e.cancel, e.why = "Cancel and sign out", fl.whySetup("enrol.why.policy")
	case fl.ix.Demand.Waivable():
		e.cancel, e.why = "Not now", fl.whySetup("enrol.why.wish")
	case fl.ix.Demand.Policy && !fl.ix.TwoSteps:
		e.cancel, e.why = "Cancel and go back to "+fl.ix.ClientName, fl.whySetup("enrol.why.policy")
	default:
		e.cancel, e.why = "Cancel and go back to "+fl.ix.ClientName, fl.whySetup("enrol.why.app")
	}
	return e
}

// whySetup says who wants the set-up. Whose recovery code was not enough is told another way.
func (fl *flow) whySetup(id string) *rendered {
	if fl.ix.Login.SecondFactor() {
		return nil
	}
	return ptr(renderMessage(message{ID: id, Args: values{"client": fl.ix.ClientName}}))
}

// setupPage lets a user whom the client obliges to have a second factor enrol inside the sign-in.
func (s *Server) setupPage(w http.ResponseWriter, r *http.Request, fl *flow) error {
	m := fl.state
	if m.SetupRequested == "" && len(m.Notes) == 0 && fl.ix.Login.SecondFactor() {
		m.Notes = []message{{ID: "enrol.instead", Args: values{"client": fl.ix.ClientName}}}
	}
	return s.showSetup(w, r, fl.enrolment(field(r, "flow")), &m)
}

// postSetup is all forms of the set-up pages.
func (s *Server) postSetup(w http.ResponseWriter, r *http.Request, fl *flow) error {
	ctx, e := r.Context(), fl.enrolment("")
	switch field(r, "action") {
	case "cancel":
		return s.cancelSetup(w, r, fl, e)
	case "again":
		if err := s.MFA.Cancel(ctx, e.owner); err != nil {
			return err
		}
		fl.state.clearMessages()
		return s.saveAndShow(w, r, fl, "/login/setup")
	case "choose":
		notes, err := s.choose(r, e)
		if err != nil {
			return err
		}
		fl.state.clearMessages()
		fl.state.Notes, fl.state.FormValues = notes, typedName(r)
		return s.saveAndShow(w, r, fl, "/login/setup")
	case "save":
		return s.savedInSignIn(w, r, fl, e)
	}
	name := cut(field(r, "name"), 256)
	msg, err := s.confirm(ctx, e, fl.event(r, "", totp.Method), cut(strings.TrimSpace(field(r, "code")), 64), name)
	if err != nil {
		return err
	}
	fl.state.clearMessages()
	if msg != nil {
		fl.state.setErrors("setup", *msg)
		fl.state.FormValues = typedName(r)
		return s.saveAndShow(w, r, fl, "/login/setup")
	}
	return s.confirmedInSignIn(w, r, fl, e)
}

// confirmedInSignIn shows the recovery codes; if there are none to show, the authenticator is on at once.
func (s *Server) confirmedInSignIn(w http.ResponseWriter, r *http.Request, fl *flow, e enrolment) error {
	pending, err := s.MFA.Pending(r.Context(), e.owner, e.subject)
	if err != nil {
		return s.stoppedInSignIn(w, r, fl, e, err)
	}
	if len(pending.Codes) == 0 {
		return s.activateInSignIn(w, r, fl, e)
	}
	return s.saveAndShow(w, r, fl, "/login/setup")
}

// cancelSetup goes back to where the user came from: to the client, if that was the one who wanted a second factor. One
// that only prefers it gets its answer without, and the user is not asked again in this sign-in.
func (s *Server) cancelSetup(w http.ResponseWriter, r *http.Request, fl *flow, e enrolment) error {
	if err := s.MFA.Cancel(r.Context(), e.owner); err != nil {
		return err
	}
	if fl.state.SetupRequested == "" && fl.isOwn() {
		return s.postLogout(w, r)
	}
	switch d := &fl.ix.Demand; {
	case fl.state.SetupRequested != "":
		fl.state.SetupRequested = ""
	case d.Waivable():
		d.Waived = true
	case d.EssentialACR == provider.LevelTwo:
		return s.refuse(w, r, fl, provider.ErrorUnmet)
	default:
		return s.refuse(w, r, fl, "access_denied")
	}
	fl.state.clearMessages()
	return s.commitForm(w, r, fl)
}

// savedInSignIn takes the user's word that the recovery codes are saved.
func (s *Server) savedInSignIn(w http.ResponseWriter, r *http.Request, fl *flow, e enrolment) error {
	if field(r, "saved") == "" {
		fl.state.setErrors("codes", message{ID: "codes.ack", Field: "saved"})
		return s.saveAndShow(w, r, fl, "/login/setup")
	}
	return s.activateInSignIn(w, r, fl, e)
}

// activateInSignIn makes the set-up count. The factor, its proof and the session are one commit.
func (s *Server) activateInSignIn(w http.ResponseWriter, r *http.Request, fl *flow, e enrolment) error {
	pending, err := s.MFA.Pending(r.Context(), e.owner, e.subject)
	if err != nil {
		return s.stoppedInSignIn(w, r, fl, e, err)
	}
	var done *flow
	err = s.activate(r.Context(), fl, e, func(ctx context.Context, p mfa.Proof) error {
		done = fl.clone()
		if err := s.Accounts.RequireAccount(ctx, fl.subject(), fl.ix.Login.Epoch); err != nil {
			return err
		}
		if p.Method() != "" {
			if err := done.ix.Login.Add(p); err != nil {
				return err
			}
		}
		if err := s.recordActivation(ctx, linked(done.event(r, "", ""), fl.state.EnrolmentLink), p, pending); err != nil {
			return err
		}
		done.state.SetupRequested, done.state.EnrolmentLink = "", nil
		if len(pending.Codes) > 0 || !s.Policy.NewCodes {
			done.state.CodesLeft, done.state.CodesRenewed = nil, true
		}
		return s.commitProof(ctx, r, done)
	})
	if err != nil {
		return s.stoppedInSignIn(w, r, fl, e, err)
	}
	return s.redirectAfterProof(w, r, done)
}

// stoppedInSignIn answers a set-up that cannot be finished.
func (s *Server) stoppedInSignIn(w http.ResponseWriter, r *http.Request, fl *flow, e enrolment, err error) error {
	switch {
	case errors.Is(err, mfa.ErrChanged):
		if err := s.MFA.Cancel(r.Context(), e.owner); err != nil {
			return err
		}
		fl.state.setErrors("setup", message{ID: "enrol.changed"})
		return s.saveAndShow(w, r, fl, "/login/setup")
	case errors.Is(err, mfa.ErrLink):
		return s.linkIsUsed(w, r, fl)
	case errors.Is(err, mfa.ErrNoSetup), errors.Is(err, mfa.ErrSetupExpired), errors.Is(err, mfa.ErrNotConfirmed):
		return s.redirectAfterConflict(w, r, fl)
	}
	return s.onConflict(w, r, fl, err)
}
