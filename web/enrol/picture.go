package enrol

import (
	"errors"
	"net/http"

	"vestibule/mfa"
	"vestibule/web/ui"
)

// ShowPNG is the QR code as a picture, for whoever cannot show the drawing. A kind whose offer is no address for another
// device has none.
func (s *Server) ShowPNG(w http.ResponseWriter, r *http.Request, e Enrolment) error {
	pending, err := s.MFA.Pending(r.Context(), e.Owner, e.Subject)
	if errors.Is(err, mfa.ErrNoSetup) || errors.Is(err, mfa.ErrSetupExpired) || err == nil && pending.Confirmed {
		return ui.ErrNotFound
	}
	if err != nil {
		return err
	}
	offer, ok := pending.Offer.(interface{ URI(account string) string })
	if !ok {
		return ui.ErrNotFound
	}
	png, err := ui.QRPNG(offer.URI(e.Label))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/png")
	w.Write(png) // the client may have gone away, which is nobody's fault
	return nil
}
