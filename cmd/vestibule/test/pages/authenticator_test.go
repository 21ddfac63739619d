package pages

import (
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
)

// Pages that only some operators have, and that of a new name, keep to the rules of the others.
func TestAuthenticatorPages(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), func(c *config.Config) {
		c.TOTPAlgorithms, c.TOTPDigits, c.TOTPPeriods = []string{"SHA1", "SHA512"}, []int{6, 8}, []int{30, 60}
		c.TOTPAuthenticators = 1
	})
	s.AddUser("ana")
	g := newGallery(t, s.NewTab(t))
	g.SignInAs("/account/authenticators/new", "ana").At("setup", "initial")
	servertest.Evaluate[int](g.Tab, `document.querySelectorAll("details").forEach(d => d.open = true), 0`)
	g.show("setup-choices")
	g.Press("Make a new key").At("setup", "new")
	uri := g.Scan()
	g.Put("code", g.OathCode(uri, 0)).Press("Continue").At("codes", "initial").Toggle("#saved").Press("Turn on two-step verification").At("security", "on")
	g.Press("Rename Authenticator app").At("rename", "initial")
	g.show("rename")
	g.Put("name", "").Press("Rename").At("rename", "required").Focused()
	g.show("rename-required")
	g.Put("name", "Old phone").Press("Rename").At("security", "on")
	g.show("security-renamed")
}
