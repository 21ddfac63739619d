package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vestibule/provider/account"
	"vestibule/provider/providertest"
)

// refused opens an address and fails the test on a fault of the server.
func (b *browser) refused(t *testing.T, what, address string) *page {
	t.Helper()
	p := b.open(address)
	if p.left != nil || p.status >= http.StatusInternalServerError {
		t.Errorf("%s: %d at %q, %v", what, p.status, address, p.left)
	}
	return p
}

// TestOneSpelling takes every opaque value of a browser through its other spellings: no page takes one, none fails, and
// the right one is good afterwards.
func TestOneSpelling(t *testing.T) {
	eachSiteWith(t, rememberBrowsers, func(t *testing.T, s *site) {
		user := s.addUser("ana")
		s.addUser("ben")
		c := s.newClient(t, "shop")
		b := s.newBrowser(t)
		a, _ := b.enrol("ana")
		s.clock.advance(oneStep)
		b.open("/logout").press("Sign out")
		c.begin().signIn(b, "ana").press("Continue", "code", a.code(0), "remember", "yes").at("consent", "initial").press("Allow")

		s.respellFlows(t, c)
		s.respellCookies(t, b)
		s.respellLinks(t, user)
		s.respellIDs(t, b)
	})
}

func (s *site) respellFlows(t *testing.T, c *client) {
	t.Helper()
	b := s.newBrowser(t)
	sealed := b.open(c.begin().address).at("login", "initial")
	row := sealed.giveName("ben", password).at("consent", "initial")
	for path, p := range map[string]*page{"/login": sealed, "/consent": row} {
		flow := p.value("flow")
		for _, other := range providertest.Spellings(flow) {
			if got := b.refused(t, path, path+"?flow="+url.QueryEscape(other)); got.name != "error" {
				t.Errorf("%s takes the flow %q: page %s", path, other, got.name)
			}
			if got := b.post(path, url.Values{"flow": {other}, "action": {"allow"}}); got.left != nil || got.name != "error" {
				t.Errorf("%s takes a form with the flow %q: page %q", path, other, got.name)
			}
		}
	}
	row.press("Allow")
}

// respellCookies sends each cookie of a signed-in browser in other spellings, alone.
func (s *site) respellCookies(t *testing.T, b *browser) {
	t.Helper()
	home, err := url.Parse(s.config.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, cookie := range b.http.Jar.Cookies(home) {
		seen++
		for _, other := range providertest.Spellings(cookie.Value) {
			for _, path := range []string{"/account/security", "/logout", "/login"} {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.config.Issuer+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				request.Header.Set("Cookie", cookie.Name+"="+strings.NewReplacer("\n", "", "\r", "", "\x00", "").Replace(other))
				if request.Header.Get("Cookie") == cookie.Name+"="+cookie.Value || strings.Contains(other, " ") {
					continue // what cannot stand in a header, or is no part of the value there
				}
				stranger := s.newBrowser(t)
				if got := stranger.follow(request); got.status >= http.StatusInternalServerError || got.name == "security" || got.name == "logout" {
					t.Errorf("cookie %s as %q: page %s (%d)", cookie.Name, other, got.name, got.status)
				}
			}
		}
	}
	if seen < 4 {
		t.Errorf("the browser has %d cookies, want four", seen)
	}
	b.open("/account/security").at("security", "on")
}

func (s *site) respellLinks(t *testing.T, user account.Account) {
	t.Helper()
	link := s.enrolLink(t, "ben")
	address, token, _ := strings.Cut(link, "token=")
	for _, other := range providertest.Spellings(token) {
		s.newBrowser(t).refused(t, "enrolment link", address+"token="+url.QueryEscape(other)).at("enrol-link", "unknown")
	}
	s.must(t, "user", "totp", "reset", "ana", "--reason", "test", "--delay", "24h")
	plan, err := s.store.ResetOf(t.Context(), user.Subject)
	if err != nil {
		t.Fatal(err)
	}
	address, token, _ = strings.Cut(s.first().CancelLink(plan.ID), "token=")
	for _, other := range providertest.Spellings(token) {
		p := s.newBrowser(t).refused(t, "link that cancels", address+"token="+url.QueryEscape(other)).at("reset-cancel", "unknown")
		p.post("/reset/cancel", url.Values{"token": {other}}).at("reset-cancel", "unknown")
	}
	if _, err := s.store.ResetOf(t.Context(), user.Subject); err != nil {
		t.Errorf("the planned reset after other spellings of its link: %v", err)
	}
	s.newBrowser(t).open(link).at("login", "link")
}

// respellIDs names a remembered browser and an authenticator otherwise.
func (s *site) respellIDs(t *testing.T, b *browser) {
	t.Helper()
	p := b.open("/account/security").at("security", "on")
	address, form := p.fill("Forget")
	for _, other := range providertest.Spellings(form.Get("browser")) {
		got := b.post(address, url.Values{"browser": {other}})
		got.at("security", "on").says("That browser was forgotten already")
	}
	rename := p.click("Rename").at("rename", "initial").address.Path
	id := strings.Split(rename, "/")[3]
	for _, other := range providertest.Spellings(id) {
		path := strings.Replace(rename, id, url.PathEscape(other), 1)
		b.refused(t, "authenticator", path)
		if got := b.post(path, url.Values{"name": {"Taken"}}); got.status >= http.StatusInternalServerError {
			t.Errorf("authenticator %q: %d", other, got.status)
		}
	}
	if p := b.open("/account/security").at("security", "on"); strings.Contains(p.text(), "Taken") || !strings.Contains(p.text(), "This browser") {
		t.Errorf("an authenticator or a browser was taken under another spelling of its id:\n%s", p.text())
	}
	b.post(address, form)
	if strings.Contains(b.open("/account/security").text(), "This browser") {
		t.Error("the browser could not be forgotten under its own id")
	}
}
