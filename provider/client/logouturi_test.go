package client_test

import (
	"strings"
	"testing"

	"vestibule/provider/client"
)

// TestLogoutURIs says which addresses may hear of the end of a session.
func TestLogoutURIs(t *testing.T) {
	const shop = "https://shop.example/callback"
	for _, tt := range []struct{ back, front, want string }{
		{"https://shop.example/logout", "https://shop.example/out?a=1", ""},
		{"https://10.0.0.7:8443/logout?tenant=a", "", ""},
		{"http://127.0.0.1:8081/logout", "", ""},
		{"http://localhost/logout", "", ""},
		{"http://shop.example/logout", "", `back-channel logout URI "http://shop.example/logout": must be https`},
		{"https://shop.example/logout#x", "", "must not have a fragment"},
		{"https://user@shop.example/logout", "", "must not have a user name"},
		{"com.example.shop:/logout", "", "must be https, or http on a loopback address"},
		{"/logout", "", "must be https, or http on a loopback address"},
		{"https://*.example/logout", "", "must not have a wildcard"},
		{"", "https://evil.example/out", "must have the scheme, host and port of a redirect URI"},
		{"", "https://shop.example:8443/out", "must have the scheme, host and port of a redirect URI"},
		{"", "https://shop.example/out?sid=1", "must not have a parameter"},
		{"", "https://shop.example/out?iss=1", "must not have a parameter"},
		{"", "https://shop.example/out#x", "must not have a fragment"},
	} {
		c := client.Client{ID: "shop", SecretHash: "x", RedirectURIs: []string{shop}, BackchannelLogoutURI: tt.back, FrontchannelLogoutURI: tt.front}
		err := client.Check(c)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%q and %q: %v, want %q", tt.back, tt.front, err, tt.want)
		}
	}
	bare := client.Client{ID: "shop", SecretHash: "x", RedirectURIs: []string{shop}, BackchannelLogoutSessionRequired: true, FrontchannelLogoutSessionRequired: true}
	if err := client.Check(bare); err == nil || strings.Count(err.Error(), "without its URI") != 2 {
		t.Errorf("sessions of nothing: %v", err)
	}
	api := client.Client{ID: "api", SecretHash: "x", ResourceServer: true, BackchannelLogoutURI: "https://api.example/logout"}
	if err := client.Check(api); err == nil || !strings.Contains(err.Error(), "hears of no sign-out") {
		t.Errorf("a resource server: %v", err)
	}
}
