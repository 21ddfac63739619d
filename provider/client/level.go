package client

import (
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

// TwoSteps is what a client asks of all its users.
type TwoSteps string

// What a client may ask of its users, the least first.
const (
	TwoStepsOptional          TwoSteps = ""
	TwoStepsRequired          TwoSteps = "required"           // a second factor
	TwoStepsPhishingResistant TwoSteps = "phishing-resistant" // one that reaches LevelPhishingResistant
)

// IsKnown reports whether t is one of the above.
func (t TwoSteps) IsKnown() bool {
	return slices.Contains([]TwoSteps{TwoStepsOptional, TwoStepsRequired, TwoStepsPhishingResistant}, t)
}

// Level is the level that the users must reach; "" if any will do. A word that is not known asks for the highest: what
// nobody can read must not let anybody in.
func (t TwoSteps) Level() string {
	switch t {
	case TwoStepsOptional:
		return ""
	case TwoStepsRequired:
		return LevelTwo
	}
	return LevelPhishingResistant
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
			case !isACRName(name):
				faults = append(faults, fmt.Errorf("acr name %q must be 1 to 200 visible ASCII characters, without quotes and backslashes", name))
			case taken:
				faults = append(faults, fmt.Errorf("acr name %q of %s stands for %s already", name, level, other))
			}
			known[name] = level
		}
	}
	return errors.Join(faults...)
}

// isACRName allows what RFC 6749 section 3.3 allows in a scope: acr_values are separated by spaces like it.
func isACRName(name string) bool {
	return name != "" && len(name) <= 200 && !strings.ContainsFunc(name, func(r rune) bool {
		return r <= ' ' || r > '~' || r == '"' || r == '\\'
	})
}
