package doctest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestBlocks: every fenced block is of a language whose blocks some test runs, compiles or compares.
func TestBlocks(t *testing.T) {
	tests := testFiles(t)
	for _, d := range All(t) {
		for _, b := range d.Blocks() {
			if fault := proved(d, b, tests); fault != "" {
				t.Errorf("%s:%d: %s", d.Name, b.Line, fault)
			}
		}
		for line := range strings.Lines(d.Prose()) {
			if strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t") || strings.HasPrefix(line, "~~~") {
				t.Errorf("%s: use a fence with a language, lest nothing checks it: %s", d.Name, line)
			}
		}
	}
}

// proved says what is wrong with a block, or nothing.
func proved(d Document, b Block, tests map[string]string) string {
	if d.Name == recipes && b.Language != "sh" && b.Language != "java" {
		return used(d, b, tests)
	}
	switch b.Language {
	case "sh": // TestShell runs it
		return ""
	case "go", "java":
		return compiled(b, tests)
	case "json":
		if !json.Valid([]byte(b.Text)) {
			return "is not JSON"
		}
		return ""
	case "js": // run in the place of a relying party
		if d.Name == "docs/javascript.md" {
			return picked(b, tests)
		}
		return only(d, b, "docs/apps.md")
	case "yaml": // read as the settings file is
		return only(d, b, "docs/settings.md")
	case "toml": // read as the texts of another language
		return only(d, b, "docs/operators.md")
	case "text": // TestRooms holds it to the packages
		return only(d, b, "docs/maintainers.md")
	}
	return "no test knows blocks of " + b.Language
}

// recipes is the document whose blocks tests give to the software that they are for.
const recipes = "docs/recipes.md"

// used looks for a test that opens the section of the block. Such a test uses every block of its section, or fails.
func used(d Document, b Block, tests map[string]string) string {
	section := ""
	for i, line := range strings.Split(d.Text, "\n") {
		if title, ok := strings.CutPrefix(line, "## "); ok && i < b.Line {
			section = title
		}
	}
	for _, text := range tests {
		if strings.Contains(text, fmt.Sprintf("openRecipe(t, %q,", section)) {
			return ""
		}
	}
	return "no test opens the recipe " + section
}

// only holds for languages of which one block is run, the first of a document.
func only(d Document, b Block, name string) string {
	for _, first := range d.Blocks() {
		if first.Language == b.Language && (d.Name != name || first.Line != b.Line) {
			return "only the first block of " + b.Language + " in " + name + " is run"
		}
		if first.Language == b.Language {
			break
		}
	}
	return ""
}

var picks = regexp.MustCompile(`\.BlockWith\(t, "([a-z]+)", "([^"]+)"\)`)

// picked looks for a test that takes the block, to run it, by words that are in it.
func picked(b Block, tests map[string]string) string {
	for _, text := range tests {
		for _, match := range picks.FindAllStringSubmatch(text, -1) {
			if match[1] == b.Language && strings.Contains(b.Text, match[2]) {
				return ""
			}
		}
	}
	return "no test takes a block with words of this one"
}

// compiled looks for a test file that has every paragraph of the block, however it is indented there.
func compiled(b Block, tests map[string]string) string {
	for _, text := range tests {
		if hasAll(text, b.Text) {
			return ""
		}
	}
	return "no test file has all these lines:\n" + b.Text
}

func hasAll(text, block string) bool {
	for paragraph := range strings.SplitSeq(block, "\n\n") {
		if !strings.Contains(text, flat(paragraph)) {
			return false
		}
	}
	return true
}

// testFiles are the tests of the repository, and the packages for tests such as servertest, by their paths, flat.
func testFiles(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(Root(t), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !isTest(path) {
			return err
		}
		text, err := os.ReadFile(path)
		files[path] = flat(string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// isTest reports whether the file is of a test, in Go or the Java of a program that a test starts.
func isTest(path string) bool {
	return strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".java") || strings.HasSuffix(path, ".go") && strings.HasSuffix(filepath.Dir(path), "test")
}

// flat makes all white space one space.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }
