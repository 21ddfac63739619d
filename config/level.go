package config

import (
	"fmt"
	"slices"
	"strings"
)

var levels = []string{"aal1", "aal2", "phr"}

// acrNames reads "aal2=https://refeds.org/profile/mfa, aal1=1, aal2=2". An empty value leaves the levels no other names.
func acrNames(c *Config, value string) error {
	c.ACRNames = map[string][]string{}
	for _, item := range items(value) {
		level, name, ok := strings.Cut(item, "=")
		switch {
		case !ok || name == "":
			return fmt.Errorf("%q is not of the form level=name, such as aal2=https://refeds.org/profile/mfa", item)
		case !slices.Contains(levels, level):
			return fmt.Errorf("there is no level %q; the levels are %s", level, strings.Join(levels, ", "))
		}
		c.ACRNames[level] = append(c.ACRNames[level], name)
	}
	return nil
}

func levelRules(c Config) []rule {
	all := slices.Clone(levels)
	for _, level := range levels {
		all = append(all, c.ACRNames[level]...)
	}
	distinct := slices.Compact(slices.Sorted(slices.Values(all)))
	return []rule{
		{"acr_names", slices.ContainsFunc(all, func(name string) bool { return !acrName(name) }), "has a name that is longer than 200 characters, or has quotes, backslashes or characters that are not ASCII"},
		{"acr_names", len(distinct) < len(all), "has a name twice; each name stands for one level, and aal1, aal2 and phr for themselves"},
	}
}

// acrName is what provider.CheckACRNames asks of a name, which this package does not know.
func acrName(name string) bool {
	return len(name) <= 200 && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
}
