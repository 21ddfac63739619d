package config

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// Values of two_steps.
const (
	optional          = "optional"
	required          = "required"
	phishingResistant = "phishing-resistant"
)

// twoSteps reads "optional", "required", "phishing-resistant", or one of the latter and "after 2027-01-31". A date begins at
// midnight UTC.
func twoSteps(c *Config, value string) error {
	c.TwoSteps, c.TwoStepsFrom = "", time.Time{}
	said := strings.Fields(value)
	obliges := len(said) > 0 && (said[0] == required || said[0] == phishingResistant)
	switch {
	case slices.Equal(said, []string{optional}):
		return nil
	case len(said) == 1 && obliges:
		c.TwoSteps = said[0]
		return nil
	case len(said) != 3 || !obliges || said[1] != "after":
		return errors.New(`should be optional, required or phishing-resistant, the last two also with a date, such as "required after 2027-01-31"`)
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if from, err := time.Parse(form, said[2]); err == nil {
			c.TwoSteps, c.TwoStepsFrom = said[0], from.UTC()
			return nil
		}
	}
	return errors.New(said[2] + " is not a date; write it like 2027-01-31 or 2027-01-31T18:00:00Z")
}

func policyRules(c Config) []rule {
	const day = 24 * time.Hour
	const badGroup = "has a name that no group can have: at most 64 letters, digits or any of -._~"
	bad := func(name string) bool { return !groupName(name) }
	return []rule{
		{"two_steps_groups", slices.ContainsFunc(c.TwoStepsGroups, bad), badGroup},
		{"phishing_resistant_groups", slices.ContainsFunc(c.PhishingResistantGroups, bad), badGroup},
		{"codes_after_recovery", !slices.Contains([]string{"offer", "require"}, c.CodesAfterRecovery), "should be offer or require"},
		{"remember_browser", c.RememberBrowser != 0 && (c.RememberBrowser < time.Hour || c.RememberBrowser > 90*day),
			"should be 0, which is never, or from 1h to 2160h; 720h is 30 days"},
	}
}

// groupName is account.CheckGroup, which this package does not know.
func groupName(name string) bool {
	return len(name) <= 64 && !strings.ContainsFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r))
	})
}
