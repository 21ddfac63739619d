package resource

import (
	"errors"
	"fmt"
	"slices"
)

// levels are the names of the server's levels, lowest first. Who has proved a higher one has proved what a lower one asks
// for: a server that is asked for the lower one answers at once, and with the name of that.
type levels [][]string

// defaultLevels are Vestibule's.
var defaultLevels = levels{{"aal1"}, {"aal2"}, {"phr"}}

// check says what is wrong with levels that somebody has configured.
func (l levels) check() error {
	seen := map[string]bool{}
	for _, names := range l {
		if len(names) == 0 {
			return errors.New("one of the levels has no name")
		}
		for _, name := range names {
			if name == "" || seen[name] {
				return fmt.Errorf("the levels have the name %q twice, or one that is empty: each name stands for one level", name)
			}
			seen[name] = true
		}
	}
	return nil
}

// rank is the place of a name; negative: it is none of these.
func (l levels) rank(name string) int {
	return slices.IndexFunc(l, func(names []string) bool { return slices.Contains(names, name) })
}

// reach reports whether the acr of a token is one of those that are wanted, or that of a level which is no lower. A name
// that is none of the levels stands for itself alone.
func (l levels) reach(acr string, wanted []string) bool {
	has := l.rank(acr)
	return slices.ContainsFunc(wanted, func(name string) bool {
		asked := l.rank(name)
		return name == acr || asked >= 0 && has >= asked
	})
}
