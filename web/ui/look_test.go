package ui

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// A host puts its own files in the place of those of the pages, by their names, and adds none.
func TestLook(t *testing.T) {
	files := fstest.MapFS{
		"lost-device.html": {Data: []byte(`{{define "content"}}<h1>{{say .Title}}</h1><p id="host"></p>{{end}}`)},
		"app.css":          {Data: []byte("body { color: teal }")},
		"unknown.html":     {Data: []byte("{{broken")},
	}
	p, err := New(Config{Issuer: "https://id.example.com", Look: files})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	if err := p.ShowPlain(w, httptest.NewRequest(http.MethodGet, "/", nil), "lost-device", "lost.title"); err != nil {
		t.Fatal(err)
	}
	if body := w.Body.String(); !strings.Contains(body, `<p id="host">`) || !strings.Contains(body, p.assets["app.css"].path) {
		t.Errorf("the page is %s", body)
	}
	if css := string(p.assets["app.css"].data); css != "body { color: teal }" {
		t.Errorf("the colours are %s", css)
	}
	if len(p.assets["app.js"].data) == 0 {
		t.Error("a file that the host has not is gone")
	}
	files["layout.html"] = &fstest.MapFile{Data: []byte("{{broken")}
	if _, err := New(Config{Issuer: "https://id.example.com", Look: files}); err == nil {
		t.Error("a template that cannot be read is no error")
	}
}
