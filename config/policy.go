package config

import (
	"errors"
	"slices"
	"strings"
	"time"
)

// twoSteps reads "optional", "required" or "required after 2027-01-31". A date begins at midnight UTC.
func twoSteps(c *Config, value string) error {
	c.TwoSteps, c.TwoStepsFrom = false, time.Time{}
	said := strings.Fields(value)
	switch {
	case slices.Equal(said, []string{"optional"}):
		return nil
	case slices.Equal(said, []string{"required"}):
		c.TwoSteps = true
		return nil
	case len(said) != 3 || said[0] != "required" || said[1] != "after":
		return errors.New(`should be optional, required, or required after a date, such as "required after 2027-01-31"`)
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if from, err := time.Parse(form, said[2]); err == nil {
			c.TwoSteps, c.TwoStepsFrom = true, from.UTC()
			return nil
		}
	}
	return errors.New(said[2] + " is not a date; write it like 2027-01-31 or 2027-01-31T18:00:00Z")
}

func policyRules(c Config) []rule {
	const day = 24 * time.Hour
	bad := slices.IndexFunc(c.TwoStepsGroups, func(name string) bool { return !groupName(name) })
	return []rule{
		{"two_steps_groups", bad >= 0, "has a name that no group can have: at most 64 letters, digits or any of -._~"},
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
