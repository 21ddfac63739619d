package assurance

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Authentication context classes, lowest first. They are the values of acr where nobody has other names for them.
const (
	LevelOne = "aal1" // a password
	LevelTwo = "aal2" // a password and a second factor

	// LevelPhishingResistant is a password and a second factor that a false page cannot ask for. It is what OpenID Connect
	// Extended Authentication Profile ACR Values 1.0 calls phr. Its phrh, which also wants the key to be protected by
	// hardware, is no level: nothing here proves that of a key.
	LevelPhishingResistant = "phr"
)

// Ranked are the levels, lowest first.
var Ranked = []string{LevelOne, LevelTwo, LevelPhishingResistant}

// Rank orders the levels; what is none is below all.
func Rank(level string) int { return slices.Index(Ranked, level) }

// Higher returns the higher of two levels.
func Higher(a, b string) string {
	if Rank(a) < Rank(b) {
		return b
	}
	return a
}

// DefaultACRNames are the names of the levels where nobody has others for them: REFEDS, NIST, PAPE, and the numbers that
// Keycloak gives. NIST's third level is not among them: it wants a key that cannot leave its hardware.
var DefaultACRNames = map[string][]string{
	LevelOne: {"http://idmanagement.gov/ns/assurance/aal/1", "1"},
	LevelTwo: {
		"https://refeds.org/profile/mfa", "http://idmanagement.gov/ns/assurance/aal/2",
		"http://schemas.openid.net/pape/policies/2007/06/multi-factor", "2",
	},
	LevelPhishingResistant: {"http://schemas.openid.net/pape/policies/2007/06/phishing-resistant", "3"},
}

// LevelNamed returns the level that has the name among the given ones, or "".
func LevelNamed(names map[string][]string, name string) string {
	for _, level := range Ranked {
		if slices.Contains(names[level], name) {
			return level
		}
	}
	return ""
}

// CheckACRNames reports every fault of names for the levels: each name must stand for one level.
func CheckACRNames(names map[string][]string) error {
	var faults []error
	known := map[string]string{}
	for _, level := range Ranked {
		known[level] = level
	}
	for level := range names {
		if Rank(level) < 0 {
			faults = append(faults, fmt.Errorf("there is no level %q; the levels are %s", level, strings.Join(Ranked, ", ")))
		}
	}
	for _, level := range Ranked {
		for _, name := range names[level] {
			switch other, taken := known[name]; {
			case !IsACRName(name):
				faults = append(faults, fmt.Errorf("acr name %q must be 1 to 200 visible ASCII characters, without quotes and backslashes", name))
			case taken:
				faults = append(faults, fmt.Errorf("acr name %q of %s stands for %s already", name, level, other))
			}
			known[name] = level
		}
	}
	return errors.Join(faults...)
}

// IsACRName allows, for a name of a level, what RFC 6749 section 3.3 allows in a scope: acr_values are separated by spaces like it.
func IsACRName(name string) bool {
	return name != "" && len(name) <= 200 && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '"' || r == '\\'
	})
}

// Levels is the levels of assurance: what they are called and what reaches them. Its zero value is a good one.
type Levels struct {
	Names        map[string][]string // level to its other names; nil: DefaultACRNames
	WeakRecovery bool                // a password and a recovery code reach LevelOne only
	// PhishingResistant says that users may have authenticators which reach LevelPhishingResistant. Else no name of
	// that level is known, and none is advertised.
	PhishingResistant bool
}

// Level returns the level that the login reaches, or "" for one without a proof.
func (l Levels) Level(login *Login) string {
	return login.level(l.WeakRecovery)
}

// ACR returns what the client is told: of the names that it asked with, the one of the highest level that was
// reached, or if that is none of them its own name of the level reached. own are its own names, nil for none.
func (l Levels) ACR(own map[string][]string, d Demand, login *Login) string {
	reached, best := l.Level(login), ACRName{}
	for _, n := range d.Names {
		if Rank(n.Level) <= Rank(reached) && Rank(n.Level) > Rank(best.Level) {
			best = n
		}
	}
	if names := own[reached]; best.Name == "" && len(names) > 0 {
		return names[0]
	}
	return cmp.Or(best.Name, reached)
}

// Demand returns a demand that asks for nothing but a level; see Demand.Ask.
func (l Levels) Demand(own map[string][]string, names []string, essential bool) (Demand, error) {
	d := Demand{WeakRecovery: l.WeakRecovery}
	return d, d.Ask(l, own, names, essential)
}

// reachable lists the levels that a login can reach, lowest first.
func (l Levels) reachable() []string {
	if l.PhishingResistant {
		return Ranked
	}
	return Ranked[:Rank(LevelPhishingResistant)]
}

// meaning returns the level that the client means by a name, or "" if the name is not known, or that level is reached by
// nobody.
func (l Levels) meaning(own map[string][]string, name string) string {
	if level := l.named(own, name); slices.Contains(l.reachable(), level) {
		return level
	}
	return ""
}

func (l Levels) named(own map[string][]string, name string) string {
	if level := LevelNamed(own, name); level != "" {
		return level
	}
	if Rank(name) >= 0 {
		return name
	}
	return LevelNamed(l.names(), name)
}

func (l Levels) names() map[string][]string {
	if l.Names == nil {
		return DefaultACRNames
	}
	return l.Names
}

// Supported lists the names that every client can ask with, lowest level first.
func (l Levels) Supported() []string {
	var all []string
	for _, level := range l.reachable() {
		all = append(append(all, level), l.names()[level]...)
	}
	return all
}
