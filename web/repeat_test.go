package web

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// fields returns the parameters that the pages read, by their sources.
func fields(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`Field\(r, "([a-z_]+)"\)`).FindAllStringSubmatch(string(text), -1) {
			all = append(all, match[1])
		}
	}
	if len(all) < 10 {
		t.Fatalf("the sources read only %q", all)
	}
	return all
}

// A parameter that is sent twice is refused at every page, whichever it is and wherever it stands.
func TestFormWithARepeatIsRefused(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	names := append(fields(t), "anything")
	for _, route := range s.pages.routes() {
		if route.Method != http.MethodPost {
			continue
		}
		path := strings.ReplaceAll(route.Path, "{id}", "x")
		for _, name := range names {
			for _, values := range [][]string{{"a", "a"}, {"a", "b"}, {"", "a"}} {
				b.post(path, url.Values{name: values}).at("error", "request").answers(http.StatusBadRequest)
				address := path + "?" + url.Values{name: values[:1]}.Encode()
				b.post(address, url.Values{name: values[1:]}).at("error", "request").answers(http.StatusBadRequest)
				b.open(path + "?" + url.Values{name: values}.Encode()).answers(http.StatusBadRequest)
			}
		}
	}
	b.open("/account").at("security", "off")
}
