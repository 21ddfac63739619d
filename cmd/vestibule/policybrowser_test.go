package main

import (
	"testing"
	"time"

	"vestibule/config"
)

// TestPolicyPages looks at the pages that only a policy or a remembered browser brings about.
func TestPolicyPages(t *testing.T) {
	t.Parallel()
	s := newSite(t, sqliteDatabase(t), func(c *config.Config) {
		c.TwoSteps, c.TwoStepsFrom = "required", time.Now().Add(60*24*time.Hour)
		c.CodesAfterRecovery, c.RememberBrowser = "require", 720*time.Hour
	})
	s.addUser("ana")
	sh := s.newShop(t, "shop", false)
	g := newGallery(t, s.newTab(t))
	g.signInAs(sh.begin().address, "ana").at("notice", "initial")
	g.show("notice")
	g.press("Not now").at("consent", "initial").press("Allow").at("shop", "arrived")
	g.open("/account/security").at("security", "off")
	g.show("security-obliged")
	g.press("Sign out").press("Sign out").at("logged-out", "initial")
	uri, codes := g.enrolAfterNotice()

	g.press("Sign out").press("Sign out").at("logged-out", "initial")
	g.signInAs(sh.begin().address, "ana").at("totp", "initial")
	g.show("totp-remember")
	g.toggle("#remember").put("code", g.oathCode(uri, 0)).press("Continue").at("shop", "arrived")
	g.open("/account/security").at("security", "on")
	g.show("security-browsers")
	g.press("Sign out").at("logout", "initial")
	g.show("logout-remembered")
	g.press("Sign out").at("logged-out", "initial")
	g.signInAs(sh.begin().address, "ana").at("shop", "arrived")
	g.open("/account/security").at("security", "on").press("Forget Chrome on Linux").at("totp", "initial")

	g.press("Use a recovery code").at("recovery", "initial")
	g.put("recovery", codes[0]).press("Continue").at("recovery-used", "initial")
	g.show("recovery-used-required")
	g.press("Make new recovery codes").at("codes", "initial")
	g.toggle("#saved").press("Use these new codes").at("security", "on")
	g.t.Logf("%d pages, each in 4 looks: %q", len(g.seen), g.seen)
}

// enrolAfterNotice is enrolByCamera from the notice of the policy.
func (g *gallery) enrolAfterNotice() (uri string, codes []string) {
	g.t.Helper()
	g.signInAs("/account/security", "ana").at("notice", "initial").press("Set it up now").at("setup", "initial")
	uri = g.scan()
	g.put("code", g.oathCode(uri, -1)).press("Continue").at("codes", "initial")
	codes = evaluate[[]string](g.tab, `[...document.querySelectorAll("ol code")].map(e => e.innerText)`)
	for _, code := range codes {
		g.site.keepSecret(code)
	}
	g.toggle("#saved").press("Turn on two-step verification").at("security", "on")
	return uri, codes
}
