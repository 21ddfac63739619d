package pages

import (
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
)

// TestPolicyPages looks at the pages that only a policy or a remembered browser brings about.
func TestPolicyPages(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), func(c *config.Config) {
		c.TwoSteps = []config.TwoSteps{{Must: "required", From: time.Now().Add(60 * 24 * time.Hour)}}
		c.CodesAfterRecovery, c.RememberBrowser = "require", 720*time.Hour
	})
	s.AddUser("ana")
	sh := s.NewShop(t, "shop", false)
	g := newGallery(t, s.NewTab(t))
	g.SignInAs(sh.Begin().Address, "ana").At("notice", "initial")
	g.show("notice")
	g.Press("Not now").At("consent", "initial").Press("Allow").At("shop", "arrived")
	g.Open("/account/security").At("security", "off")
	g.show("security-obliged")
	g.Press("Sign out").Press("Sign out").At("logged-out", "initial")
	uri, codes := g.enrolAfterNotice()

	g.Press("Sign out").Press("Sign out").At("logged-out", "initial")
	g.SignInAs(sh.Begin().Address, "ana").At("totp", "initial")
	g.show("totp-remember")
	g.Toggle("#remember").Put("code", g.OathCode(uri, 0)).Press("Continue").At("shop", "arrived")
	g.Open("/account/security").At("security", "on")
	g.show("security-browsers")
	g.Press("Sign out").At("logout", "initial")
	g.show("logout-remembered")
	g.Press("Sign out").At("logged-out", "initial")
	g.SignInAs(sh.Begin().Address, "ana").At("shop", "arrived")
	g.Open("/account/security").At("security", "on").Press("Forget Chrome on Linux").At("totp", "initial")

	g.Press("Use a recovery code").At("recovery", "initial")
	g.Put("recovery", codes[0]).Press("Continue").At("recovery-used", "initial")
	g.show("recovery-used-required")
	g.Press("Make new recovery codes").At("codes", "initial")
	g.Toggle("#saved").Press("Use these new codes").At("security", "on")
	g.T.Logf("%d pages, each in 4 looks: %q", len(g.seen), g.seen)
}

// enrolAfterNotice signs ana in, whom a notice tells what the policy will ask, and sets an authenticator app up from there. It
// returns what a camera reads in the QR code, and the recovery codes.
func (g *gallery) enrolAfterNotice() (uri string, codes []string) {
	g.T.Helper()
	g.SignInAs("/account/security", "ana").At("notice", "initial").Press("Set it up now").At("setup", "initial")
	uri = g.Scan()
	g.Put("code", g.OathCode(uri, -1)).Press("Continue").At("codes", "initial")
	codes = servertest.Evaluate[[]string](g.Tab, `[...document.querySelectorAll("ol code")].map(e => e.innerText)`)
	for _, code := range codes {
		g.Site.KeepSecret(code)
	}
	g.Toggle("#saved").Press("Turn on two-step verification").At("security", "on")
	return uri, codes
}

// TestPagesOfWhatComes looks at what users of an app are told of a rule for keys that is to come.
func TestPagesOfWhatComes(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), func(c *config.Config) {
		servertest.OnLocalhost(c)
		c.TwoSteps = []config.TwoSteps{{Must: "required"}, {Must: "phishing-resistant", From: time.Now().Add(60 * 24 * time.Hour)}}
	})
	s.AddUser("ana")
	g := newGallery(t, s.NewTab(t))
	g.SignInAs("/account/security", "ana").At("setup", "initial").Press("Add an authenticator app").At("setup", "initial")
	g.Put("code", g.OathCode(g.Scan(), -1)).Press("Continue").At("codes", "initial").Toggle("#saved").Press("Turn on two-step verification")
	g.At("notice", "resistant")
	g.show("notice-resistant")
	g.Press("Not now").At("security", "on")
	g.show("security-resistant")
}
