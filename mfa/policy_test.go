package mfa

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

func TestPolicyFor(t *testing.T) {
	noon := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	earlier, later, last := noon.Add(-time.Second), noon.Add(time.Second), noon.Add(time.Hour)
	rules := func(rules ...Rule) Policy { return Policy{Rules: rules} }
	everybody, soon := Rule{Must: Required}, Rule{Must: Required, From: later}
	phr, phrSoon, phrLast := Rule{Must: PhishingResistant}, Rule{Must: PhishingResistant, From: later}, Rule{Must: PhishingResistant, From: last}
	ops, finance := Rule{Must: Required, Group: "ops"}, Rule{Must: Required, Group: "finance"}
	phrFinance := Rule{Must: PhishingResistant, Group: "finance"}
	staff := []string{"staff", "finance"}
	bank, vault, shop := App{ID: "bank", TwoSteps: Required}, App{ID: "vault", TwoSteps: PhishingResistant}, App{ID: "shop"}
	now := func(must Strength, why string, coming ...Duty) Requirement { return Requirement{must, why, coming} }
	for _, tt := range []struct {
		name   string
		policy Policy
		groups []string
		app    App
		want   Requirement
	}{
		{"nothing", Policy{}, staff, shop, Requirement{}},
		{"everybody", rules(everybody), nil, shop, now(Required, "everybody")},
		{"everybody, since a second", rules(Rule{Required, earlier, ""}), staff, shop, now(Required, "everybody")},
		{"everybody, from now on", rules(Rule{Required, noon, ""}), staff, shop, now(Required, "everybody")},
		{"everybody, in a second", rules(soon), staff, shop, now(Optional, "", Duty{Required, later, "everybody"})},
		{"a group", rules(ops, finance), staff, shop, now(Required, "the group finance")},
		{"a group, on our own pages", rules(ops, finance), staff, App{}, now(Required, "the group finance")},
		{"a group of others", rules(ops, finance), []string{"financeers", "fin"}, shop, Requirement{}},
		{"no group", rules(ops, finance), nil, shop, Requirement{}},
		{"a date without two steps", rules(Rule{From: later}), staff, shop, Requirement{}},
		{"an app", Policy{}, staff, bank, now(Required, "the app bank")},
		{"an app wins over a date", rules(soon), staff, bank, now(Required, "the app bank")},
		{"a group wins over a date", rules(soon, Rule{Must: Required, Group: "staff"}), staff, shop, now(Required, "the group staff")},
		{"a phishing-resistant group", rules(phrFinance), staff, shop, now(PhishingResistant, "the group finance")},
		{"it wins over everybody", rules(everybody, phrFinance), staff, bank, now(PhishingResistant, "the group finance")},
		{"a phishing-resistant app wins over a group", rules(finance), staff, vault, now(PhishingResistant, "the app vault")},
		{"phishing-resistant for everybody", rules(phr), nil, bank, now(PhishingResistant, "everybody")},
		{"the same in a second", rules(phrSoon), nil, shop, now(Optional, "", Duty{PhishingResistant, later, "everybody"})},
		{"report only says the same", Policy{Rules: []Rule{everybody}, ReportOnly: true}, staff, shop, now(Required, "everybody")},

		{"what holds meanwhile", rules(everybody, phrSoon), staff, shop, now(Required, "everybody", Duty{PhishingResistant, later, "everybody"})},
		{"in any order", rules(phrSoon, everybody), staff, shop, now(Required, "everybody", Duty{PhishingResistant, later, "everybody"})},
		{"two that are to come", rules(phrLast, soon), nil, shop, now(Optional, "", Duty{Required, later, "everybody"}, Duty{PhishingResistant, last, "everybody"})},
		{"at the same time", rules(soon, phrSoon), nil, shop, now(Optional, "", Duty{PhishingResistant, later, "everybody"})},
		{"less, later", rules(phrSoon, Rule{Required, last, ""}), nil, shop, now(Optional, "", Duty{PhishingResistant, later, "everybody"})},
		{"a group asks for less than what comes", rules(phrSoon, finance), staff, shop, now(Required, "the group finance", Duty{PhishingResistant, later, "everybody"})},
		{"an app asks for less than what comes", rules(phrSoon), staff, bank, now(Required, "the app bank", Duty{PhishingResistant, later, "everybody"})},
		{"an app asks for what comes", rules(everybody, phrSoon), staff, vault, now(PhishingResistant, "the app vault")},
		{"a group comes before all", rules(phrLast, Rule{PhishingResistant, later, "finance"}), staff, shop, now(Optional, "", Duty{PhishingResistant, later, "the group finance"})},
		{"and others later", rules(phrLast, Rule{PhishingResistant, later, "finance"}), nil, shop, now(Optional, "", Duty{PhishingResistant, last, "everybody"})},
	} {
		if got := tt.policy.For(tt.groups, tt.app, noon); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: For = %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// TestPolicyIsTheStrictestRule tries every policy of two rules at every time: the result is the most that one of those asks
// that hold, what is said to come is what the same policy asks then, no rule takes anything away, and what the shortcuts
// say of a policy is true.
func TestPolicyIsTheStrictestRule(t *testing.T) {
	start := time.Unix(1000, 0)
	strengths := []Strength{Optional, Required, PhishingResistant}
	var rules []Rule
	for _, must := range strengths {
		for _, hours := range []time.Duration{-1, 0, 1, 2} {
			for _, group := range []string{"", "finance"} {
				rules = append(rules, Rule{must, start.Add(hours * time.Hour), group})
			}
		}
	}
	for _, first := range rules {
		for _, second := range rules {
			for _, app := range strengths {
				p := Policy{Rules: []Rule{first, second}}
				checkPolicy(t, p, App{ID: "shop", TwoSteps: app}, start)
			}
		}
	}
}

func checkPolicy(t *testing.T, p Policy, at App, now time.Time) {
	t.Helper()
	most := func(when time.Time, groups ...string) Strength {
		want := at.TwoSteps
		for _, r := range p.Rules {
			if !when.Before(r.From) && (r.Group == "" || slices.Contains(groups, r.Group)) && r.Must.Exceeds(want) {
				want = r.Must
			}
		}
		return want
	}
	for _, groups := range [][]string{nil, {"finance"}} {
		got := p.For(groups, at, now)
		holds, changes := got.Must, 0
		for when := now; when.Before(now.Add(3 * time.Hour)); when = when.Add(30 * time.Minute) {
			if changes < len(got.Coming) && !when.Before(got.Coming[changes].From) {
				holds = got.Coming[changes].Must
				changes++
			}
			if want := most(when, groups...); holds != want {
				t.Errorf("%+v at %+v asks %+v of %v: %q at %s, want %q", p, at, got, groups, holds, when, want)
			}
		}
		if changes != len(got.Coming) || changes > 0 && !p.Changes(now) || holds.Exceeds(p.Strongest(at)) || (got.Why == "") != (got.Must == Optional) {
			t.Errorf("%+v at %+v asks %+v of %v, and changes: %v, at most %q", p, at, got, groups, p.Changes(now), p.Strongest(at))
		}
	}
	if member, other := p.For([]string{"finance"}, at, now), p.For(nil, at, now); !p.AsksGroups(now) && !reflect.DeepEqual(member, other) {
		t.Errorf("%+v does not ask for groups, which matter", p)
	}
}

// TestLacks: whoever has a better authenticator than asked lacks nothing, and who has less hears of all that is asked.
func TestLacks(t *testing.T) {
	at := time.Unix(1000, 0)
	phr := Duty{PhishingResistant, at, "everybody"}
	q := Requirement{Required, "the group finance", []Duty{phr}}
	for has, want := range map[Strength]struct{ lacks, ahead []Duty }{
		Optional:          {[]Duty{{Must: Required, Why: "the group finance"}, phr}, []Duty{phr}},
		Required:          {[]Duty{phr}, []Duty{phr}},
		PhishingResistant: {},
	} {
		if lacks, ahead := q.Lacks(has), q.Ahead(has); !slices.Equal(lacks, want.lacks) || !slices.Equal(ahead, want.ahead) {
			t.Errorf("with %q: lacks %+v, ahead %+v, want %+v", has, lacks, ahead, want)
		}
	}
}

// TestKeeps: what is left must do what is asked, unless what there was did no more.
func TestKeeps(t *testing.T) {
	for _, tt := range []struct {
		must, has, left Strength
		want            bool
	}{
		{Optional, Required, Optional, false},
		{Optional, PhishingResistant, Optional, false},
		{Required, Required, Optional, true},
		{Required, Required, Required, false},
		{Required, PhishingResistant, Required, false},
		{Required, PhishingResistant, Optional, true},
		{PhishingResistant, PhishingResistant, Required, true},
		{PhishingResistant, PhishingResistant, Optional, true},
		{PhishingResistant, PhishingResistant, PhishingResistant, false},
		{PhishingResistant, Required, Required, false}, // one of two apps
		{PhishingResistant, Required, Optional, true},
	} {
		if got := (Requirement{Must: tt.must}).Keeps(tt.has, tt.left); got != tt.want {
			t.Errorf("%q is asked, of %q is left %q: Keeps = %v", tt.must, tt.has, tt.left, got)
		}
	}
}

func TestStrongest(t *testing.T) {
	app, card, key := Names{Kind: "app"}, Names{Kind: "card"}, Names{Kind: "key", PhishingResistant: true}
	for _, tt := range []struct{ all, want []Names }{
		{nil, nil},
		{[]Names{app, card}, []Names{app, card}},
		{[]Names{app, key, card}, []Names{key}},
		{[]Names{key}, []Names{key}},
	} {
		if got := Strongest(tt.all); !slices.Equal(got, tt.want) {
			t.Errorf("Strongest(%v) = %v, want %v", tt.all, got, tt.want)
		}
	}
}

// TestUnknownStrength: a word that nobody knows asks for the most that there is.
func TestUnknownStrength(t *testing.T) {
	unknown := Strength("phishing resistant")
	for _, known := range []Strength{Optional, Required, PhishingResistant} {
		if known.Exceeds(unknown) || known.Meets(unknown) != (known == PhishingResistant) {
			t.Errorf("%q exceeds or meets what nobody knows", known)
		}
	}
	if got := (Policy{}).For(nil, App{ID: "shop", TwoSteps: unknown}, time.Unix(0, 0)); got.Must != unknown || got.Why == "" {
		t.Errorf("For = %+v, want that something is asked", got)
	}
}
