package ui

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// What the page sends is what it was given, whatever HTML would make of it, and nothing runs on it but its own script.
func TestFormPostPage(t *testing.T) {
	p := newPages(t, "https://id.example")
	for _, action := range []string{"https://shop.example/cb", "https://shop.example/a(b)'c;d=1?e=%20f&amp=g", "http://[::1]:8080/cb?"} {
		fields := url.Values{"code": {"c"}, "state": {`"><script>alert(1)</script>&amp;&copy;'+ ` + "\u00e9\u2028\t"}, "iss": {"https://id.example"}}
		w := httptest.NewRecorder()
		if err := p.FormPost(w, httptest.NewRequest("GET", "https://id.example/authorize", nil), action, fields); err != nil {
			t.Fatal(err)
		}
		doc, err := html.Parse(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		got, scripts := url.Values{}, []string{}
		for n := range doc.Descendants() {
			switch n.Data {
			case "form":
				if a := attribute(n, "action"); a != action || attribute(n, "method") != "post" || attribute(n, "id") != "answer" {
					t.Errorf("the form %s goes to %q, want %q", attribute(n, "id"), a, action)
				}
			case "input":
				got.Add(attribute(n, "name"), attribute(n, "value"))
			case "script":
				scripts = append(scripts, n.FirstChild.Data)
			}
		}
		if got.Encode() != fields.Encode() {
			t.Errorf("the form brings %q, want %q", got, fields)
		}
		policy := w.Header().Get("Content-Security-Policy")
		if len(scripts) != 1 || !strings.Contains(policy, "script-src '"+scriptHash(scripts[0])+"';") {
			t.Errorf("scripts %q under %s", scripts, policy)
		}
		for _, part := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("the policy %s has no %s", policy, part)
			}
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Error("the page may be kept")
		}
	}
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
