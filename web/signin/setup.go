package signin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"vestibule/mfa"
	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/web/enrol"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

// enrolment returns what is set up inside a sign-in.
func (fl *flow) enrolment(flow string) enrol.Enrolment {
	e := enrol.Enrolment{
		Subject: fl.subject(), Owner: fl.owner(), Label: fl.state.AccountLabel, Action: "/login/setup", Flow: flow,
		Cancel: ui.Say("part.cancel"), Codes: fl.state.SetupRequested == setupCodes, Proofs: fl.ix.Login.Sealed(),
	}
	switch {
	case fl.state.SetupRequested != "":
	case fl.isOwn(): // the policy wants it, and there is nowhere to go back to
		e.Cancel, e.Why = ui.Say("setup.cancel.sign_out"), fl.whySetup("enrol.why.policy")
	case fl.ix.Required().Waivable():
		e.Cancel, e.Why = ui.Say("setup.cancel.later"), fl.whySetup("enrol.why.wish")
	case fl.ix.Obliged != "" && fl.ix.Obliged != fl.ix.TwoSteps.Level():
		e.Cancel, e.Why = ui.Say("setup.cancel.client", "client", fl.ix.ClientName), fl.whySetup("enrol.why.policy")
	default:
		e.Cancel, e.Why = ui.Say("setup.cancel.client", "client", fl.ix.ClientName), fl.whySetup("enrol.why.app")
	}
	return e
}

// whySetup says who wants the set-up. Whose recovery code was not enough is told another way.
func (fl *flow) whySetup(id string) *ui.Rendered {
	if fl.ix.Login.SecondFactor() {
		return nil
	}
	return new(ui.Message{ID: id, Args: ui.Values{"client": fl.ix.ClientName}}.Rendered())
}

// kindEnrolment is enrolment for the set-up of a kind.
func (s *flows) kindEnrolment(fl *flow, flow string, kind ui.Kind) enrol.Enrolment {
	e := fl.enrolment(flow)
	e.Kind, e.Action = kind, kindSetupPath(kind.Name)
	if len(s.setupKinds(fl)) > 1 {
		e.Ways = steps[stepSetup].path + "?flow=" + url.QueryEscape(flow)
	}
	return e
}

// setupPages are those on which a factor is set up inside a sign-in.
type setupPages struct{ *Server }

// start has the user choose what to set up, if there is a choice. Recovery codes are set up here as well.
func (s setupPages) start(w http.ResponseWriter, r *http.Request, fl *flow) error {
	e := fl.enrolment(ui.Field(r, "flow"))
	if e.Codes {
		return s.show(w, r, fl, e, fl.state.said())
	}
	kind, err := s.Enrol.Start(w, r, e, s.setupKinds(fl), s.setupSaid(fl))
	if err != nil || kind == "" {
		return err
	}
	return s.redirectTo(w, r, fl, kindSetupPath(kind))
}

// postStart is the forms of recovery codes, and the way back.
func (s setupPages) postStart(w http.ResponseWriter, r *http.Request, fl *flow) error {
	e := fl.enrolment("")
	if !e.Codes && ui.Field(r, "action") != "cancel" {
		return s.redirectTo(w, r, fl, s.setupPath(fl))
	}
	return s.Enrol.Post(r, e, &setup{s, w, r, fl, e})
}

// on runs a handler for the kind that the address names, when a set-up is owed and the user may set that up.
func (s setupPages) on(h factorHandler) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		names, ok := s.MFA.NamesOf(r.PathValue("kind"))
		if !ok {
			return ui.ErrNotFound
		}
		return s.Server.on(stepSetup, s.allowed(func(w http.ResponseWriter, r *http.Request, fl *flow) error {
			form := verify.FormOf(names)
			if fl.state.SetupRequested == setupCodes || !slices.Contains(s.setupKinds(fl), form.Kind) {
				return s.redirectTo(w, r, fl, s.setupPath(fl))
			}
			return h(w, r, fl, form)
		}))(w, r)
	}
}

// whyAnother names the text for whoever has given a second factor that is not enough.
func (fl *flow) whyAnother() string {
	if fl.needs() == mfa.PhishingResistant && !fl.recoveryJustGiven(fl.decidedAt) {
		return "enrol.stronger"
	}
	return "enrol.instead"
}

// needs is what an authenticator must be that reaches what is asked for.
func (fl *flow) needs() mfa.Strength {
	switch level := fl.ix.Required().Level(); {
	case level == assurance.LevelPhishingResistant:
		return mfa.PhishingResistant
	case assurance.Rank(level) >= assurance.Rank(assurance.LevelTwo):
		return mfa.Required
	}
	return mfa.Optional
}

