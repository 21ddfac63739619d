package ui

import (
	"maps"
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
		maps.Copy(w.Header(), p.headers.all)
		next.ServeHTTP(w, r)
	})
}

// headers are those that answers of a kind have. All answers share the values, which nobody changes.
type headers struct{ all, page, account http.Header }

// newHeaders returns those of pages that are served over https or not. The referrer policy keeps the Origin header on our own
// forms, which no-referrer would empty.
func newHeaders(secure bool) headers {
	all := http.Header{
		"X-Content-Type-Options":  {"nosniff"},
		"X-Frame-Options":         {"DENY"}, // for browsers that do not know frame-ancestors
		"Referrer-Policy":         {"same-origin"},
		"Cache-Control":           {"no-store"},
		"Content-Security-Policy": {closedPolicy},
	}
	if secure {
		all["Strict-Transport-Security"] = []string{"max-age=31536000"}
	}
	page := maps.Clone(all)
	page["Content-Security-Policy"] = []string{basePolicy}
	page["Permissions-Policy"] = []string{permissions}
	page["X-Robots-Tag"] = []string{"noindex"}
	account := maps.Clone(page)
	account["Content-Security-Policy"] = []string{accountPolicy}
	account["Cross-Origin-Opener-Policy"] = []string{"same-origin"}
	return headers{all, page, account}
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
	if strings.HasPrefix(path, "/account") {
		maps.Copy(h, p.headers.account)
		return
	}
	maps.Copy(h, p.headers.page)
}
