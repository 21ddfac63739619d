package ui

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// A form is taken only from a page of ours, and a browser always says whether it is.
func TestFromOurselves(t *testing.T) {
	const none = "(none)"
	for _, tt := range []struct {
		issuer, origin, site string
		want                 bool
	}{
		{"https://id.example", "https://id.example", "same-origin", true},
		{"https://id.example", "https://id.example", none, true}, // a browser before 2023
		{"https://id.example", none, "same-origin", true},
		{"https://id.example", "https://id.example", "none", true},
		{"http://127.0.0.1:8080", "http://127.0.0.1:8080", none, true},
		{"https://id.example", none, none, false},
		{"https://id.example", "", "", false},
		{"https://id.example", "null", none, false},
		{"https://id.example", "null", "same-origin", false},
		{"https://id.example", "http://id.example", none, false},
		{"https://id.example", "http://id.example", "same-origin", false},
		{"http://127.0.0.1:8080", "https://127.0.0.1:8080", none, false},
		{"https://id.example", "https://id.example:8443", none, false},
		{"https://id.example", "https://shop.id.example", none, false},
		{"https://id.example", "https://id.example.evil.example", none, false},
		{"https://id.example", "https://evil.example", none, false},
		{"https://id.example", "https://evil.example", "same-origin", false},
		{"https://id.example", "https://id.example", "cross-site", false},
		{"https://id.example", "https://id.example", "same-site", false},
		{"https://id.example", none, "cross-site", false},
		{"https://id.example", none, "same-site", false},
		{"https://example.com/our/id", "https://example.com", "same-origin", true},
		{"https://example.com/our/id", "https://example.com/our/id", none, false},
	} {
		p := newPages(t, tt.issuer)
		r := httptest.NewRequest(http.MethodPost, tt.issuer+"/login", nil)
		for name, value := range map[string]string{"Origin": tt.origin, "Sec-Fetch-Site": tt.site} {
			if value != none {
				r.Header.Set(name, value)
			}
		}
		passed := false
		err := p.sameSite(func(http.ResponseWriter, *http.Request) error { passed = true; return nil })(httptest.NewRecorder(), r)
		if passed != tt.want || (err == nil) != tt.want {
			t.Errorf("at %s a form with Origin %q and Sec-Fetch-Site %q: passes %v, want %v", tt.issuer, tt.origin, tt.site, passed, tt.want)
		}
	}
}
