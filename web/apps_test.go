package web

import (
	"context"
	"strings"
	"testing"
	"time"

	"vestibule/consent"
	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/store"
)

// TestConnectedApps: what the user has allowed is listed, and gone once it is removed: the app has to ask again.
func TestConnectedApps(t *testing.T) {
	s := newSite(t)
	log := s.withLog()
	b := s.newBrowser()
	b.open(s.authorize("scope", "openid email")).password("ana").at("consent", "initial").says("You can remove this access later, under “Connected apps”").press("Allow").client()
	b.open("/account/apps").at("apps", "initial").says("Demo Shop", "shop.test", "See your email address: ana@example.com", "Allowed 3 March 2026")
	p := b.open("/account/security").click("Connected apps").at("apps", "initial").click("Remove access of Demo Shop").at("app-remove", "initial").says("Remove the access of Demo Shop?", "It has to ask you")
	p.click("Keep it").at("apps", "initial").says("Demo Shop")
	p.press("Remove access").at("apps", "removed").says("Demo Shop has no access to your account any more.", "No app has access to your account.")
	b.open("/account/apps").at("apps", "none")
	b.open("/account/apps/remove?client=shop").at("apps", "gone") // Back, and reload
	b.open("/account/activity").says("The access of Demo Shop was removed.")
	b.open(s.authorize("scope", "openid email")).at("consent", "initial")
	revoked, err := log.Activity(t.Context(), "s-ana", []string{audit.EventConsentRevoked}, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(revoked) != 1 || revoked[0].Client != "shop" || revoked[0].Subject != "s-ana" || revoked[0].Detail["scopes"] != "email openid" {
		t.Errorf("the log has %+v", revoked)
	}
}

// TestRemoveAppOfAnother: nobody ends, or learns, what somebody else has allowed.
func TestRemoveAppOfAnother(t *testing.T) {
	s := newSite(t)
	ana, ben := s.newBrowser(), s.newBrowser()
	ana.open(s.authorize("scope", "openid")).password("ana").press("Allow").client()
	ben.open(s.authorize("scope", "openid")).password("ben").press("Allow").client()
	p := ben.open("/account/apps/remove?client=shop").at("app-remove", "initial")
	p.press("Remove access").at("apps", "removed")
	ben.open("/account/apps/remove?client=shop").at("apps", "gone")
	ana.open("/account/apps").at("apps", "initial").says("Demo Shop")
}

// TestConnectedAppsOfStrangers: what the page says of each app is true, and names cannot mislead, whoever they are of.
func TestConnectedAppsOfStrangers(t *testing.T) {
	s := newSite(t)
	now := s.clock.now()
	many := []string{"a1", "a2", "a3", "a4", "a5", "a6", "a7"}
	for _, c := range []client.Client{
		{ID: "https://apps.test/notes.json", Name: "Notes<b>", RegisteredBy: client.ByDocument, RedirectURIs: []string{"http://127.0.0.1/cb"}},
		{ID: "a-first", Name: "Zebra", RegisteredBy: client.ByItself, RedirectURIs: []string{"https://bank.test/cb", "https://zebra.test/cb"}},
		{ID: "own", Name: "Intranet", Consent: client.ConsentNever, SecretHash: "sha256:x", RedirectURIs: []string{"https://own.test/cb"}, LogoURI: "https://own.test/logo.png"},
		{ID: "first-party", Name: "Lobby", FirstParty: true, RedirectURIs: []string{"https://lobby.test/cb"}},
		{ID: "asked", Name: "Pocket knife", Public: true, Consent: client.ConsentNever, RedirectURIs: []string{"http://127.0.0.1/cb"}},
	} {
		s.store.AddClient(c)
		registered, err := s.store.Client(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		allow(t, s, consent.Client{ID: c.ID, Registration: registered.Registration}, now, "openid")
	}
	allow(t, s, consent.Client{ID: "shop", Registration: "before it was made anew"}, now, "openid")
	allow(t, s, consent.Client{ID: "gone"}, now, "openid")
	native, err := s.store.Client(t.Context(), "native")
	if err != nil {
		t.Fatal(err)
	}
	allow(t, s, consent.Client{ID: "native", Registration: native.Registration}, now, many...)
	b := s.newBrowser()
	p := b.open("/account/apps").password("ana").at("apps", "initial").
		says("Notes<b>", "apps.test", "(an app that registered itself)", "Intranet", "own.test", "Since 3 March 2026", "7 permissions")
	text := p.text()
	for _, unwanted := range []string{"Demo Shop", "gone", "bank.test", "zebra.test", "allowed something only once"} {
		if strings.Contains(text, unwanted) {
			t.Errorf("the page has %s", unwanted)
		}
	}
	if n := strings.Count(text, "lets this app have access without asking you"); n != 2 {
		t.Errorf("%d apps are said to ask for nothing, want Intranet and Lobby", n)
	}
	if z, n := strings.Index(text, "Zebra"), strings.Index(text, "Notes"); z < n {
		t.Error("the apps are not in the order of their names")
	}
	if p.find("img") != nil {
		t.Error("there is a logo, and nobody to show it")
	}
	own := p.click("Remove access of Intranet").at("app-remove", "initial").says("it gets it again when you next sign in to it")
	if strings.Contains(own.text(), "while you are away") {
		t.Error("the app is said to work while the user is away")
	}
	p.click("Remove access of Pocket knife").at("app-remove", "initial").says("It has to ask you before it can use your account again.")
	p.click("Remove access of Notes<b>").press("Remove access").at("apps", "removed")
}

// TestConnectedAppsNameTheAPI: what an app may do elsewhere in the user's name is told as on the consent page.
func TestConnectedAppsNameTheAPI(t *testing.T) {
	s := newSite(t)
	s.store.AddClient(client.Client{ID: "books", Name: "Ledger", ResourceServer: true, ResourceScopes: []string{"orders:write"}})
	api, err := s.store.Client(t.Context(), "books")
	if err != nil {
		t.Fatal(err)
	}
	shop, err := s.store.Client(t.Context(), "shop")
	if err != nil {
		t.Fatal(err)
	}
	allow(t, s, consent.Client{ID: "shop", Registration: shop.Registration}, s.clock.now(), "openid", "orders:write", "api="+api.Registration+":books", "api=of another time:shop")
	p := s.newBrowser().open("/account/apps").password("ana").at("apps", "initial").says("It can use Ledger in your name.", "orders:write – a permission at Ledger")
	if strings.Contains(p.text(), "api=") || strings.Contains(p.text(), "use Demo Shop in your name") {
		t.Errorf("the page says %s", p.text())
	}
}

// TestRemoveAppTwice: a form that is sent twice is answered as the first time; and who has to sign in before comes back to the
// question.
func TestRemoveAppTwice(t *testing.T) {
	s := newSite(t)
	log := s.withLog()
	b := s.newBrowser()
	b.open(s.authorize("scope", "openid")).password("ana").press("Allow").client()
	p := b.open("/account/apps/remove?client=shop").at("app-remove", "initial")
	s.clock.forward(2 * time.Hour)
	p = p.press("Remove access").password("ana").at("app-remove", "initial").says("Demo Shop")
	for range 2 {
		p.press("Remove access").at("apps", "removed").says("Demo Shop has no access")
	}
	if events, err := log.Activity(t.Context(), "s-ana", []string{audit.EventConsentRevoked}, "", 10); err != nil || len(events) != 1 {
		t.Errorf("the log has %+v (%v), want one event", events, err)
	}
	b.open("/account/apps/remove").at("apps", "gone")
}

// TestTokensElsewhere: where tokens are kept elsewhere the pages do not promise more than is known here.
func TestTokensElsewhere(t *testing.T) {
	s := newSite(t)
	s.configure(func(c *Config) { c.Source.TokensElsewhere = true })
	b := s.newBrowser()
	p := b.open(s.authorize("scope", "openid")).password("ana").at("consent", "initial")
	if strings.Contains(p.text(), "remove this access later") {
		t.Error("the consent page promises what it may not keep")
	}
	b.open("/account/apps").at("apps", "none").says("Apps that you have allowed something only once are not listed here.")
}

func allow(t *testing.T, s *site, c consent.Client, now time.Time, what ...string) {
	t.Helper()
	if err := s.config.Consent.Store.AddScopes(t.Context(), "s-ana", c, what, now); err != nil {
		t.Fatal(err)
	}
}

// silent are clients of whom nothing is heard.
type silent struct{}

func (silent) Client(context.Context, string) (client.Client, error) {
	return client.Client{}, store.ErrUnavailable
}

// TestConnectedAppsWithoutNames: what keeps the clients does not answer, and the user can still take everything back.
func TestConnectedAppsWithoutNames(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	b.open(s.authorize("scope", "openid")).password("ana").press("Allow").client()
	s.configure(func(c *Config) { c.Source.Clients = silent{} })
	b.open("/account/apps").at("apps", "initial").click("Remove access of shop").at("app-remove", "initial").press("Remove access").at("apps", "removed").says("shop has no access")
}

// TestNoConsentNoApps: where nobody is asked for consent there is no such page, nor a word of it.
func TestNoConsentNoApps(t *testing.T) {
	s := newSite(t)
	s.configure(func(c *Config) { c.Consent = new(consent.Service) })
	b := s.newBrowser()
	if p := b.open("/account/security").password("ana").at("security", "off"); strings.Contains(p.text(), "Connected apps") {
		t.Error("the page tells of connected apps")
	}
	b.open("/account/apps").at("error", "not-found")
}