// page lets a user whom the client obliges to have a second factor enrol inside the sign-in.
func (s setupPages) page(w http.ResponseWriter, r *http.Request, fl *flow, form verify.Form) error {
	return s.show(w, r, fl, s.kindEnrolment(fl, ui.Field(r, "flow"), form.Kind), s.setupSaid(fl))
}

// show shows the set-up. A second factor that does not allow it to begin, or not any more, is asked for anew.
func (s setupPages) show(w http.ResponseWriter, r *http.Request, fl *flow, e enrol.Enrolment, said ui.Feedback) error {
	err := s.Enrol.Show(w, r, e, said)
	if !errors.Is(err, mfa.ErrProof) {
		return err
	}
	forgetSecond(fl.ix.Login)
	return s.commitForm(w, r, fl)
}

// setupSaid says why a set-up comes after a recovery code, if the last form has left nothing to say.
func (s *flows) setupSaid(fl *flow) ui.Feedback {
	said := fl.state.said()
	if fl.state.SetupRequested == "" && len(said.Notes) == 0 && fl.ix.Login.SecondFactor() {
		said.Notes = []ui.Message{ui.Say(fl.whyAnother(), "client", fl.ix.ClientName)}
	}
	return said
}

// post is all forms of the set-up pages.
func (s setupPages) post(w http.ResponseWriter, r *http.Request, fl *flow, form verify.Form) error {
	e := s.kindEnrolment(fl, "", form.Kind)
	return s.Enrol.Post(r, e, &setup{s, w, r, fl, e})
}

// DownloadCodes gives the recovery codes that a set-up inside a sign-in has made as a file.
func (s *Server) DownloadCodes(w http.ResponseWriter, r *http.Request) error {
	return s.on(stepSetup, func(w http.ResponseWriter, r *http.Request, fl *flow) error {
		return s.Enrol.SendCodes(w, r, fl.enrolment(""), fl.state.Username)
	})(w, r)
}

// setup is a set-up inside a sign-in: an enrol.Host.
type setup struct {
	s setupPages
	w http.ResponseWriter
	r *http.Request
	*flow
	e enrol.Enrolment
}

func (h *setup) Event() audit.Event { return h.event(h.r, "", "") }

// AnsweredBefore: the version of the sign-in tells a form that is sent again.
func (h *setup) AnsweredBefore() error { return nil }

func (h *setup) Say(said ui.Feedback) error {
	h.state.clearMessages()
	h.state.Feedback = said
	return h.s.saveAndShow(h.w, h.r, h.flow, h.e.Action)
}

func (h *setup) ShowCodes() error { return h.Say(ui.Feedback{}) }

// Cancelled goes back to the client, if that was the one who wanted a second factor. One that only prefers it gets its
// answer without, and the user is not asked again in this sign-in.
func (h *setup) Cancelled() error {
	switch d := h.ix.Required(); {
	case h.state.SetupRequested != "":
		h.state.SetupRequested = ""
	case h.isOwn():
		return h.s.SignOut(h.w, h.r)
	case d.Waivable():
		h.ix.Waived = true
	case assurance.Rank(d.EssentialACR) >= assurance.Rank(assurance.LevelTwo):
		return h.s.refuse(h.w, h.r, h.flow, assurance.ErrorUnmet)
	default:
		return h.s.refuse(h.w, h.r, h.flow, "access_denied")
	}
	h.state.clearMessages()
	return h.s.commitForm(h.w, h.r, h.flow)
}

// Activate commits the factor, its proof and the session together.
func (h *setup) Activate(pending mfa.PendingView) error {
	var done *flow
	err := h.s.Enrol.Activate(h.r.Context(), h.e, h.state.EnrolmentLink, func(ctx context.Context, p mfa.Proof) error {
		done = h.clone()
		return h.s.commitSetup(ctx, h.r, done, p, pending)
	})
	if err != nil {
		return h.Stopped(err)
	}
	return h.s.redirectAfterProof(h.w, h.r, done)
}

