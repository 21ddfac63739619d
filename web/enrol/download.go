package enrol

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"vestibule/mfa"
	"vestibule/web/catalogue"
	"vestibule/web/ui"
)

// SendCodes gives the codes that are being shown as a file.
func (s *Server) SendCodes(w http.ResponseWriter, r *http.Request, e Enrolment, username string) error {
	pending, err := s.MFA.Pending(r.Context(), e.Owner, e.Subject)
	if errors.Is(err, mfa.ErrNoSetup) || errors.Is(err, mfa.ErrSetupExpired) || err == nil && len(pending.Codes) == 0 {
		return ui.ErrNotFound
	}
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="%s-recovery-codes-%s.txt"`, slug(s.Name), slug(username)))
	l := s.Speak(w, r)
	io.WriteString(w, l.Text("codes.file", catalogue.Values{ // the client may have gone away, which is nobody's fault
		"product": s.Name, "account": e.Label, "address": s.Issuer, "date": l.Day(pending.Created), "codes": strings.Join(pending.Codes, "\n"),
	}))
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
