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

// found returns what the pattern finds in the package's own files.
func found(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
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
		for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1) {
			all = append(all, match[1])
		}
	}
	if len(all) < 10 {
		t.Fatalf("%s finds only %q", pattern, all)
	}
	return all
}

// A parameter that is sent twice is refused at every page, whichever it is and wherever it stands.
func TestFormWithARepeatIsRefused(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	names := append(found(t, `field\(r, "([a-z_]+)"\)`), "anything")
	for _, path := range found(t, `post\("([^"]+)"`) {
		path = strings.ReplaceAll(path, "{id}", "x")
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
