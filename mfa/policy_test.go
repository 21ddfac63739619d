package mfa

import (
	"testing"
	"time"
)

func TestPolicyFor(t *testing.T) {
	noon := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	earlier, later := noon.Add(-time.Second), noon.Add(time.Second)
	everybody, finance, soon := Policy{TwoSteps: true}, Policy{Groups: []string{"ops", "finance"}}, Policy{TwoSteps: true, From: later}
	staff := []string{"staff", "finance"}
	bank, shop := App{ID: "bank", TwoSteps: true}, App{ID: "shop"}
	of := func(p Policy, groups ...string) Policy {
		p.Groups = groups
		return p
	}
	for _, tt := range []struct {
		name   string
		policy Policy
		groups []string
		app    App
		want   Requirement
	}{
		{"nothing", Policy{}, staff, shop, Requirement{}},
		{"everybody", everybody, nil, shop, Requirement{Must: true, Why: "everybody"}},
		{"everybody, since a second", Policy{TwoSteps: true, From: earlier}, staff, shop, Requirement{Must: true, Why: "everybody"}},
		{"everybody, from now on", Policy{TwoSteps: true, From: noon}, staff, shop, Requirement{Must: true, Why: "everybody"}},
		{"everybody, in a second", soon, staff, shop, Requirement{From: later, Why: "everybody"}},
		{"a group", finance, staff, shop, Requirement{Must: true, Why: "the group finance"}},
		{"a group, on our own pages", finance, staff, App{}, Requirement{Must: true, Why: "the group finance"}},
		{"a group of others", finance, []string{"financeers", "fin"}, shop, Requirement{}},
		{"no group", finance, nil, shop, Requirement{}},
		{"a date without two steps", Policy{From: later}, staff, shop, Requirement{}},
		{"an app", Policy{}, staff, bank, Requirement{Must: true, Why: "the app bank"}},
		{"an app wins over a date", soon, staff, bank, Requirement{Must: true, Why: "the app bank"}},
		{"a group wins over a date", of(soon, "staff"), staff, shop, Requirement{Must: true, Why: "the group staff"}},
		{"report only says the same", Policy{TwoSteps: true, ReportOnly: true}, staff, shop, Requirement{Must: true, Why: "everybody"}},
	} {
		if got := tt.policy.For(tt.groups, tt.app, noon); got != tt.want {
			t.Errorf("%s: For = %+v, want %+v", tt.name, got, tt.want)
		}
	}
}
