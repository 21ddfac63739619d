package web

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"vestibule/mfa"
)

// newCodes returns the set of recovery codes that is to replace the old one.
func (m *signedIn) newCodes() enrolment {
	return enrolment{
		subject: m.account.Subject, owner: m.owner("codes"), label: m.account.Label(), action: codesPath,
		account: true, cancel: "Keep the old codes", codes: true,
	}
}

type codesStartPage struct {
	frame
	Left  int
	Total int
	Made  string
	On    bool
}

// codesPage shows the new set while it waits to be acknowledged, else offers to make one: whoever comes back here
// must not take codes that count for nothing for the ones that were saved.
func (s *Server) codesPage(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	e := m.newCodes()
	if r.Form.Has("new") {
		return s.startCodes(w, r, e)
	}
	_, err := s.MFA.Pending(r.Context(), e.owner, e.subject)
	switch {
	case err == nil:
		return s.showSetup(w, r, e, &m.state)
	case !errors.Is(err, mfa.ErrNoSetup) && !errors.Is(err, mfa.ErrSetupExpired):
		return err
	}
	status, err := s.MFA.Status(r.Context(), m.account.Subject)
	if err != nil {
		return err
	}
	p := &codesStartPage{
		frame: frame{Page: "codes", Title: "Recovery codes", Account: true, Who: m.account.Label()},
		Left:  status.CodesLeft, Total: status.CodesTotal, Made: day(status.CodesMade), On: len(status.Authenticators) > 0,
	}
	p.setMessages(&m.state)
	if p.State == "initial" {
		p.State = "none"
	}
	return s.render(w, http.StatusOK, "codes-start", p)
}

// postCodes is all forms of the recovery codes.
func (s *Server) postCodes(w http.ResponseWriter, r *http.Request, m *signedIn) error {
	ctx, e := r.Context(), m.newCodes()
	switch field(r, "action") {
	case "cancel":
		if err := s.MFA.Cancel(ctx, e.owner); err != nil {
			return err
		}
		return s.note(w, r, securityPath, "enrol.cancelled", nil)
	case "save":
		return s.savedInAccount(w, r, m, e)
	}
	return s.startCodes(w, r, e)
}

// startCodes makes a set that counts for nothing yet, and shows it.
func (s *Server) startCodes(w http.ResponseWriter, r *http.Request, e enrolment) error {
	_, err := s.MFA.BeginCodes(r.Context(), e.subject, e.owner)
	if errors.Is(err, mfa.ErrNotEnrolled) {
		return redirect(securityPath)(w, r)
	}
	if err != nil {
		return err
	}
	return redirect(codesPath)(w, r)
}

// download gives the codes that are being shown as a file.
func (s *Server) download(w http.ResponseWriter, r *http.Request) error {
	if field(r, "flow") != "" {
		return s.on(stepSetup, func(w http.ResponseWriter, r *http.Request, fl *flow) error {
			return s.sendCodes(w, r, fl.enrolment(""), fl.state.Username)
		})(w, r)
	}
	return s.requireSignedIn(s.requireReauth(func(w http.ResponseWriter, r *http.Request, m *signedIn) error {
		e := m.enrolment()
		if field(r, "of") == "codes" {
			e = m.newCodes()
		}
		return s.sendCodes(w, r, e, m.account.Username)
	}))(w, r)
}

func (s *Server) sendCodes(w http.ResponseWriter, r *http.Request, e enrolment, username string) error {
	pending, err := s.MFA.Pending(r.Context(), e.owner, e.subject)
	if errors.Is(err, mfa.ErrNoSetup) || errors.Is(err, mfa.ErrSetupExpired) || err == nil && len(pending.Codes) == 0 {
		return errNotFound
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-recovery-codes-%s.txt"`, slug(s.Name), slug(username)))
	fmt.Fprintf(w, "%s recovery codes\n\nAccount: %s\nAddress: %s\nCreated: %s\n\n%s\n\nEach code works once. Keep this file safe.\n",
		s.Name, e.label, s.Provider.Issuer(), day(pending.Created), strings.Join(pending.Codes, "\n"))
	return nil
}

// slug makes a part of a file name.
func slug(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, name)
	return strings.Trim(name, "-")
}
