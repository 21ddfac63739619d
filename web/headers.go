package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

const (
	maxBody = 64 << 10

	// basePolicy has no form-action: Chrome would apply it to the redirect that ends a sign-in as well, and
	// keep the browser from the client. Pages that never end at a client add it.
	closedPolicy  = "default-src 'none'; frame-ancestors 'none'"
	basePolicy    = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"
	accountPolicy = basePolicy + "; form-action 'self'"

	permissions = "publickey-credentials-get=(self), clipboard-write=(self), camera=(), microphone=(), geolocation=()"
)

// Headers adds to every answer of next, be it the mux's own, what holds for pages and protocol alike. A handler that
// knows better, such as one whose answer may be kept, sets its own.
func (s *Server) Headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		s.commonHeaders(h)
		h.Set("Content-Security-Policy", closedPolicy)
		next.ServeHTTP(w, r)
	})
}

// commonHeaders: the referrer policy keeps the Origin header on our own forms, which no-referrer would empty.
func (s *Server) commonHeaders(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if s.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// pageHeaders sets what every page and every redirect between pages carries. There is no
// Cross-Origin-Opener-Policy on the pages of a sign-in: any would cut a pop-up off from the client that opened it.
func (s *Server) pageHeaders(h http.Header, path string) {
	s.commonHeaders(h)
	h.Set("Content-Security-Policy", basePolicy)
	if strings.HasPrefix(path, "/account") {
		h.Set("Content-Security-Policy", accountPolicy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	h.Set("Permissions-Policy", permissions)
	h.Set("X-Robots-Tag", "noindex")
}

var (
	errForm = errors.New("malformed form")
	errBig  = errors.New("form is too large")
)

// readForm parses a form, at most 64 KiB of it. A parameter that was sent twice is refused: two readers could
// take a different one for meant.
func readForm(w http.ResponseWriter, r *http.Request) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || repeats(query) {
		return errForm
	}
	if r.Method != http.MethodPost {
		r.Form, r.PostForm = query, url.Values{}
		return nil
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		var big *http.MaxBytesError
		if errors.As(err, &big) {
			return errBig
		}
		return errForm
	}
	if repeats(r.Form) { // in the address and in the body is twice as well
		return errForm
	}
	return nil
}

func repeats(form url.Values) bool {
	for _, v := range form {
		if len(v) > 1 {
			return true
		}
	}
	return false
}
