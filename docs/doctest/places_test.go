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
	compare(t, "docs/maintainers.md", has, strings.Fields(strings.ReplaceAll(string(out), "vestibule/", "")))
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
