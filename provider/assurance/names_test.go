package assurance_test

import (
	"strings"
	"testing"

	"vestibule/provider/assurance"
)

func TestCheckACRNames(t *testing.T) {
	for _, tt := range []struct {
		names map[string][]string
		want  string // part of the fault; empty: good
	}{
		{nil, ""},
		{assurance.DefaultACRNames, ""},
		{map[string][]string{"aal1": {"2"}, "aal2": {"1"}}, ""},
		{map[string][]string{"aal3": {"3"}}, `no level "aal3"`},
		{map[string][]string{"phr": {"3", "phrh"}}, ""},
		{map[string][]string{"phr": {"aal2"}}, `stands for aal2 already`},
		{map[string][]string{"aal1": {"x"}, "aal2": {"x"}}, `"x" of aal2 stands for aal1 already`},
		{map[string][]string{"aal2": {"x", "x"}}, `stands for aal2 already`},
		{map[string][]string{"aal2": {"aal1"}}, `stands for aal1 already`},
		{map[string][]string{"aal2": {"two words"}}, `visible ASCII`},
		{map[string][]string{"aal2": {""}}, `visible ASCII`},
		{map[string][]string{"aal2": {strings.Repeat("x", 201)}}, `1 to 200`},
	} {
		err := assurance.CheckACRNames(tt.names)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("CheckACRNames(%v) = %v, want %q", tt.names, err, tt.want)
		}
	}
}
