package claims_test

import (
	"reflect"
	"slices"
	"testing"

	"vestibule/provider/claims"
)

// ana are all values that one can have.
func ana() claims.Values {
	v := claims.Values{
		"name": "Ana Lima", "preferred_username": "ana", "updated_at": int64(1790000000), "email": "ana@example.com",
		"email_verified": true, "groups": []string{"finance", "staff"}, "password_hash": "none of their business",
	}
	whole().AddTo(v)
	return v
}

// TestScopes gives what OIDC Core 5.4 says, and nothing else.
func TestScopes(t *testing.T) {
	for _, tt := range []struct {
		scopes []string
		want   []string
	}{
		{nil, nil},
		{[]string{"openid", "offline_access", "orders:write", "PROFILE"}, nil},
		{[]string{"email"}, []string{"email", "email_verified"}},
		{[]string{"address"}, []string{"address"}},
		{[]string{"phone"}, []string{"phone_number", "phone_number_verified"}},
		{[]string{"groups"}, []string{"groups"}},
		{[]string{"profile"}, []string{
			"birthdate", "family_name", "gender", "given_name", "locale", "middle_name", "name", "nickname", "picture",
			"preferred_username", "profile", "updated_at", "website", "zoneinfo",
		}},
		{append([]string{"openid"}, claims.Scopes()...), slices.Sorted(slices.Values(claims.Names()))},
	} {
		if got := namesOf(ana().For(tt.scopes, nil)); !slices.Equal(got, tt.want) {
			t.Errorf("the scopes %q give %q, want %q", tt.scopes, got, tt.want)
		}
	}
	for _, name := range claims.Names() {
		if scope := claims.ScopeOf(name); !slices.Contains(claims.Scopes(), scope) {
			t.Errorf("the claim %s is of the scope %q", name, scope)
		}
	}
	if got := (claims.Values{"email_verified": false}).For([]string{"email", "phone"}, nil); !reflect.DeepEqual(got, map[string]any{"email_verified": false}) {
		t.Errorf("of a value alone it gives %v", got)
	}
}

func namesOf(given map[string]any) []string {
	var names []string
	for name := range given {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