// commitSetup writes, in the commit that activates what was set up, all that follows from it.
func (s *commits) commitSetup(ctx context.Context, r *http.Request, fl *flow, p mfa.Proof, made mfa.PendingView) error {
	if err := s.Accounts.RequireAccount(ctx, fl.subject(), fl.ix.Login.Epoch); err != nil {
		return err
	}
	if p.Method() != "" {
		if err := fl.ix.Login.Add(p); err != nil {
			return err
		}
	}
	events := verify.Activated(linked(fl.event(r, "", ""), fl.state.EnrolmentLink), p, made)
	if err := s.Journal.RecordWith(ctx, events, nil); err != nil {
		return err
	}
	fl.state.SetupRequested, fl.state.EnrolmentLink = "", nil
	if len(made.Codes) > 0 || !s.Policy.NewCodes {
		fl.state.CodesLeft, fl.state.CodesRenewed = nil, true
	}
	return s.commitProof(ctx, r, fl)
}

func (h *setup) Stopped(err error) error {
	switch {
	case errors.Is(err, mfa.ErrChanged):
		if err := h.s.MFA.Cancel(h.r.Context(), h.e.Owner); err != nil {
			return err
		}
		h.state.SetErrors("setup", ui.Message{ID: "enrol.changed"})
		return h.s.saveAndShow(h.w, h.r, h.flow, h.e.Action)
	case errors.Is(err, mfa.ErrLink):
		return h.s.linkIsUsed(h.w, h.r, h.flow)
	case errors.Is(err, mfa.ErrNoSetup), errors.Is(err, mfa.ErrSetupExpired), errors.Is(err, mfa.ErrNotConfirmed):
		return h.s.redirectAfterConflict(h.w, h.r, h.flow)
	}
	return h.s.onConflict(h.w, h.r, h.flow, err)
}

// link begins a sign-in of our own with a link. The token leaves the address at once; what travels on is its
// hash, sealed. The link is not used up before the new authenticator is on, so that a program that looks at links in
// mail does no harm.
func (s setupPages) link(w http.ResponseWriter, r *http.Request) error {
	token := ui.Field(r, "token")
	if !ui.IsToken(token) {
		return s.Enrol.ShowLink(w, r, enrol.LinkUnknown, enrol.Enrolment{})
	}
	id := ui.Digest(token)
	state, err := s.Enrol.LinkState(r.Context(), id, "")
	switch {
	case err != nil:
		return err
	case state != enrol.LinkGood:
		return s.Enrol.ShowLink(w, r, state, enrol.Enrolment{})
	}
	fl := s.ownFlow(assurance.Demand{}, "")
	fl.state.setEnrolmentLink(id)
	return s.begin(w, r, fl)
}

// allowed keeps those from the set-up who have a link that does not work, or have none and are blocked.
// A form never shows a page: it leads to the one that says why. Whoever cancels needs no leave.
func (s setupPages) allowed(h flowHandler) flowHandler {
	return func(w http.ResponseWriter, r *http.Request, fl *flow) error {
		if r.Method == http.MethodPost && ui.Field(r, "action") == "cancel" {
			fl.state.EnrolmentLink = nil // it can still be opened again
			return h(w, r, fl)
		}
		state, blocked, err := s.Enrol.Allowed(r.Context(), fl.state.EnrolmentLink, fl.subject())
		switch {
		case err != nil:
			return err
		case len(mfa.KindsOfStrength(s.MFA.Kinds, fl.needs())) == 0: // an app asks for what nobody can set up here
			return s.refuse(w, r, fl, "access_denied")
		case state == enrol.LinkUsed:
			return s.linkIsUsed(w, r, fl)
		case state == enrol.LinkGood && !blocked:
			return h(w, r, fl)
		case r.Method == http.MethodPost:
			return s.redirectTo(w, r, fl, "/login/setup")
		case blocked:
			return s.Enrol.ShowBlocked(w, r, fl.enrolment(ui.Field(r, "flow")))
		}
		return s.Enrol.ShowLink(w, r, state, fl.enrolment(ui.Field(r, "flow")))
	}
}

// linkIsUsed is for the second of two clicks, which goes where the first one went, and for whoever comes too late.
func (s setupPages) linkIsUsed(w http.ResponseWriter, r *http.Request, fl *flow) error {
	row, err := s.reload(r, fl)
	switch {
	case err != nil:
		return err
	case row.ix.Version != fl.ix.Version:
		return s.redirectAfterReload(w, r, row)
	case r.Method == http.MethodPost:
		return s.redirectTo(w, r, fl, "/login/setup")
	}
	return s.Enrol.ShowLink(w, r, enrol.LinkUsed, fl.enrolment(ui.Field(r, "flow")))
}

// linked notes in an event that a link allowed what it tells of.
func linked(e audit.Event, link []byte) audit.Event {
	if link != nil {
		e.Detail["link"] = "yes"
	}
	return e
}
