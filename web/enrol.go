package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/skip2/go-qrcode"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/store"
)

const (
	enrolPath    = "/account/authenticators/new"
	securityPath = "/account/security"
	codesPath    = "/account/recovery-codes"
	newCodesPath = codesPath + "?new=1"
	downloadPath = codesPath + "/download"
)

// enrolment returns the new authenticator of the account pages.
func (m *signedIn) enrolment() enrolment {
	return enrolment{
		subject: m.account.Subject, owner: m.owner("account"), label: m.account.Label(), action: enrolPath,
		account: true, cancel: "Cancel",
	}
}

// enrolPage adds an authenticator. The recovery codes have an address of their own, so that Back from the page
// after them does not begin another authenticator.
func (s *Server) enrolPage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	e := m.enrolment()
	if field(r, "step") == "codes" {
		pending, err := s.MFA.Pending(r.Context(), e.owner, e.subject)
		if errors.Is(err, mfa.ErrNoSetup) || err == nil && !pending.Confirmed {
			return s.note(w, r, securityPath, "codes.saved", nil)
		}
	}
	return s.showSetup(w, r, e, &m.state)
}

// postEnrol is all forms of the pages of a new authenticator.
func (s *Server) postEnrol(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	ctx, e := r.Context(), m.enrolment()
	switch field(r, "action") {
	case "cancel":
		if err := s.MFA.Cancel(ctx, e.owner); err != nil {
			return err
		}
		return s.note(w, r, securityPath, "enrol.cancelled", nil)
	case "again":
		if err := s.MFA.Cancel(ctx, e.owner); err != nil {
			return err
		}
		return redirect(enrolPath)(w, r)
	case "choose":
		notes, err := s.choose(r, e)
		if err != nil {
			return err
		}
		return s.flash(w, r, enrolPath, flowState{Notes: notes, FormValues: typedName(r)})
	case "save":
		return s.savedInAccount(w, r, m, e)
	}
	elsewhere, err := s.setUpElsewhere(ctx, e)
	switch {
	case err != nil:
		return err
	case elsewhere:
		if err := s.answeredBefore(r); err != nil {
			return err
		}
		return s.note(w, r, securityPath, "enrol.elsewhere", nil)
	}
	name := cut(field(r, "name"), 256)
	msg, err := s.confirm(ctx, e, m.event(r, "", totp.Method), cut(strings.TrimSpace(field(r, "code")), 64), name)
	switch {
	case err != nil:
		return err
	case msg != nil:
		if err := s.answeredBefore(r); err != nil {
			return err
		}
		state := flowState{FormValues: typedName(r)}
		state.setErrors("setup", *msg)
		return s.flash(w, r, enrolPath, state)
	}
	return s.confirmedInAccount(w, r, m, e)
}

// setUpElsewhere reports a form whose set-up was finished in another tab.
func (s *Server) setUpElsewhere(ctx context.Context, e enrolment) (bool, error) {
	_, err := s.MFA.Pending(ctx, e.owner, e.subject)
	if !errors.Is(err, mfa.ErrNoSetup) {
		return false, nil // Confirm has an answer to the rest
	}
	return s.MFA.Enrolled(ctx, e.subject)
}

// confirmedInAccount shows the recovery codes; if there are none to show, the authenticator is on at once.
func (s *Server) confirmedInAccount(w http.ResponseWriter, r *http.Request, m *signedIn, e enrolment) error {
	pending, err := s.MFA.Pending(r.Context(), e.owner, e.subject)
	if err != nil {
		return s.stopped(w, r, e, err)
	}
	if len(pending.Codes) == 0 {
		return s.activateInAccount(w, r, m, e)
	}
	return redirect(enrolPath+"?step=codes")(w, r)
}

// savedInAccount takes the user's word that the recovery codes are saved.
func (s *Server) savedInAccount(w http.ResponseWriter, r *http.Request, m *signedIn, e enrolment) error {
	if field(r, "saved") != "" {
		return s.activateInAccount(w, r, m, e)
	}
	state := flowState{}
	state.setErrors("codes", message{ID: "codes.ack", Field: "saved"})
	return s.flash(w, r, e.action, state)
}

// activateInAccount makes the set-up count and gives the browser a new cookie: a change of cookie is what makes browsers
// ask for the page of the codes again when the user goes back to it, and it is no longer there.
func (s *Server) activateInAccount(w http.ResponseWriter, r *http.Request, m *signedIn, e enrolment) error {
	pending, err := s.MFA.Pending(r.Context(), e.owner, e.subject)
	if err != nil {
		return s.stopped(w, r, e, err)
	}
	var done response
	err = s.MFA.Activate(r.Context(), e.subject, e.owner, func(ctx context.Context, p mfa.Proof) error {
		login := m.session.Login.Clone()
		if p.Method() != "" {
			if err := login.Add(p); err != nil {
				return err
			}
		}
		if err := s.recordActivation(ctx, m.event(r, "", ""), p, pending); err != nil {
			return err
		}
		done, err = s.renew(ctx, r, m, login, response{Note: ptr(setUpNote(pending))})
		return err
	})
	if err != nil {
		return s.stopped(w, r, e, err)
	}
	return s.give(w, r, done)
}

// setUpNote is what is said of a set-up that is finished.
func setUpNote(made mfa.PendingView) message {
	switch {
	case made.CodesOnly:
		return message{ID: "codes.done"}
	case made.First:
		return message{ID: "enrol.done"}
	}
	return message{ID: "enrol.added", Args: values{"name": made.Name}}
}

// stopped answers a set-up that cannot be finished.
func (s *Server) stopped(w http.ResponseWriter, r *http.Request, e enrolment, err error) error {
	if err := s.answeredBefore(r); err != nil {
		return err
	}
	switch {
	case loginIsOver(err):
		return redirect(securityPath)(w, r)
	case errors.Is(err, mfa.ErrNoSetup), errors.Is(err, store.ErrConflict): // perhaps finished by the first of two clicks
		return s.note(w, r, securityPath, "codes.saved", nil)
	case errors.Is(err, mfa.ErrSetupExpired) && e.codes:
		return s.note(w, r, securityPath, "codes.expired", nil)
	case errors.Is(err, mfa.ErrSetupExpired), errors.Is(err, mfa.ErrNotConfirmed):
		return redirect(e.action)(w, r)
	case errors.Is(err, mfa.ErrChanged):
		if err := s.MFA.Cancel(r.Context(), e.owner); err != nil {
			return err
		}
		return s.note(w, r, securityPath, "enrol.changed", nil)
	}
	return err
}

// qrPNG is the QR code as a picture, for whoever cannot show the drawing.
func (s *Server) qrPNG(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	e := m.enrolment()
	pending, err := s.MFA.Pending(r.Context(), e.owner, e.subject)
	if errors.Is(err, mfa.ErrNoSetup) || errors.Is(err, mfa.ErrSetupExpired) || err == nil && pending.Confirmed {
		return errNotFound
	}
	if err != nil {
		return err
	}
	offer, ok := pending.Offer.(totp.Offer)
	if !ok {
		return errNotFound
	}
	q, err := qrcode.New(offer.URI(e.label), qrcode.Medium)
	if err != nil {
		return fmt.Errorf("qr code: %w", err)
	}
	var b bytes.Buffer
	if err := q.Write(256, &b); err != nil {
		return fmt.Errorf("qr code: %w", err)
	}
	w.Header().Set("Content-Type", "image/png")
	w.Write(b.Bytes()) // the client may have gone away, which is nobody's fault
	return nil
}
