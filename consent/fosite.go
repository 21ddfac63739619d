package consent

import (
	"slices"

	"github.com/ory/fosite"
)

// Apply grants the scopes that the user allowed. A scope that the client did not ask for in
// this request is left out, however long ago it was allowed.
func Apply(ar fosite.AuthorizeRequester, scopes []string) {
	for _, scope := range scopes {
		if slices.Contains(ar.GetRequestedScopes(), scope) {
			ar.GrantScope(scope)
		}
	}
}
