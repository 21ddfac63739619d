package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vestibule/provider/client"
)

func TestLogout(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	waiting := b.open(s.authorize()).at("consent", "initial")
	p := b.open("/logout").at("logout", "initial").says("Sign out of Vestibule?", "You are signed in as ana@example.com.")
	p.click("Stay signed in").at("security", "off")
	action, form := p.form("Sign out")
	response := b.send(action, form)
	if response.StatusCode != http.StatusSeeOther || response.Header.Get("Clear-Site-Data") != `"cache"` {
		t.Errorf("signing out answers %s, %v", response.Status, response.Header)
	}
	b.open(response.Header.Get("Location")).at("logged-out", "initial").says("You are signed out", "of Vestibule on this device")
	if b.cookie("vestibule-s") != "" || b.cookie("vestibule-b") != "" || len(s.sessions.rows) != 0 {
		t.Error("something of the session is left")
	}
	b.open(s.authorize()).at("login", "initial")
	waiting.press("Allow").at("error", "unknown") // whoever sits there now
	b.open("/logout").at("logged-out", "initial").click("Sign in again").at("login", "initial")
}

func TestLinkDoesNotSignOut(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	b.open("/logout")
	b.open("/account").at("security", "off")
}

// TestLogoutForApp is asked for by an app that has no ID token to show. The user is told whose wish it is, in the language of
// the app, and goes back to it.
func TestLogoutForApp(t *testing.T) {
	s := newSite(t)
	s.store.AddClient(client.Client{
		ID: "till", Name: "Demo Shop", SecretHash: "sha256:x", RedirectURIs: []string{"https://till.test/cb"}, PostLogoutRedirectURIs: []string{"https://till.test/out"},
	})
	ask := func(more ...string) string {
		q := url.Values{"client_id": {"till"}}
		for i := 0; i < len(more); i += 2 {
			q.Set(more[i], more[i+1])
		}
		return "/end-session?" + q.Encode()
	}
	b := s.signedIn(nil)
	p := b.open(ask("post_logout_redirect_uri", "https://evil.test/")).at("error", "sign-out").answers(http.StatusBadRequest)
	p.says("Demo Shop sent a request we can’t use", "not registered for it", "You are still signed in here").click("Sign out").at("logout", "initial")
	b.open(ask("id_token_hint", "x")).at("error", "sign-out").says("The app did not prove that it asks for somebody who has signed in here.")
	b.open(ask("state", "a")+"&state=b").at("error", "sign-out").says("The app made a mistake in its request.")
	b.open("/end-session?%zz").at("error", "sign-out")
	b.open("/end-session?client_id=nobody").at("error", "sign-out").says("We don’t know this app.")

	p = b.open(ask("post_logout_redirect_uri", "https://till.test/out", "state", "st")).at("logout", "app")
	p.says("Demo Shop asks to sign you out here too.", "You are signed in as ana@example.com.")
	action, form := p.form("Sign out")
	response := b.send(action, form)
	if to := response.Header.Get("Location"); to != "https://till.test/out?state=st" {
		t.Errorf("signing out leads to %q", to)
	}
	if len(s.sessions.rows) != 0 {
		t.Error("the session is left")
	}
	b.open("/logged-out?client_id=nobody").at("logged-out", "initial")
	b.open(ask()).at("logged-out", "app").says("Back to Demo Shop").click("Sign in again").at("login", "initial")
}

// TestLogoutInLanguageOfApp keeps the language that the app has asked for until the end.
func TestLogoutInLanguageOfApp(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	p := b.open("/end-session?ui_locales=" + strangeTag)
	p.at("logout", "initial")
	if got := p.header.Get("Content-Language"); got != strangeTag {
		t.Errorf("the question is in %q, want %q", got, strangeTag)
	}
	action, form := p.form("Sign out")
	if to := b.send(action, form).Header.Get("Location"); !strings.HasSuffix(to, "/logged-out?ui_locales="+strangeTag) {
		t.Errorf("the answer leads to %s", to)
	}
	if got := b.open("/logged-out?ui_locales=" + strangeTag).header.Get("Content-Language"); got != strangeTag {
		t.Errorf("the end is in %q, want %q", got, strangeTag)
	}
}
