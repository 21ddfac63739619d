package provider

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
)

var ranked = []string{LevelOne, LevelTwo}

// rank orders the levels; what is none is below all.
func rank(level string) int { return slices.Index(ranked, level) }

// DefaultACRNames are the names of Levels that have none of their own: REFEDS, NIST, PAPE, and the numbers that
// Keycloak gives.
var DefaultACRNames = map[string][]string{
	LevelOne: {"http://idmanagement.gov/ns/assurance/aal/1", "1"},
	LevelTwo: {
		"https://refeds.org/profile/mfa", "http://idmanagement.gov/ns/assurance/aal/2",
		"http://schemas.openid.net/pape/policies/2007/06/multi-factor", "2",
	},
}

// Levels is the levels of assurance: what they are called and what reaches them. Its zero value is a good one.
type Levels struct {
	Names        map[string][]string // level to its other names; nil: DefaultACRNames
	WeakRecovery bool                // a password and a recovery code reach LevelOne only
}

// Level returns the level that the login reaches, or "" for one without a proof.
func (l Levels) Level(login *Login) string {
	level := login.ACR()
	if level == LevelTwo && l.WeakRecovery && login.onlyLookup() {
		return LevelOne
	}
	return level
}

// ACR returns what the client is told: of the names that it asked with, the one of the highest level that was
// reached, or if that is none of them its own name of the level reached.
func (l Levels) ACR(c Client, d Demand, login *Login) string {
	reached, best := l.Level(login), ACRName{}
	for _, n := range d.Names {
		if rank(n.Level) <= rank(reached) && rank(n.Level) > rank(best.Level) {
			best = n
		}
	}
	if own := c.ACRNames[reached]; best.Name == "" && len(own) > 0 {
		return own[0]
	}
	return cmp.Or(best.Name, reached)
}

// Demand returns what the client asks of the level with these names, in its order of preference. It fails if nothing
// else is good enough for the client and no name is known.
func (l Levels) Demand(c Client, names []string, essential bool) (Demand, error) {
	d := Demand{WeakRecovery: l.WeakRecovery}
	return d, d.readLevel(l, c, nil, claimRequest{essential, names, len(names) > 0})
}

// meaning returns the level that the client means by a name, or "" if the name is not known.
func (l Levels) meaning(c Client, name string) string {
	if level := levelOf(c.ACRNames, name); level != "" {
		return level
	}
	if rank(name) >= 0 {
		return name
	}
	return levelOf(l.names(), name)
}

func (l Levels) names() map[string][]string {
	if l.Names == nil {
		return DefaultACRNames
	}
	return l.Names
}

func levelOf(names map[string][]string, name string) string {
	for _, level := range ranked {
		if slices.Contains(names[level], name) {
			return level
		}
	}
	return ""
}

// supported lists the names that every client can ask with, lowest level first.
func (l Levels) supported() []string {
	var all []string
	for _, level := range ranked {
		all = append(append(all, level), l.names()[level]...)
	}
	return all
}

// CheckACRNames reports every fault of names for the levels: each name must stand for one level.
func CheckACRNames(names map[string][]string) error {
	var faults []error
	known := map[string]string{LevelOne: LevelOne, LevelTwo: LevelTwo}
	for level := range names {
		if rank(level) < 0 {
			faults = append(faults, fmt.Errorf("there is no level %q; the levels are %s", level, strings.Join(ranked, " and ")))
		}
	}
	for _, level := range ranked {
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
