package hydra

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/account"
)

// TestClaimsOfTheUser are in Hydra's ID tokens by the scopes that the user allows, as those of a client here.
func TestClaimsOfTheUser(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		u := &user{world: w, t: t, b: w.NewBrowser(t), name: "ana"}
		u.subject = w.AddUser("ana", func(a *account.Account) {
			a.Groups = []string{"staff"}
			a.Attributes = map[string]string{"given_name": "Ana", "phone_number": "+351 21 000 0000", "address.country": "PT"}
		}).Subject
		u.enrol()
		w.Clock.Advance(servertest.Step)
		about := map[string]map[string]any{
			"email":   {"email": "ana@example.com", "email_verified": true},
			"phone":   {"phone_number": "+351 21 000 0000", "phone_number_verified": false},
			"address": {"address": map[string]any{"country": "PT"}},
			"groups":  {"groups": []any{"staff"}},
			"profile": {"name": "Ana Lima", "given_name": "Ana", "preferred_username": "ana"},
		}
		for _, scopes := range [][]string{{}, {"email"}, {"phone"}, {"address"}, {"groups"}, {"profile"}, {"profile", "email", "address", "phone", "groups"}} {
			answer := u.ask("shop", "scope", strings.Join(append([]string{"openid"}, scopes...), " "))
			token, err := u.oauth("shop").Exchange(t.Context(), answer.Get("code"))
			if err != nil {
				t.Fatal(err)
			}
			id, err := u.issuer().Verifier(&oidc.Config{ClientID: "shop", Now: u.Clock.Now}).Verify(t.Context(), token.Extra("id_token").(string))
			var got map[string]any
			if err == nil {
				err = id.Claims(&got)
			}
			if err != nil {
				t.Fatal(err)
			}
			for scope, claims := range about {
				for name, value := range claims {
					if !slices.Contains(scopes, scope) {
						value = nil
					}
					if !reflect.DeepEqual(got[name], value) {
						t.Errorf("with the scopes %q %s is %v, want %v", scopes, name, got[name], value)
					}
				}
			}
		}
	})
}
