package assurance_test

import (
	"encoding/json"
	"slices"
	"testing"

	"vestibule/docs/doctest"
	"vestibule/provider/assurance"
	"vestibule/provider/providertest"
)

// TestLevelDocument compares the table of names with those that hold where nobody sets others.
func TestLevelDocument(t *testing.T) {
	documented := map[string][]string{}
	for _, row := range doctest.Open(t, "docs/apps.md").Rows(t, "level") {
		documented[doctest.Code(row[0])[0]] = doctest.Code(row[1])
	}
	if len(documented) != len(assurance.DefaultACRNames) {
		t.Errorf("the table has %d levels, want %d", len(documented), len(assurance.DefaultACRNames))
	}
	for level, names := range assurance.DefaultACRNames {
		has, want := documented[level], slices.Clone(names)
		slices.Sort(has)
		slices.Sort(want)
		if !slices.Equal(has, want) {
			t.Errorf("the other names of %s are %q, want %q", level, has, want)
		}
	}
}

// TestTruthDocument compares the table of amr and acr with what a login is worth, where recovery codes count and where not.
func TestTruthDocument(t *testing.T) {
	logins := map[string]*assurance.Login{
		"password": providertest.Login(),
		"password and code from the authenticator": providertest.Login("otp"),
		"password and recovery code":               providertest.Login("recovery"),
	}
	found := 0
	for _, row := range doctest.Open(t, "docs/apps.md").Rows(t, "what the user did") {
		l, ok := logins[row[0]]
		if !ok {
			continue // what came before counts as it did
		}
		found++
		amr, err := json.Marshal(l.AMR())
		if err != nil {
			t.Fatal(err)
		}
		if has := doctest.Code(row[1]); !slices.Equal(has, []string{string(amr)}) {
			t.Errorf("%s: the table has the amr %s, want %s", row[0], has, amr)
		}
		want := slices.Compact([]string{assurance.Levels{}.Level(l), assurance.Levels{WeakRecovery: true}.Level(l)})
		if has := doctest.Code(row[2]); len(has) < len(want) || !slices.Equal(has[:len(want)], want) {
			t.Errorf("%s: the table has the acr %s, want %s", row[0], has, want)
		}
	}
	if found != len(logins) {
		t.Errorf("the table has %d of %d logins", found, len(logins))
	}
}
