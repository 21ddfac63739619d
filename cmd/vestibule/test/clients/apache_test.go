package clients

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// TestApache has an unmodified mod_auth_openidc sign users in, and guard APIs: one whose tokens it asks about, and one whose
// tokens it reads.
func TestApache(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	shop := s.NewClient(t, "shop", func(c *client.Client) { c.Audiences = nil })
	a := newApache(t)
	portal, orders, stock := a.origin(), a.origin(), a.origin()
	r := openRecipe(t, "Apache", "https://id.example.com", s.Config.Issuer, "https://portal.example.com", portal,
		url.QueryEscape("https://portal.example.com"), url.QueryEscape(portal),
		"https://orders.example.com", "https://orders.example", "https://stock.example.com", "https://stock.example")
	signOut := hrefOf(t, r.next("html"))
	a.variable("PORTAL_SECRET", r.run(s)[0])
	a.variable("PORTAL_PASSPHRASE", "a passphrase of the test")
	a.host(portal, r.next("apache"))
	a.variable("ORDERS_SECRET", r.run(s)[0])
	a.host(orders, r.next("apache"))
	r.run(s)
	a.host(stock, r.next("apache"))
	a.start()

	t.Run("sign in", func(t *testing.T) { signInAtApache(t, s, portal, signOut) })
	t.Run("guard", func(t *testing.T) {
		guards(t, s, shop, "https://orders.example/api", orders+"/api/list", "https://stock.example/api", stock+"/api/list")
	})
}

// signInAtApache signs a member in and out, and nobody else in.
func signInAtApache(t *testing.T, s *servertest.Site, portal, signOut string) {
	ana, ben := addMember(s.NewBrowser(t), "ana", inGroups("ops", "staff")), addMember(s.NewBrowser(t), "ben", inGroups("ops"))
	b := newVisitor(t, s)
	got := b.back(http.StatusOK, ana.signIn(b.page(portal+"/page?a=b")))
	if got.address.String() != portal+"/page?a=b" || !strings.Contains(got.body, "email=ana@example.com") || !strings.Contains(got.body, "groups=ops,staff") {
		t.Errorf("the app at %s sees %s", got.address, got.body)
	}
	other := newVisitor(t, s)
	if got := other.back(http.StatusUnauthorized, ben.signIn(other.page(portal+"/"))); strings.Contains(got.body, "email") {
		t.Errorf("whoever is not in the group sees %s", got.body)
	}

	b.shows(http.StatusOK, portal+signOut)
	b.page(portal+"/").At("login", "initial")

	s.Clock.Advance(servertest.Step)
	b.back(http.StatusOK, ana.signInAgain(b.page(portal+"/")))
	b.Open("/logout").Press("Sign out").At("logged-out", "initial")
	s.TellLogouts(t)
	b.page(portal+"/").At("login", "initial")
}
