package doctest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// fapiModule is what the names of the modules of FAPI 2.0 begin with, which the table and the tests leave out.
const fapiModule = "fapi2-security-profile-final-"

var tableOfModules = regexp.MustCompile(`(?m)^\t\{"([A-Za-z0-9_-]+)",`)

// TestCertification: each module that the table names stands in the test that it names, and the table has all that the tests of
// certification ask.
func TestCertification(t *testing.T) {
	const folder = "cmd/vestibule/test/certification"
	named := map[string]bool{}
	for _, row := range Open(t, "docs/certification.md").Rows(t, "plan") {
		where := Code(row[2])
		if len(where) != 2 {
			t.Fatalf("%s: no test and folder", row[2])
		}
		text := testsIn(t, where[1])
		if !strings.Contains(text, "func "+where[0]+"(t *testing.T)") {
			t.Errorf("%s has no %s", where[1], where[0])
		}
		for _, module := range Code(row[1]) {
			named[module] = true
			if !strings.Contains(text, `"`+module+`"`) && !strings.Contains(text, `"`+module+` `) && !strings.Contains(text, module+":") {
				t.Errorf("no test in %s asks %s", where[1], module)
			}
		}
	}
	asked := tableOfModules.FindAllStringSubmatch(testsIn(t, folder), -1)
	if len(asked) < 100 {
		t.Fatalf("only %d modules are found in the tests", len(asked))
	}
	for _, match := range asked {
		if !named[match[1]] {
			t.Errorf("docs/certification.md does not name %s", match[1])
		}
	}
	for _, row := range Open(t, "docs/certification.md").Rows(t, "module") {
		for _, module := range Code(row[0]) {
			name := strings.TrimPrefix(module, fapiModule)
			if !named[name] && !strings.HasSuffix(name, "-test-plan") {
				t.Errorf("what becomes of %s is told, and no test asks it", module)
			}
		}
	}
}

// testsIn is the text of all tests of a folder.
func testsIn(t *testing.T, folder string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(Root(t), filepath.FromSlash(folder), "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s: %v", folder, err)
	}
	slices.Sort(files)
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}
