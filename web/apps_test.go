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
	b.open(s.authorize("scope", "openid email")).password("ana").at("consent", "initial").says("under “Connected apps” in your account").press("Allow").client()
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
	if len(revoked) != 1 || revoked[0].Client != "shop" || revoked[0].Subject != "s-ana" || revoked[0].Detail["scopes"] != "openid email" {
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

// TestConnectedAppsOfStrangers: names cannot mislead, whoever they are of.
func TestConnectedAppsOfStrangers(t *testing.T) {
	s := newSite(t)
	now := s.clock.now()
	strange := client.Client{ID: "https://apps.test/notes.json", Name: "Notes<b>", RegisteredBy: client.ByDocument, RedirectURIs: []string{"http://127.0.0.1/cb"}}
	own := client.Client{ID: "own", Name: "Intranet", Consent: client.ConsentNever, SecretHash: "sha256:x", RedirectURIs: []string{"https://own.test/cb"}, LogoURI: "https://own.test/logo.png"}
	s.store.AddClient(strange)
	s.store.AddClient(own)
	for _, id := range []string{strange.ID, own.ID} {
		c, err := s.store.Client(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		allow(t, s, consent.Client{ID: id, Registration: c.Registration}, now)
	}
	allow(t, s, consent.Client{ID: "shop", Registration: "before it was made anew"}, now)
	allow(t, s, consent.Client{ID: "gone"}, now)
	b := s.newBrowser()
	p := b.open("/account/apps").password("ana").at("apps", "initial").
		says("Notes<b>", "apps.test", "(an app that registered itself)", "Intranet", "Your organisation lets this app have access without asking you.")
	for _, unwanted := range []string{"Demo Shop", "gone"} {
		if strings.Contains(p.text(), unwanted) {
			t.Errorf("the page has %s, which is registered no more as it was", unwanted)
		}
	}
	p.click("Remove access of Intranet").at("app-remove", "initial").says("it gets it again when you next sign in to it")
	p.click("Remove access of Notes<b>").press("Remove access").at("apps", "removed")
}

func allow(t *testing.T, s *site, c consent.Client, now time.Time) {
	t.Helper()
	if err := s.config.Consent.Store.AddScopes(t.Context(), "s-ana", c, []string{"openid"}, now); err != nil {
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
