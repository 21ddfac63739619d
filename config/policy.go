package config

import (
	"errors"
	"fmt"
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

// twoSteps reads rules such as "required, phishing-resistant after 2027-01-31", in any order. A date begins at midnight
// UTC. A rule that comes later asks for more.
func twoSteps(c *Config, value string) error {
	c.TwoSteps = nil
	var rules []TwoSteps
	for item := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' || r == '\n' }) {
		rule, err := twoStepsRule(item)
		if err != nil {
			return err
		}
		rules = append(rules, rule)
	}
	if len(rules) == 0 {
		return errTwoSteps
	}
	rules, err := inOrder(rules)
	if err != nil {
		return err
	}
	if rules[0].Must == optional {
		rules = rules[1:]
	}
	c.TwoSteps = rules
	return nil
}

// inOrder sorts the rules. It says what is wrong with one that comes with another, or after it.
func inOrder(rules []TwoSteps) ([]TwoSteps, error) {
	slices.SortStableFunc(rules, func(a, b TwoSteps) int { return a.From.Compare(b.From) })
	for i := 1; i < len(rules); i++ {
		if err := checkSecond(rules[i-1], rules[i]); err != nil {
			return nil, err
		}
	}
	return rules, nil
}

// errTwoSteps shows all that can be written.
var errTwoSteps = errors.New(`should be optional, required or phishing-resistant, the last two also with a date, such as "required after 2027-01-31"; ` +
	`a stricter one that is to come stands beside the other: "required, phishing-resistant after 2027-01-31"`)

// twoStepsRule reads one of the rules.
func twoStepsRule(text string) (TwoSteps, error) {
	said := strings.Fields(text)
	switch {
	case len(said) == 0 || strictness(said[0]) < 0:
		return TwoSteps{}, errTwoSteps
	case len(said) == 1:
		return TwoSteps{Must: said[0]}, nil
	case len(said) != 3 || said[1] != "after":
		return TwoSteps{}, errTwoSteps
	case said[0] == optional:
		return TwoSteps{}, errors.New("makes two steps optional after a date; rules can only become stricter, so take that one out")
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if from, err := time.Parse(form, said[2]); err == nil {
			return TwoSteps{said[0], from.UTC()}, nil
		}
	}
	return TwoSteps{}, errors.New(said[2] + " is not a date; write it like 2027-01-31 or 2027-01-31T18:00:00Z")
}

// strictness orders what can be asked for; negative: that is nothing of the kind.
func strictness(must string) int {
	return slices.Index([]string{optional, required, phishingResistant}, must)
}

// checkSecond says what is wrong with a rule that comes with or after another.
func checkSecond(first, second TwoSteps) error {
	switch {
	case first.Must == second.Must:
		return fmt.Errorf("says %s twice; keep the one that holds first", first.Must)
	case second.From.IsZero():
		return fmt.Errorf("has two rules without a date, %s and %s; keep one of them, or give the stricter one a date", first.Must, second.Must)
	case first.From.Equal(second.From):
		return fmt.Errorf("has %s and %s from the same time on; keep the stricter one", first.Must, second.Must)
	case strictness(second.Must) < strictness(first.Must):
		return fmt.Errorf("asks with %s after %s for less than with %s, which holds by then; take it out, or change the dates",
			second.Must, second.From.Format(time.DateOnly), first.Must)
	}
	return nil
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
