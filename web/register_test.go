package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// TestRegisterClaimsItsOwn: a program's mux may have patterns as general as there are. It keeps what is not ours, under a
// prefix and without one.
func TestRegisterClaimsItsOwn(t *testing.T) {
	for _, prefix := range []string{"", "/our/id"} {
		for _, patterns := range [][]string{{"/"}, {"GET /"}, {"GET /", "POST /"}, {"/{$}", "/{path...}"}, {"GET /{$}"}, {"/{one}", "/"}, {"/account/mine", "/"}} {
			s := newSite(t)
			s.configure(func(c *Config) { c.Site.Prefix = prefix })
			mux := http.NewServeMux()
			for _, pattern := range patterns {
				mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
			}
			if err := s.provider.Register(mux, s.pages); err != nil {
				t.Fatal(err)
			}
			s.pages.Register(mux)
			ask := func(method, path string) int {
				w := httptest.NewRecorder()
				mux.ServeHTTP(w, httptest.NewRequest(method, path, nil))
				return w.Code
			}
			for _, path := range []string{prefix + "/login", prefix + "/help/lost-device", "/.well-known/openid-configuration"} {
				if got := ask(http.MethodGet, path); got == http.StatusTeapot || got == http.StatusNotFound {
					t.Errorf("%q, prefix %q: %s answers %d", patterns, prefix, path, got)
				}
			}
			if got := ask(http.MethodGet, "/"); got != http.StatusTeapot {
				t.Errorf("%q, prefix %q: the root answers %d", patterns, prefix, got)
			}
		}
	}
}
