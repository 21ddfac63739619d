package provider_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// recordedMux has the patterns that it is given, and something more general beside them, as the mux of a host has.
type recordedMux struct {
	*http.ServeMux
	patterns []string
}

func (m *recordedMux) Handle(pattern string, h http.Handler) {
	m.patterns = append(m.patterns, pattern)
	m.ServeMux.Handle(pattern, h)
}

// Each address answers each method: it serves it, or says which it serves, to scripts of any origin where they may ask at all.
func TestMethods(t *testing.T) {
	o := newOP(t)
	mux := &recordedMux{ServeMux: http.NewServeMux()}
	mux.ServeMux.HandleFunc("GET /", http.NotFound)
	mux.ServeMux.HandleFunc("POST /", http.NotFound)
	if err := o.p.Register(mux, o.ui); err != nil {
		t.Fatal(err)
	}
	for path, allow := range map[string]string{
		"/token": "OPTIONS, POST", "/par": "OPTIONS, POST", "/revoke": "OPTIONS, POST", "/device_authorization": "OPTIONS, POST",
		"/introspect": "POST", "/authorize": "GET, POST", "/end-session": "GET, POST", "/userinfo": "GET, HEAD, OPTIONS, POST",
		"/jwks": "GET, HEAD, OPTIONS", "/.well-known/openid-configuration": "GET, HEAD, OPTIONS",
		"/.well-known/oauth-authorization-server": "GET, HEAD, OPTIONS",
	} {
		served := strings.Split(allow, ", ")
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			if slices.Contains(served, method) {
				continue
			}
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequest(method, issuer+path, nil))
			open := w.Header().Get("Access-Control-Allow-Origin") == "*"
			if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != allow || open != slices.Contains(served, "OPTIONS") ||
				!strings.Contains(w.Body.String(), `"invalid_request"`) {
				t.Errorf("%s %s: %d, Allow %q, %v %s; want 405 and Allow %q", method, path, w.Code, w.Header().Get("Allow"), w.Header(), w.Body, allow)
			}
		}
		mux.patterns = slices.DeleteFunc(mux.patterns, func(pattern string) bool { return strings.HasSuffix(pattern, " "+path) })
	}
	if len(mux.patterns) > 0 {
		t.Errorf("these are not looked at: %q", mux.patterns)
	}
}

// Who only looks at an address where a browser would be answered gets nothing, and changes nothing.
func TestHeadTakesNothing(t *testing.T) {
	o := newOP(t)
	for _, path := range []string{"/authorize?" + request().Encode(), "/end-session"} {
		o.ui.last = nil
		r := o.do(httptest.NewRequest(http.MethodHead, issuer+path, nil))
		if r.StatusCode != http.StatusMethodNotAllowed || r.Header.Get("Location") != "" || o.ui.last != nil {
			t.Errorf("HEAD %s: %d to %q", path, r.StatusCode, r.Header.Get("Location"))
		}
	}
}
