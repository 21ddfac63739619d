package mfa

import (
	"slices"
	"time"
)

// Strength is how much a rule asks of a second factor.
type Strength string

// The strengths, the least first. Whatever is required, the user must have; what must be phishing-resistant, the user must
// also prove in each sign-in, for an app beside it is what a false page asks for.
const (
	Optional          Strength = ""
	Required          Strength = "required"
	PhishingResistant Strength = "phishing-resistant"
)

// rank orders the strengths. A word that is none is the strictest: a rule that nobody can read must not let anybody in.
func (s Strength) rank() int {
	if i := slices.Index([]Strength{Optional, Required}, s); i >= 0 {
		return i
	}
	return 2
}

// Exceeds reports whether s asks for more than other.
func (s Strength) Exceeds(other Strength) bool { return s.rank() > other.rank() }

// Meets reports whether an authenticator that is s does what is asked.
func (s Strength) Meets(asked Strength) bool { return !asked.Exceeds(s) }

// Policy is who must have a second factor, and what follows from that. The zero value obliges nobody; an app may
// still oblige its own users. The strictest rule wins.
type Policy struct {
	TwoSteps   Strength  // of what everybody must have
	From       time.Time // of TwoSteps: not before; zero: at once
	Groups     []string  // whose members must have some, at once
	ReportOnly bool      // record who would have been stopped, and stop nobody
	// PhishingResistantGroups are those whose members must sign in with a phishing-resistant one, at once.
	PhishingResistantGroups []string
	// NewCodes has whoever used a recovery code, or has none left, make a new set before going on.
	NewCodes bool
}

// Requirement is what a Policy asks of one user.
type Requirement struct {
	Must Strength  // of the second factor, now
	From time.Time // from when on the user must have one; zero if one is owed now, or if no date is set
	Why  string    // "everybody", "the group finance" or "the app shop"; empty if nothing is asked, now or later
}

// App is what a Policy has to know of a client. One without an ID stands for our own pages.
type App struct {
	ID       string
	TwoSteps Strength // it lets nobody in without
}

// For returns what the policy asks of a user in these groups at the app, whatever the user has enrolled. It does not
// look at ReportOnly: that is for whoever enforces.
func (p Policy) For(groups []string, app App, now time.Time) Requirement {
	began := !now.Before(p.From)
	var strictest Requirement
	for _, rule := range p.rules(groups, app, began) {
		if rule.Must.Exceeds(strictest.Must) {
			strictest = rule
		}
	}
	if strictest.Must == Optional && p.TwoSteps != Optional {
		return Requirement{From: p.From, Why: everybody}
	}
	return strictest
}

const everybody = "everybody"

// rules are those that hold for the user now. Of two that ask for the same the first is named.
func (p Policy) rules(groups []string, app App, began bool) []Requirement {
	rules := make([]Requirement, 0, 4)
	if began {
		rules = append(rules, Requirement{Must: p.TwoSteps, Why: everybody})
	}
	for _, set := range []struct {
		strength Strength
		groups   []string
	}{{PhishingResistant, p.PhishingResistantGroups}, {Required, p.Groups}} {
		if i := slices.IndexFunc(set.groups, func(group string) bool { return slices.Contains(groups, group) }); i >= 0 {
			rules = append(rules, Requirement{Must: set.strength, Why: "the group " + set.groups[i]})
		}
	}
	return append(rules, Requirement{Must: app.TwoSteps, Why: "the app " + app.ID})
}

// AsksGroups reports whether what For returns depends on the groups.
func (p Policy) AsksGroups(now time.Time) bool {
	everybody := Optional
	if !now.Before(p.From) {
		everybody = p.TwoSteps
	}
	return len(p.PhishingResistantGroups) > 0 && PhishingResistant.Exceeds(everybody) || len(p.Groups) > 0 && Required.Exceeds(everybody)
}

// Strongest is the most that For may ask of somebody at the app.
func (p Policy) Strongest(app App) Strength {
	most := p.TwoSteps
	if app.TwoSteps.Exceeds(most) {
		most = app.TwoSteps
	}
	switch {
	case len(p.PhishingResistantGroups) > 0:
		return PhishingResistant
	case len(p.Groups) > 0 && Required.Exceeds(most):
		return Required
	}
	return most
}

// MetBy reports whether authenticators of these kinds can do all that the policy asks.
func (p Policy) MetBy(kinds []Kind) bool {
	return p.Strongest(App{}) != PhishingResistant || len(KindsOfStrength(kinds, PhishingResistant)) > 0
}

// KindsOfStrength returns the names of those of the kinds whose authenticators do what is asked.
func KindsOfStrength(kinds []Kind, asked Strength) []string {
	var names []string
	for _, k := range kinds {
		if n := k.Names(); n.Strength().Meets(asked) {
			names = append(names, n.Kind)
		}
	}
	return names
}

// Stops is why somebody without what is asked is stopped; empty: nobody is.
func (q Requirement) Stops() string {
	if q.Must != Optional {
		return q.Why
	}
	return ""
}
