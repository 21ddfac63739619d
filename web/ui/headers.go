package ui

import (
	"net/http"
	"strings"
)

const (
	// basePolicy has no form-action: Chrome would apply it to the redirect that ends a sign-in as well, and
	// keep the browser from the client. Pages that never end at a client add it.
	closedPolicy  = "default-src 'none'; frame-ancestors 'none'"
	basePolicy    = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"
	accountPolicy = basePolicy + "; form-action 'self'"

	permissions = "publickey-credentials-get=(self), clipboard-write=(self), camera=(), microphone=(), geolocation=()"
)

// Headers adds to every answer of next, be it the mux's own, what holds for pages and protocol alike. A handler that
// knows better, such as one whose answer may be kept, sets its own.
func (p *Pages) Headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		p.commonHeaders(h)
		h.Set("Content-Security-Policy", closedPolicy)
		next.ServeHTTP(w, r)
	})
}

// commonHeaders: the referrer policy keeps the Origin header on our own forms, which no-referrer would empty.
func (p *Pages) commonHeaders(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if p.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// AllowFrames lets a page that SetHeaders was called for load frames from these origins, and from no other.
func (p *Pages) AllowFrames(h http.Header, origins []string) {
	if len(origins) > 0 {
		h.Set("Content-Security-Policy", basePolicy+"; frame-src "+strings.Join(origins, " "))
	}
}

// SetHeaders sets what every page and every redirect between pages carries. There is no
// Cross-Origin-Opener-Policy on the pages of a sign-in: any would cut a pop-up off from the client that opened it.
func (p *Pages) SetHeaders(h http.Header, path string) {
	p.commonHeaders(h)
	h.Set("Content-Security-Policy", basePolicy)
	if strings.HasPrefix(path, "/account") {
		h.Set("Content-Security-Policy", accountPolicy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	h.Set("Permissions-Policy", permissions)
	h.Set("X-Robots-Tag", "noindex")
}
