// Package claims is what relying parties can learn of a user, in the words of OpenID Connect Core section 5: the standard
// claims, the scopes that stand for them, the attributes that an operator gives a user to fill them, and the claims
// parameter of a request, which asks for them one by one. It knows no users, no clients and no tokens.
//
// Start with [Values.For]: which claims do these scopes and these wishes give? [Request.Within] is what a client may ask for.
package claims

import (
	"slices"
)

// Scopes that stand for claims about a user (OIDC Core 5.4); groups is none of the standard's, but what many clients ask
// for by that name.
const (
	ScopeProfile = "profile"
	ScopeEmail   = "email"
	ScopeAddress = "address"
	ScopePhone   = "phone"
	ScopeGroups  = "groups"
)

// byScope are the scopes in the order of OIDC Core 5.4, and the claims that each gives.
var byScope = []struct {
	scope string
	names []string
}{
	{ScopeProfile, []string{
		"name", "given_name", "family_name", "middle_name", "nickname", "preferred_username", "profile", "picture", "website",
		"gender", "birthdate", "zoneinfo", "locale", "updated_at",
	}},
	{ScopeEmail, []string{"email", "email_verified"}},
	{ScopeAddress, []string{"address"}},
	{ScopePhone, []string{"phone_number", "phone_number_verified"}},
	{ScopeGroups, []string{"groups"}},
}

// Scopes returns the scopes that stand for claims.
func Scopes() []string {
	var all []string
	for _, s := range byScope {
		all = append(all, s.scope)
	}
	return all
}

// Names returns all claims about a user that there are.
func Names() []string {
	var all []string
	for _, s := range byScope {
		all = append(all, s.names...)
	}
	return all
}

// ScopeOf returns the scope that gives the claim; empty: none does.
func ScopeOf(name string) string {
	for _, s := range byScope {
		if slices.Contains(s.names, name) {
			return s.scope
		}
	}
	return ""
}

// Values are all that is known of a user, by the names of the claims. What is empty is not among them (OIDC Core 5.3.2).
type Values map[string]any

// For returns what the scopes give, and those of the wishes that the user's value fulfils. Nothing else of what is in the
// Values gets out.
func (v Values) For(scopes []string, wishes map[string]Wish) map[string]any {
	given := map[string]any{}
	for _, s := range byScope {
		for _, name := range s.names {
			value, has := v[name]
			wish, wished := wishes[name]
			if has && (slices.Contains(scopes, s.scope) || wished && wish.fulfilled(value)) {
				given[name] = value
			}
		}
	}
	return given
}
