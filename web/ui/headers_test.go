package ui

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func newPages(t *testing.T, issuer string) *Pages {
	t.Helper()
	p, err := New(Config{Issuer: issuer})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestHeaders(t *testing.T) {
	w := httptest.NewRecorder()
	newPages(t, "https://id.example").Headers(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/token", nil))
	if w.Header().Get("Strict-Transport-Security") == "" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the headers are %v", w.Header())
	}
}

func TestStatic(t *testing.T) {
	p, mux := newPages(t, "https://id.example"), http.NewServeMux()
	p.Register(mux)
	for name, kind := range map[string]string{"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", p.assets[name].path, nil))
		if w.Code != 200 || w.Header().Get("Content-Type") != kind || w.Header().Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
	}
}
