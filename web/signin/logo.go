package signin

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"vestibule/provider/client"
	"vestibule/provider/logo"
	"vestibule/provider/store"
	"vestibule/web/ui"
)

// Apps are the relying parties with what they say of themselves. The browser gets a logo from here and not from an address of the
// app's: nobody there learns who is about to allow what, and when.
type Apps interface {
	Clients
	// Logo returns the picture that the client has registered. An error says why there is none to be had.
	Logo(ctx context.Context, c client.Client) (logo.Image, error)
}

// LogoPath is where the logo of a client is, below the Prefix; empty: the client has none, or nobody here shows it.
func (s *Server) LogoPath(c client.Client) string {
	if c.LogoURI == "" || s.Apps == nil {
		return ""
	}
	return "/consent/logo?client=" + url.QueryEscape(c.ID)
}

// logo serves the logo of a client. Somebody may open its address: what is there must do nothing of its own.
func (s *Server) logo(w http.ResponseWriter, r *http.Request) error {
	if s.Apps == nil {
		return ui.ErrNotFound
	}
	c, err := s.Apps.Client(r.Context(), r.URL.Query().Get("client"))
	if err == nil && c.LogoURI == "" {
		err = store.ErrNotFound
	}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return ui.ErrNotFound
	case err != nil:
		return err
	}
	image, err := s.Apps.Logo(r.Context(), c)
	if err != nil { // the log has why
		return ui.ErrNotFound
	}
	h := w.Header()
	h.Set("Content-Type", image.Type)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "private, max-age=3600")
	w.Write(image.Data) // the browser may have gone
	return nil
}
