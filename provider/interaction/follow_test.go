package interaction

import (
	"reflect"
	"testing"
	"time"

	"vestibule/provider/client"
)

// TestFollow takes over what has changed of a client, and nothing of one that is another under the same id. That its users
// need not allow it anything any more comes too late for a sign-in that began when they had to.
func TestFollow(t *testing.T) {
	before := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now := client.Client{ID: "shop", Registration: "r", Name: "New", TwoSteps: client.TwoStepsRequired, Scopes: []string{"openid"}, Updated: before.Add(time.Second)}
	with := func(change func(c *client.Client)) client.Client {
		c := now
		change(&c)
		return c
	}
	began := Interaction{Client: "shop", Registered: "r", ClientName: "Old", Decided: before, FirstParty: true, Scopes: []string{"openid", "email"}}
	followed := began
	followed.ClientName, followed.Decided, followed.TwoSteps, followed.FirstParty, followed.Scopes = "New", now.Updated, now.TwoSteps, false, now.Scopes
	for name, tt := range map[string]struct {
		client     client.Client
		firstParty bool // as it began
		change     func(want *Interaction)
	}{
		"changed":         {now, true, func(*Interaction) {}},
		"without a name":  {with(func(c *client.Client) { c.Name = "" }), true, func(want *Interaction) { want.ClientName = "shop" }},
		"first party":     {with(func(c *client.Client) { c.FirstParty = true }), true, func(want *Interaction) { want.FirstParty = true }},
		"trusted by now":  {with(func(c *client.Client) { c.FirstParty = true }), false, func(*Interaction) {}},
		"not changed":     {with(func(c *client.Client) { c.Updated = before }), true, func(want *Interaction) { *want = began }},
		"another by then": {with(func(c *client.Client) { c.Registration = "s" }), true, func(want *Interaction) { *want = began }},
	} {
		got, want := began, followed
		got.FirstParty = tt.firstParty
		tt.change(&want)
		if got.Follow(tt.client); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}
