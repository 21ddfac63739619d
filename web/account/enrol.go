package account

import (
	"context"
	"errors"
	"net/http"

	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/web/browser"
	"vestibule/web/enrol"
	"vestibule/web/ui"
	"vestibule/web/verify"
)

// enrolment returns the new authenticator of the account pages.
func (m *signedIn) enrolment() enrol.Enrolment {
	return enrol.Enrolment{
		Subject: m.account.Subject, Owner: m.owner("account"), Label: m.account.Label(), Action: enrolPath,
		Account: true, Cancel: ui.Say("part.cancel"), Proofs: m.session.Login.Sealed(),
	}
}

// kindEnrolment is enrolment for the set-up of a kind.
func (s *Server) kindEnrolment(m *signedIn, kind ui.Kind) enrol.Enrolment {
	e := m.enrolment()
	e.Kind, e.Action = kind, kindEnrolPath(kind.Name)
	if len(s.kinds()) > 1 {
		e.Ways = enrolPath
	}
	return e
}

// enrolStart has the user choose what to set up, if there is a choice.
func (s *Server) enrolStart(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	kind, err := s.Enrol.Start(w, r, m.enrolment(), s.kinds(), m.said)
	if err != nil || kind == "" {
		return err
	}
	return s.Redirect(w, r, kindEnrolPath(kind))
}

// onKind runs a handler for the kind that the address names. One that nobody knows has no page.
func (s *Server) onKind(h func(w http.ResponseWriter, r *http.Request, m *signedIn, kind ui.Kind) error) ui.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		names, ok := s.MFA.NamesOf(r.PathValue("kind"))
		if !ok {
			return ui.ErrNotFound
		}
		return s.requireSignedIn(s.requireReauth(s.requireEnrolmentAllowed(func(w http.ResponseWriter, r *http.Request, m *signedIn) error {
			return h(w, r, m, verify.KindOf(names))
		})))(w, r)
	}
}

// enrolPage adds an authenticator. The recovery codes have an address of their own, so that Back from the page
// after them does not begin another authenticator.
func (s *Server) enrolPage(w http.ResponseWriter, r *http.Request, m *signedIn, kind ui.Kind) error {
	e := s.kindEnrolment(m, kind)
	if ui.Field(r, "step") == "codes" {
		pending, err := s.MFA.Pending(r.Context(), e.Owner, e.Subject)
		if errors.Is(err, mfa.ErrNoSetup) || err == nil && !pending.Confirmed {
			return s.Answers.Note(w, r, securityPath, "codes.saved", nil)
		}
	}
	return s.reproveOr(w, r, m, s.Enrol.Show(w, r, e, m.said))
}

// postEnrol is all forms of the pages of a new authenticator.
func (s *Server) postEnrol(w http.ResponseWriter, r *http.Request, m *signedIn, kind ui.Kind) error {
	e := s.kindEnrolment(m, kind)
	if enrol.IsCode(r) {
		elsewhere, err := s.setUpElsewhere(r.Context(), e)
		switch {
		case err != nil:
			return err
		case elsewhere:
			return s.Answers.NoteUnlessBefore(w, r, securityPath, "enrol.elsewhere", nil)
		}
	}
	return s.Enrol.Post(r, e, &setup{s, w, r, m, e})
}

// setUpElsewhere reports a form whose set-up was finished in another tab.
func (s *Server) setUpElsewhere(ctx context.Context, e enrol.Enrolment) (bool, error) {
	_, err := s.MFA.Pending(ctx, e.Owner, e.Subject)
	if !errors.Is(err, mfa.ErrNoSetup) {
		return false, nil // Confirm has an answer to the rest
	}
	return s.MFA.Enrolled(ctx, e.Subject)
}

// setUpNote is what is said of a set-up that is finished.
func setUpNote(made mfa.PendingView) ui.Message {
	switch {
	case made.CodesOnly:
		return ui.Message{ID: "codes.done"}
	case made.First:
		return ui.Message{ID: "enrol.done"}
	}
	return ui.Message{ID: "enrol.added", Args: ui.Values{"name": made.Name}}
}

// qrPNG is the QR code as a picture, for whoever cannot show the drawing.
func (s *Server) qrPNG(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	return s.Enrol.ShowPNG(w, r, m.enrolment())
}

// setup is a set-up on the account pages: an enrol.Host.
type setup struct {
	s *Server
	w http.ResponseWriter
	r *http.Request
	m *signedIn
	e enrol.Enrolment
}

func (h *setup) Event() audit.Event { return h.m.event(h.r, "", "") }

func (h *setup) AnsweredBefore() error { return h.s.Answers.Before(h.r) }

func (h *setup) Say(said ui.Feedback) error {
	if said.IsEmpty() {
		return h.s.Redirect(h.w, h.r, h.e.Action)
	}
	return h.s.Answers.Flash(h.w, h.r, h.e.Action, said)
}

// ShowCodes: the recovery codes have an address of their own, see enrolPage.
func (h *setup) ShowCodes() error { return h.s.Redirect(h.w, h.r, h.e.Action+"?step=codes") }

func (h *setup) Cancelled() error {
	return h.s.Answers.Note(h.w, h.r, securityPath, "enrol.cancelled", nil)
}

// Activate makes the set-up count and gives the browser a new cookie: a change of cookie is what makes browsers
// ask for the page of the codes again when the user goes back to it, and it is no longer there.
func (h *setup) Activate(pending mfa.PendingView) error {
	var done browser.Response
	err := h.s.MFA.Activate(h.r.Context(), h.e.Subject, h.e.Owner, func(ctx context.Context, p mfa.Proof) (err error) {
		login := h.m.session.Login.Clone()
		if p.Method() != "" {
			if err := login.Add(p); err != nil {
				return err
			}
		}
		if err := h.s.Journal.RecordWith(ctx, verify.Activated(h.Event(), p, pending), nil); err != nil {
			return err
		}
		done, err = h.s.renew(ctx, h.r, h.m, login, browser.Response{Note: new(setUpNote(pending))})
		return err
	})
	if err != nil {
		return h.Stopped(err)
	}
	return h.s.Answers.Respond(h.w, h.r, done)
}

func (h *setup) Stopped(err error) error {
	s, w, r := h.s, h.w, h.r
	if err := s.Answers.Before(r); err != nil {
		return err
	}
	switch {
	case browser.LoginIsOver(err):
		return s.Redirect(w, r, securityPath)
	case errors.Is(err, mfa.ErrNoSetup), errors.Is(err, store.ErrConflict): // perhaps finished by the first of two clicks
		return s.Answers.Note(w, r, securityPath, "codes.saved", nil)
	case errors.Is(err, mfa.ErrSetupExpired) && h.e.Codes:
		return s.Answers.Note(w, r, securityPath, "codes.expired", nil)
	case errors.Is(err, mfa.ErrSetupExpired), errors.Is(err, mfa.ErrNotConfirmed):
		return s.Redirect(w, r, h.e.Action)
	case errors.Is(err, mfa.ErrChanged):
		if err := s.MFA.Cancel(r.Context(), h.e.Owner); err != nil {
			return err
		}
		return s.Answers.Note(w, r, securityPath, "enrol.changed", nil)
	}
	return err
}
