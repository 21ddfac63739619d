package provider

import (
	"slices"
	"testing"

	"vestibule/docs/doctest"
)

// TestLevelDocument compares the table of names with those that hold where nobody sets others.
func TestLevelDocument(t *testing.T) {
	documented := map[string][]string{}
	for _, row := range doctest.Open(t, "docs/apps.md").Rows(t, "level") {
		documented[doctest.Code(row[0])[0]] = doctest.Code(row[1])
	}
	if len(documented) != len(ranked) {
		t.Errorf("the table has %d levels, want %d", len(documented), len(ranked))
	}
	for _, level := range ranked {
		has, want := documented[level], slices.Clone(DefaultACRNames[level])
		slices.Sort(has)
		slices.Sort(want)
		if !slices.Equal(has, want) {
			t.Errorf("the other names of %s are %q, want %q", level, has, want)
		}
	}
}
