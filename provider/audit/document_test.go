package audit

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vestibule/docs/doctest"
)

// TestDocument compares the table of events with the constants here, and its details with what their comments say.
func TestDocument(t *testing.T) {
	kinds := kindsOfEvents(t)
	var documented []string
	for _, row := range doctest.Open(t, "docs/audit.md").Rows(t, "kind") {
		kind := doctest.Code(row[0])[0]
		documented = append(documented, kind)
		comment, ok := kinds[kind]
		if !ok {
			t.Errorf("docs/audit.md has %s, which is no kind of event", kind)
		}
		for _, detail := range doctest.Code(row[2]) {
			if !strings.Contains(comment, detail) {
				t.Errorf("the comment of %s does not tell of the detail %s", kind, detail)
			}
		}
	}
	for kind := range kinds {
		if !slices.Contains(documented, kind) {
			t.Errorf("docs/audit.md lacks %s", kind)
		}
	}
}

// named matches what can only be a kind of event.
var named = regexp.MustCompile(`^(auth|device|factor|session|browser|consent|authorization|token|policy|password|admin|audit)\.[a-z_.]+$`)

// TestDocumentKinds: events that the prose of any document names are there, or are those of a kind of authenticator; requests
// are refused under names of their own.
func TestDocumentKinds(t *testing.T) {
	kinds := kindsOfEvents(t)
	refused := Refused("/login/totp")[1]
	for _, d := range doctest.All(t) {
		for _, code := range doctest.Code(d.Prose()) {
			_, ok := kinds[code]
			_, _, proof := Proof(code)
			if named.MatchString(code) && !ok && !proof && code != refused {
				t.Errorf("%s: there is no event %s", d.Name, code)
			}
		}
	}
}

// kindsOfEvents has the comment of each constant that begins with Event, by its value.
func kindsOfEvents(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "event.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Event") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		kinds[value] = spec.Comment.Text()
		return false
	})
	return kinds
}
