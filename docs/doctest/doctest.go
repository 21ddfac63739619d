// Package doctest reads the documents, for the tests that hold them to the program. Begin with Open. It knows as much of
// Markdown as the documents use, and nothing of the program.
package doctest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Document is README.md or a file of docs.
type Document struct {
	Name string // from the root of the repository, with slashes
	Text string
}

// Block is a fenced block.
type Block struct {
	Language string
	Text     string // ends with a line feed
	Line     int    // of the document, from 1: the fence
}

// Root returns the folder that go.mod is in.
func Root(t testing.TB) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		// Modules of tests, such as the one with a provider on zitadel/oidc, lie inside this one.
		if text, err := os.ReadFile(filepath.Join(folder, "go.mod")); err == nil && strings.HasPrefix(string(text), "module vestibule\n") {
			return folder
		}
		up := filepath.Dir(folder)
		if up == folder {
			t.Fatal("no folder above has the go.mod of this module")
		}
		folder = up
	}
}

// Open reads a document by its name.
func Open(t testing.TB, name string) Document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Root(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return Document{name, string(text)}
}

// All reads README.md and then the files of docs by name.
func All(t testing.TB) []Document {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Root(t), "docs", "*.md"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no documents: %v", err)
	}
	all := []Document{Open(t, "README.md")}
	for _, file := range files {
		all = append(all, Open(t, "docs/"+filepath.Base(file)))
	}
	return all
}

// fence matches a fenced block. The documents indent none.
var fence = regexp.MustCompile("(?ms)^```(\\S*)\\n(.*?)^```$")

// Blocks returns the fenced blocks in order.
func (d Document) Blocks() []Block {
	var blocks []Block
	for _, at := range fence.FindAllStringSubmatchIndex(d.Text, -1) {
		blocks = append(blocks, Block{d.Text[at[2]:at[3]], d.Text[at[4]:at[5]], 1 + strings.Count(d.Text[:at[0]], "\n")})
	}
	return blocks
}

// Block returns the text of the first block of a language.
func (d Document) Block(t testing.TB, language string) string {
	t.Helper()
	blocks := d.Blocks()
	i := slices.IndexFunc(blocks, func(b Block) bool { return b.Language == language })
	if i < 0 {
		t.Fatalf("%s has no block of %s", d.Name, language)
	}
	return blocks[i].Text
}

// BlockWith returns the text of the first block of a language that has these words. TestBlocks takes it that a test that calls
// this runs the block.
func (d Document) BlockWith(t testing.TB, language, words string) string {
	t.Helper()
	for _, b := range d.Blocks() {
		if b.Language == language && strings.Contains(b.Text, words) {
			return b.Text
		}
	}
	t.Fatalf("%s has no block of %s with %q", d.Name, language, words)
	return ""
}

// Prose returns the document without its fenced blocks.
func (d Document) Prose() string { return fence.ReplaceAllString(d.Text, "") }

// Rows returns the rows of all tables whose first column has that heading. There must be some.
func (d Document) Rows(t testing.TB, heading string) [][]string {
	t.Helper()
	var rows [][]string
	inside := false
	for line := range strings.Lines(d.Prose()) {
		row := cells(line)
		switch {
		case row == nil:
			inside = false
		case row[0] == heading:
			inside = true
		case inside && strings.Trim(row[0], "-") != "":
			rows = append(rows, row)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no table of %s", d.Name, heading)
	}
	return rows
}

// cells returns nil for a line that is not of a table.
func cells(line string) []string {
	inner, ok := strings.CutPrefix(strings.TrimSpace(line), "|")
	if !ok {
		return nil
	}
	row := strings.Split(strings.TrimSuffix(inner, "|"), "|")
	for i := range row {
		row[i] = strings.TrimSpace(row[i])
	}
	return row
}

var span = regexp.MustCompile("`([^`\n]+)`")

// Code returns what stands between backticks in a piece of prose.
func Code(text string) []string {
	var found []string
	for _, match := range span.FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

var pages struct {
	once   sync.Once
	states map[string][]string
}

// HasPage reports whether the table of pages has that page in that state. It reads the table once, for tests that ask
// about every page they see.
func HasPage(t testing.TB, page, state string) bool {
	t.Helper()
	pages.once.Do(func() {
		pages.states = map[string][]string{}
		for _, row := range Open(t, "docs/apps.md").Rows(t, "`data-page`") {
			for _, name := range Code(row[0]) {
				pages.states[name] = Code(row[1])
			}
		}
	})
	return slices.Contains(pages.states[page], state)
}
