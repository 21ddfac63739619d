package account

import (
	"errors"
	"net/http"
	"time"

	"vestibule/mfa"
	"vestibule/web/enrol"
	"vestibule/web/ui"
)

// newCodes returns the set of recovery codes that is to replace the old one.
func (m *signedIn) newCodes() enrol.Enrolment {
	return enrol.Enrolment{
		Subject: m.account.Subject, Owner: m.owner("codes"), Label: m.account.Label(), Action: codesPath,
		Account: true, Cancel: ui.Say("codes.keep_old"), Codes: true, Proofs: m.session.Login.Sealed(),
	}
}

type codesStartPage struct {
	ui.Frame
	Left  int
	Total int
	Made  time.Time
	On    bool
}

// codesPage shows the new set while it waits to be acknowledged, else offers to make one: whoever comes back here
// must not take codes that count for nothing for the ones that were saved.
func (s *Server) codesPage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	e := m.newCodes()
	if r.Form.Has("new") {
		return s.startCodes(w, r, m, e)
	}
	_, err := s.MFA.Pending(r.Context(), e.Owner, e.Subject)
	switch {
	case err == nil:
		return s.reproveOr(w, r, m, s.Enrol.Show(w, r, e, m.said))
	case !errors.Is(err, mfa.ErrNoSetup) && !errors.Is(err, mfa.ErrSetupExpired):
		return err
	}
	status, err := s.MFA.Status(r.Context(), m.account.Subject)
	if err != nil {
		return err
	}
	p := &codesStartPage{
		Frame: ui.Frame{Page: "codes", Title: ui.Say("codes.start.title"), Account: true, Who: m.account.Label()},
		Left:  status.CodesLeft, Total: status.CodesTotal, Made: status.CodesMade, On: len(status.Authenticators) > 0,
	}
	p.Say(m.said)
	if p.State == "initial" {
		p.State = "none"
	}
	return s.Render(w, r, http.StatusOK, "codes-start", p)
}

// postCodes is all forms of the recovery codes.
func (s *Server) postCodes(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	e := m.newCodes()
	switch ui.Field(r, "action") {
	case "cancel", "save":
		return s.Enrol.Post(r, e, &setup{s, w, r, m, e})
	}
	return s.startCodes(w, r, m, e)
}

// startCodes makes a set that counts for nothing yet, and shows it.
func (s *Server) startCodes(w http.ResponseWriter, r *http.Request, m *signedIn, e enrol.Enrolment) error {
	_, err := s.Enrol.BeginCodes(r.Context(), e)
	if errors.Is(err, mfa.ErrNotEnrolled) {
		return s.Redirect(w, r, securityPath)
	}
	if err != nil {
		return s.reproveOr(w, r, m, err)
	}
	return s.Redirect(w, r, codesPath)
}

// DownloadCodes gives the codes that are being shown as a file.
func (s *Server) DownloadCodes(w http.ResponseWriter, r *http.Request) error {
	return s.requireSignedIn(s.requireReauth(func(w http.ResponseWriter, r *http.Request, m *signedIn) error {
		e := m.enrolment()
		if ui.Field(r, "of") == "codes" {
			e = m.newCodes()
		}
		return s.Enrol.SendCodes(w, r, e, m.account.Username)
	}))(w, r)
}
