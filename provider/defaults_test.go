package provider_test

import (
	"testing"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/client"
)

// What a client has registered for its requests counts where a request does not say (OpenID Connect Registration section 2).
func TestRegisteredDefaults(t *testing.T) {
	o := newOP(t)
	seconds := int64(90)
	o.change("shop", func(c *client.Client) { c.DefaultMaxAge, c.DefaultACRValues = &seconds, []string{"aal2", "aal1"} })
	for _, tt := range []struct {
		name   string
		sent   []string
		maxAge time.Duration
		acr    string
	}{
		{"none", nil, 90 * time.Second, assurance.LevelTwo},
		{"empty", []string{"max_age", "", "acr_values", ""}, 90 * time.Second, assurance.LevelTwo},
		{"max_age", []string{"max_age", "5"}, 5 * time.Second, assurance.LevelTwo},
		{"acr_values", []string{"acr_values", "aal1"}, 90 * time.Second, assurance.LevelOne},
		{"claims", []string{"claims", `{"id_token":{"acr":{"values":["aal1"]}}}`}, 90 * time.Second, assurance.LevelOne},
	} {
		o.ui.hold = true
		for how, begin := range map[string]func(){
			"in an address": func() { o.authorize(request(tt.sent...)) },
			"pushed":        func() { o.opened(o.push(tt.sent...)) },
		} {
			o.ui.last = nil
			begin()
			if o.ui.last == nil {
				t.Fatalf("%s, %s: no sign-in began: %v", tt.name, how, o.ui.err)
			}
			d := o.ui.last.Demand
			if !d.HasMaxAge || d.MaxAge != tt.maxAge || d.PreferredACR != tt.acr || d.EssentialACR != "" {
				t.Errorf("%s, %s: %+v, want max_age %v and acr %s", tt.name, how, d, tt.maxAge, tt.acr)
			}
		}
	}
	again := int64(0)
	o.change("shop", func(c *client.Client) { c.DefaultMaxAge, c.DefaultACRValues = &again, nil })
	o.authorize(request())
	if d := o.ui.last.Demand; !d.PromptLogin || d.PreferredACR != "" {
		t.Errorf("default_max_age 0: %+v, want a new sign-in each time", d)
	}
}
