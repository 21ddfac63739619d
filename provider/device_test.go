package provider_test

import (
	"net/http"
	"net/url"
	"testing"

	"vestibule/provider/client"
	"vestibule/provider/device"
)

// Strangers can have devices wait, but not without end, and hear when to come again.
func TestDevicesOfStrangers(t *testing.T) {
	o := newOP(t)
	o.store.AddClient(client.Client{ID: "tv", Public: true, Scopes: []string{"openid"}, GrantTypes: []string{client.GrantDevice}})
	ask := func() *http.Response {
		return o.do(post("/device_authorization", url.Values{"client_id": {"tv"}, "scope": {"openid"}}))
	}
	for range device.Most {
		if r := ask(); r.StatusCode != http.StatusOK {
			t.Fatalf("a device is answered %s", r.Status)
		}
	}
	r := ask()
	wait := r.Header.Get("Retry-After")
	if status, body := decode(t, r); status != http.StatusTooManyRequests || body["error"] != "slow_down" || wait != "60" {
		t.Errorf("one too many is answered %d %v, Retry-After %q", status, body, wait)
	}
}
