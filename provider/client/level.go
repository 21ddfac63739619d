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
)

// Ranked are the levels, lowest first.
var Ranked = []string{LevelOne, LevelTwo}

// Rank orders the levels; what is none is below all.
func Rank(level string) int { return slices.Index(Ranked, level) }

// DefaultACRNames are the names of the levels where nobody has others for them: REFEDS, NIST, PAPE, and the numbers that
// Keycloak gives.
var DefaultACRNames = map[string][]string{
	LevelOne: {"http://idmanagement.gov/ns/assurance/aal/1", "1"},
	LevelTwo: {
		"https://refeds.org/profile/mfa", "http://idmanagement.gov/ns/assurance/aal/2",
		"http://schemas.openid.net/pape/policies/2007/06/multi-factor", "2",
	},
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
	known := map[string]string{LevelOne: LevelOne, LevelTwo: LevelTwo}
	for level := range names {
		if Rank(level) < 0 {
			faults = append(faults, fmt.Errorf("there is no level %q; the levels are %s", level, strings.Join(Ranked, " and ")))
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
