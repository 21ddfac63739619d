package enrol

import (
	"bytes"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/skip2/go-qrcode"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/web/ui"
)

// qrSVG draws the QR code of uri. It brings its own white ground and quiet zone: on a dark page no phone could
// read it otherwise. The label is text that is escaped.
func qrSVG(uri string, label template.HTML) (template.HTML, error) {
	q, err := qrcode.New(uri, qrcode.Medium)
	if err != nil {
		return "", fmt.Errorf("qr code: %w", err)
	}
	rows := q.Bitmap() // square, true is dark, with a quiet zone of 4
	n := len(rows)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="qr" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="%s" viewBox="0 0 %d %d" shape-rendering="crispEdges"><rect width="%d" height="%d" fill="#fff"/><path fill="#000" d="`,
		label, n, n, n, n)
	for y, row := range rows {
		for x := 0; x < n; x++ {
			start := x
			for x < n && row[x] {
				x++
			}
			if x > start {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", start, y, x-start, x-start)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return template.HTML(b.String()), nil
}

// ShowPNG is the QR code as a picture, for whoever cannot show the drawing.
func (s *Server) ShowPNG(w http.ResponseWriter, r *http.Request, e Enrolment) error {
	pending, err := s.MFA.Pending(r.Context(), e.Owner, e.Subject)
	if errors.Is(err, mfa.ErrNoSetup) || errors.Is(err, mfa.ErrSetupExpired) || err == nil && pending.Confirmed {
		return ui.ErrNotFound
	}
	if err != nil {
		return err
	}
	offer, ok := pending.Offer.(totp.Offer)
	if !ok {
		return ui.ErrNotFound
	}
	q, err := qrcode.New(offer.URI(e.Label), qrcode.Medium)
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
