package mfa

import (
	"testing"
	"time"
)

func TestPolicyFor(t *testing.T) {
	noon := time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC)
	earlier, later := noon.Add(-time.Second), noon.Add(time.Second)
	everybody, finance, soon := Policy{TwoSteps: Required}, Policy{Groups: []string{"ops", "finance"}}, Policy{TwoSteps: Required, From: later}
	staff := []string{"staff", "finance"}
	bank, shop := App{ID: "bank", TwoSteps: Required}, App{ID: "shop"}
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
		{"everybody", everybody, nil, shop, Requirement{Must: Required, Why: "everybody"}},
		{"everybody, since a second", Policy{TwoSteps: Required, From: earlier}, staff, shop, Requirement{Must: Required, Why: "everybody"}},
		{"everybody, from now on", Policy{TwoSteps: Required, From: noon}, staff, shop, Requirement{Must: Required, Why: "everybody"}},
		{"everybody, in a second", soon, staff, shop, Requirement{From: later, Why: "everybody"}},
		{"a group", finance, staff, shop, Requirement{Must: Required, Why: "the group finance"}},
		{"a group, on our own pages", finance, staff, App{}, Requirement{Must: Required, Why: "the group finance"}},
		{"a group of others", finance, []string{"financeers", "fin"}, shop, Requirement{}},
		{"no group", finance, nil, shop, Requirement{}},
		{"a date without two steps", Policy{From: later}, staff, shop, Requirement{}},
		{"an app", Policy{}, staff, bank, Requirement{Must: Required, Why: "the app bank"}},
		{"an app wins over a date", soon, staff, bank, Requirement{Must: Required, Why: "the app bank"}},
		{"a group wins over a date", of(soon, "staff"), staff, shop, Requirement{Must: Required, Why: "the group staff"}},
		{"a phishing-resistant group", Policy{PhishingResistantGroups: []string{"finance"}}, staff, shop, Requirement{Must: PhishingResistant, Why: "the group finance"}},
		{"it wins over everybody", Policy{TwoSteps: Required, PhishingResistantGroups: []string{"finance"}}, staff, bank, Requirement{Must: PhishingResistant, Why: "the group finance"}},
		{"a phishing-resistant app wins over a group", finance, staff, App{ID: "vault", TwoSteps: PhishingResistant}, Requirement{Must: PhishingResistant, Why: "the app vault"}},
		{"phishing-resistant for everybody", Policy{TwoSteps: PhishingResistant}, nil, bank, Requirement{Must: PhishingResistant, Why: "everybody"}},
		{"the same in a second", Policy{TwoSteps: PhishingResistant, From: later}, nil, shop, Requirement{From: later, Why: "everybody"}},
		{"report only says the same", Policy{TwoSteps: Required, ReportOnly: true}, staff, shop, Requirement{Must: Required, Why: "everybody"}},
	} {
		if got := tt.policy.For(tt.groups, tt.app, noon); got != tt.want {
			t.Errorf("%s: For = %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// TestPolicyIsTheStrictestRule tries every policy: the result is the most that one of the rules asks, no rule takes anything
// away, and what the shortcuts say of a policy is true.
func TestPolicyIsTheStrictestRule(t *testing.T) {
	now := time.Unix(1000, 0)
	in := map[bool][]string{true: {"finance"}}
	strengths := []Strength{Optional, Required, PhishingResistant}
	for bits := range 1 << 4 {
		on := func(i int) bool { return bits>>i&1 == 1 }
		for _, all := range strengths {
			for _, app := range strengths {
				p := Policy{TwoSteps: all, Groups: in[on(0)], PhishingResistantGroups: in[on(1)], ReportOnly: on(2)}
				if on(3) {
					p.From = now.Add(time.Second)
				}
				want := app
				for _, rule := range []struct {
					asked    bool
					strength Strength
				}{{!on(3), all}, {on(0), Required}, {on(1), PhishingResistant}} {
					if rule.asked && rule.strength.Exceeds(want) {
						want = rule.strength
					}
				}
				at := App{ID: "shop", TwoSteps: app}
				member, other := p.For([]string{"finance"}, at, now), p.For(nil, at, now)
				switch {
				case member.Must != want:
					t.Errorf("%+v at %+v asks %q of a member, want %q", p, at, member.Must, want)
				case other.Must.Exceeds(member.Must) || member.Must.Exceeds(p.Strongest(at)):
					t.Errorf("%+v at %+v: others owe %q, members %q, at most %q", p, at, other.Must, member.Must, p.Strongest(at))
				case other.Must != p.For(nil, App{TwoSteps: app}, now).Must:
					t.Errorf("%+v at %+v depends on the name", p, at)
				case !p.AsksGroups(now) && member != other:
					t.Errorf("%+v does not ask for groups, which matter", p)
				case (member.Stops() == "") != (want == Optional):
					t.Errorf("%+v at %+v stops by %q", p, at, member.Stops())
				}
			}
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
