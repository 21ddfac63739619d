package client

import (
	"errors"
	"slices"
	"strings"

	"vestibule/provider/claims"
)

// OfUsers reports whether a scope tells of a user, or stands for one: a client that acts for itself gets none such.
func OfUsers(scope string) bool {
	return scope == ScopeOpenID || scope == ScopeOffline || slices.Contains(claims.Scopes(), scope)
}

// checkItself refuses scopes that a client which acts for itself alone would be refused each time.
func checkItself(c Client) error {
	if c.SignsIn() || !c.Grants(GrantClient) {
		return nil
	}
	theirs := slices.DeleteFunc(slices.Clone([]string(c.Scopes)), func(scope string) bool { return !OfUsers(scope) })
	if len(theirs) == 0 {
		return nil
	}
	return errors.New("there is no user in a client_credentials grant: leave out the scopes " + strings.Join(theirs, ", "))
}
