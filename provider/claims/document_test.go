package claims_test

import (
	"slices"
	"testing"

	"vestibule/docs/doctest"
	"vestibule/provider/claims"
)

// TestDocument compares the tables of scopes, of their claims and of attributes with those that there are.
func TestDocument(t *testing.T) {
	var scopes, names, attributes []string
	for _, row := range doctest.Open(t, "docs/apps.md").Rows(t, "scope") {
		scope := doctest.Code(row[0])[0]
		scopes = append(scopes, scope)
		for _, name := range doctest.Code(row[1]) {
			names = append(names, name)
			if got := claims.ScopeOf(name); got != scope {
				t.Errorf("docs/apps.md has %s under %s, and it is of %q", name, scope, got)
			}
		}
	}
	if !slices.Equal(scopes, claims.Scopes()) || !slices.Equal(names, claims.Names()) {
		t.Errorf("docs/apps.md has the scopes %q and the claims %q, want %q and %q", scopes, names, claims.Scopes(), claims.Names())
	}
	for _, row := range doctest.Open(t, "docs/commands.md").Rows(t, "attribute") {
		attributes = append(attributes, doctest.Code(row[0])...)
	}
	slices.Sort(attributes)
	if !slices.Equal(attributes, claims.AttributeNames()) {
		t.Errorf("docs/commands.md has the attributes %q, want %q", attributes, claims.AttributeNames())
	}
}
