package doctest

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestPages: the pages and states of the table are still spelled somewhere in the code of the pages and of the kinds of
// authenticators, whose names are those of pages, a state also as the last part of a message's id. That none is missing in the table is for the tests that see the pages: they ask HasPage.
func TestPages(t *testing.T) {
	code := pageCode(t)
	for _, row := range Open(t, "docs/apps.md").Rows(t, "`data-page`") {
		for _, page := range Code(row[0]) {
			if !strings.Contains(code, `"`+page+`"`) {
				t.Errorf("docs/apps.md: no page is called %s", page)
			}
		}
		for _, state := range Code(row[1]) {
			if !strings.Contains(code, `"`+state+`"`) && !strings.Contains(code, `.`+state+`"`) {
				t.Errorf("docs/apps.md: no page has the state %s", state)
			}
		}
	}
}

// pageCode is all that the pages are made of.
func pageCode(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, folder := range []string{"web", "mfa", "provider/hydra"} {
		err := filepath.WalkDir(filepath.Join(Root(t), folder), func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") || !slices.Contains([]string{".go", ".html", ".toml"}, filepath.Ext(path)) {
				return err
			}
			text, err := os.ReadFile(path)
			b.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
