package hydra

import (
	"testing"
	"time"

	"vestibule/provider/hydra/hydratest"
)

// TestClientChanged changes the client between the request and the answer, when a page was shown and when none had to be:
// the client gets what it may get as it is registered by then.
func TestClientChanged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		corp := func(change func(c *hydratest.Client)) {
			c := hydratest.Client{
				ID: "corp", Name: "The corp", Secret: "secret", RedirectURIs: []string{callback}, SkipConsent: true, Scope: "openid offline_access profile email",
				Metadata: []byte(`{"vestibule":{"acr_names":{"aal1":["gold"],"aal2":["silver"]}}}`),
			}
			change(&c)
			w.Clock.Advance(time.Second)
			w.hydra.SetClient(c)
		}
		as := func(c *hydratest.Client) {}
		u := w.user(t, "ana").enrol()
		for _, tt := range []struct {
			name   string
			change func(c *hydratest.Client)
			pages  string // after the change, which comes when the code is asked for
			acr    string
			scope  string
		}{
			{"not at all", as, "totp", "gold", "openid offline_access profile"},
			{"consent is owed", func(c *hydratest.Client) { c.SkipConsent = false }, "totp consent", "gold", "openid offline_access profile"},
			{"a level has another name", func(c *hydratest.Client) {
				c.Metadata = []byte(`{"vestibule":{"acr_names":{"aal2":["gold"]}}}`)
			}, "totp", "gold", "openid offline_access profile"},
			{"a name is not known", func(c *hydratest.Client) { c.Metadata = nil }, "totp", "aal2", "openid offline_access profile"},
			{"a scope is not registered", func(c *hydratest.Client) { c.Scope = "openid profile" }, "totp", "gold", "openid profile"},
		} {
			corp(as)
			u.b.Open("/logout")
			p := u.answer(u.open(u.authURL("corp", "acr_values", "gold", "prompt", "login"))).At("totp", "initial")
			corp(tt.change)
			u.pages = nil
			got, token := u.redeem("corp", u.goOn(p))
			if scope, _ := token.Extra("scope").(string); got.ACR != tt.acr || scope != tt.scope {
				t.Errorf("%s: acr %q, scope %q, want %q, %q", tt.name, got.ACR, scope, tt.acr, tt.scope)
			}
			u.saw(tt.pages)
		}
	})
}
