package mfa

import (
	"cmp"
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

// Rule is that users must have a second factor.
type Rule struct {
	Must  Strength
	From  time.Time // not before; zero: at once
	Group string    // whose members it is for; empty: everybody
}

// Policy is who must have a second factor, and what follows from that. The zero value obliges nobody; an app may
// still oblige its own users. Rules stand beside each other: of those that hold the strictest wins, and one that is still
// to come takes nothing from what holds until then.
type Policy struct {
	Rules      []Rule
	ReportOnly bool // record who would have been stopped, by a rule or an App, and stop nobody
	// NewCodes has whoever used a recovery code, or has none left, make a new set before going on.
	NewCodes bool
}

// Requirement is what a Policy asks of one user.
type Requirement struct {
	Must   Strength // of the second factor, now
	Why    string   // as in a Duty; empty if nothing is asked now
	Coming []Duty   // what will be asked, the next first; each asks for more than all before it, and than Must
}

// Duty is what a rule asks of a user.
type Duty struct {
	Must Strength
	From time.Time // not before; zero: at once
	Why  string    // "everybody", "the group finance" or "the app shop"
}

// App is what a Policy has to know of a client. One without an ID stands for our own pages.
type App struct {
	ID       string
	TwoSteps Strength // it lets nobody in without
}

// For returns what the policy asks of a user in these groups at the app, whatever the user has enrolled. It does not
// look at ReportOnly: that is for whoever enforces.
func (p Policy) For(groups []string, app App, now time.Time) Requirement {
	var q Requirement
	var coming []Duty
	for _, d := range p.duties(groups, app) {
		switch {
		case now.Before(d.From):
			coming = append(coming, d)
		case d.Must.Exceeds(q.Must): // of two that ask for the same the first is named
			q.Must, q.Why = d.Must, d.Why
		}
	}
	slices.SortStableFunc(coming, func(a, b Duty) int {
		return cmp.Or(a.From.Compare(b.From), b.Must.rank()-a.Must.rank())
	})
	most := q.Must
	for _, d := range coming {
		if d.Must.Exceeds(most) {
			q.Coming, most = append(q.Coming, d), d.Must
		}
	}
	return q
}

// duties are all that is or will be asked of the user: first as everybody, so that whoever is asked the same as a member
// of a group need not be looked up.
func (p Policy) duties(groups []string, app App) []Duty {
	all := make([]Duty, 0, len(p.Rules)+1)
	for _, r := range p.Rules {
		if r.Group == "" {
			all = append(all, Duty{r.Must, r.From, "everybody"})
		}
	}
	for _, r := range p.Rules {
		if r.Group != "" && slices.Contains(groups, r.Group) {
			all = append(all, Duty{r.Must, r.From, "the group " + r.Group})
		}
	}
	return append(all, Duty{Must: app.TwoSteps, Why: "the app " + app.ID})
}

// AsksGroups reports whether what For returns, now or of what is coming, depends on the groups.
func (p Policy) AsksGroups(now time.Time) bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool {
		at := r.From
		if at.Before(now) {
			at = now
		}
		return r.Group != "" && r.Must.Exceeds(p.For(nil, App{}, at).Must)
	})
}

// Changes reports whether a rule is still to come.
func (p Policy) Changes(now time.Time) bool {
	return slices.ContainsFunc(p.Rules, func(r Rule) bool { return now.Before(r.From) })
}

// Strongest is the most that For may ever ask of somebody at the app.
func (p Policy) Strongest(app App) Strength {
	most := app.TwoSteps
	for _, r := range p.Rules {
		if r.Must.Exceeds(most) {
			most = r.Must
		}
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

// Strongest are those of the kinds that do the most.
func Strongest(kinds []Names) []Names {
	most := Optional
	for _, n := range kinds {
		if n.Strength().Exceeds(most) {
			most = n.Strength()
		}
	}
	return slices.DeleteFunc(slices.Clone(kinds), func(n Names) bool { return !n.Strength().Meets(most) })
}

// Best is what the best of a user's authenticators does, which are of the kinds has. One of a kind that is not among all
// is an authenticator like any.
func Best(all []Kind, has []string) Strength {
	best := Optional
	for _, name := range has {
		strength := Required
		if slices.Contains(KindsOfStrength(all, PhishingResistant), name) {
			strength = PhishingResistant
		}
		if strength.Exceeds(best) {
			best = strength
		}
	}
	return best
}

// Ahead is what is coming to a user whose best authenticator is as strong as has, and does not do it.
func (q Requirement) Ahead(has Strength) []Duty {
	return slices.DeleteFunc(slices.Clone(q.Coming), func(d Duty) bool { return has.Meets(d.Must) })
}

// Lacks is all that is asked of that user, now or later, and which the authenticator does not do.
func (q Requirement) Lacks(has Strength) []Duty {
	if has.Meets(q.Must) {
		return q.Ahead(has)
	}
	return append([]Duty{{Must: q.Must, Why: q.Why}}, q.Ahead(has)...)
}

// Keeps reports whether a user whose best authenticator is has must not go on with one that is left: it would be less than
// what is asked. Whoever never had what is asked loses nothing.
func (q Requirement) Keeps(has, left Strength) bool { return has.Exceeds(left) && !left.Meets(q.Must) }
