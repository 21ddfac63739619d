package account

import "testing"

func TestOwnPage(t *testing.T) {
	for path, want := range map[string]string{
		"/account/authenticators/new":         "/account/authenticators/new",
		"/account/activity":                   "/account/activity",
		"/account/activity?new=1":             "/account/activity",
		"/account/recovery-codes":             "/account/recovery-codes",
		"/account/recovery-codes?new=1":       "/account/recovery-codes?new=1",
		"/account/recovery-codes?new=2":       "/account/recovery-codes",
		"/account/recovery-codes/download":    "/account/recovery-codes",
		"/account/authenticators/AB-c/remove": "/account/authenticators/AB-c/remove",
		"/account/authenticators/../remove":   "/account/security",
		"//evil.test":                         "/account/security",
		"https://evil.test/account/security":  "/account/security",
		"":                                    "/account/security",
	} {
		if got := OwnPage(path); got != want {
			t.Errorf("OwnPage(%q) = %q, want %q", path, got, want)
		}
	}
}
