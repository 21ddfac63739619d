package doctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// place matches what looks like a path of the repository.
var place = regexp.MustCompile(`^\.?[a-z]+(/[a-zA-Z_.-]+)+$`)

// TestPlaces: paths that documents name are there, and the table of packages has all that are there.
func TestPlaces(t *testing.T) {
	root := Root(t)
	for _, d := range All(t) {
		for _, code := range Code(d.Prose()) {
			top, _, _ := strings.Cut(code, "/")
			if _, err := os.Stat(filepath.Join(root, top)); err != nil || !place.MatchString(code) {
				continue // not of the repository
			}
			if _, err := os.Stat(filepath.Join(root, code)); err != nil {
				t.Errorf("%s: there is no %s", d.Name, code)
			}
		}
	}
	out, err := exec.CommandContext(t.Context(), "go", "list", "vestibule/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var has []string
	for _, row := range Open(t, "docs/maintainers.md").Rows(t, "package") {
		has = append(has, Code(row[0])...)
	}
	compare(t, "docs/maintainers.md", has, strings.Fields(strings.ReplaceAll("\n"+string(out), "\nvestibule/", "\n")))
}

// TestRooms holds the picture of the rooms to the packages: each that has code of the program stands in it, and imports
// only what stands on lower lines.
func TestRooms(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "vestibule/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	line := map[string]int{} // of a package, counted from below
	lines := strings.Split(Open(t, "docs/maintainers.md").Block(t, "text"), "\n")
	for i, text := range lines {
		for _, word := range strings.Fields(strings.TrimLeft(text, "abcdefghijklmnopqrstuvwxyz")) {
			line["vestibule/"+word] = len(lines) - i
		}
	}
	for list := range strings.Lines(string(out)) {
		words := strings.Fields(list)
		if line[words[0]] == 0 {
			continue // TestPlaces knows all
		}
		for _, path := range words[1:] {
			if strings.HasPrefix(path, "vestibule/") && (line[path] == 0 || line[path] >= line[words[0]]) {
				t.Errorf("%s imports %s, which does not stand below it", words[0], path)
			}
		}
	}
	for name := range line {
		if !strings.Contains("\n"+string(out), "\n"+name+" ") {
			t.Errorf("there is no %s", name)
		}
	}
}

var testVariable = regexp.MustCompile(`VESTIBULE_TEST_[A-Z_]+[A-Z]`)

// TestVariables compares the table of variables with those that the tests ask for.
func TestVariables(t *testing.T) {
	var has, want []string
	for _, row := range Open(t, "docs/maintainers.md").Rows(t, "variable") {
		has = append(has, Code(row[0])...)
	}
	for _, text := range testFiles(t) {
		want = append(want, testVariable.FindAllString(text, -1)...)
	}
	slices.Sort(want)
	compare(t, "docs/maintainers.md", has, slices.Compact(want))
}

// TestWalk takes a newcomer's walk: each command prints one file, in which the answer stands.
func TestWalk(t *testing.T) {
	rows := Open(t, "docs/maintainers.md").Rows(t, "question")
	if len(rows) != 5 {
		t.Errorf("the walk has %d questions, want 5", len(rows))
	}
	for _, row := range rows {
		command, answer := Code(row[1])[0], Code(row[2])[0]
		name, ok := strings.CutPrefix(command, "cat ")
		if !ok || strings.ContainsAny(name, " ;|&*") {
			t.Errorf("%s: %s does not print one file", row[0], command)
			continue
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Dir = Root(t)
		if out, err := cmd.Output(); err != nil || !strings.Contains(string(out), answer) {
			t.Errorf("%s: %s does not show %q (%v)", row[0], command, answer, err)
		}
	}
}
