package web

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"testing"

	"vestibule/provider/client"
)

func TestConsentGrows(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	b.open(s.authorize("scope", "openid")).password("ana").at("consent", "initial").says("will not see your personal data").press("Allow").client()
	p := b.open(s.authorize("scope", "openid profile orders:write offline_access")).at("consent", "initial")
	p.says("New:", "See your name, username and the rest of your profile", "orders:write", "Keep this access when you are not using the app", "Already allowed (1)")
	p = p.press("Don’t allow")
	if got := p.client().Get("error"); got != "access_denied" {
		t.Errorf("the client hears %q", got)
	}
	b.open(s.authorize("scope", "openid profile orders:write offline_access")).at("consent", "initial").press("Allow").client()
	b.open(s.authorize("scope", "openid profile")).client()
	b.open(s.authorize("scope", "openid profile", "prompt", "consent")).at("consent", "initial").says("See your name, username and the rest of your profile").press("Allow").client()
}

func TestConsentNotRemembered(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	p := b.open(s.authorize()).password("ana").at("consent", "initial")
	if !has(p.input("remember"), "checked") {
		t.Error("the choice is not remembered by default")
	}
	action, form := p.form("Allow")
	form.Del("remember")
	response := b.send(action, form)
	if !strings.HasPrefix(response.Header.Get("Location"), "https://shop.test/cb?code=") {
		t.Fatalf("the browser goes to %s", response.Header.Get("Location"))
	}
	b.open(s.authorize()).at("consent", "initial")
}

// TestConsentPolicies says of each policy and kind of client whether the user is asked, and what of.
func TestConsentPolicies(t *testing.T) {
	s := newSite(t)
	pkce := []string{"scope", "openid", "code_challenge", strings.Repeat("a", 43), "code_challenge_method", "S256"}
	for _, tt := range []struct {
		policy        client.Consent
		public        bool
		redirect      string
		asked, ticked bool
		types         []string
	}{
		{client.ConsentDefault, false, "https://own.test/cb", true, true, nil},
		{client.ConsentDefault, true, "https://own.test/cb", true, true, nil}, // the web site is known, and can be asked for silently
		{client.ConsentDefault, true, "http://127.0.0.1:1/cb", true, false, nil},
		{client.ConsentAsk, false, "https://own.test/cb", true, false, nil},
		{client.ConsentRemember, false, "https://own.test/cb", true, true, nil},
		{client.ConsentRemember, true, "https://own.test/cb", true, true, nil},
		{client.ConsentNever, false, "https://own.test/cb", false, false, nil},
		{client.ConsentNever, true, "https://own.test/cb", false, false, nil},
		{client.ConsentNever, true, "http://127.0.0.1:1/cb", true, false, nil},
		{client.ConsentNever, true, "own:/cb", true, false, nil},
		{client.ConsentNever, false, "http://127.0.0.1:1/cb", false, false, nil}, // nobody else has a use for the code
		{client.ConsentNever, false, "http://127.0.0.1:1/cb", true, false, []string{"code", "id_token"}},
	} {
		t.Run(fmt.Sprintf("%s, public %v, %s, %v", tt.policy, tt.public, tt.redirect, tt.types), func(t *testing.T) {
			own := client.Client{ID: "own", Name: "Own", Public: tt.public, Consent: tt.policy, RedirectURIs: []string{tt.redirect}, Scopes: []string{"openid"}, ResponseTypes: tt.types}
			if !tt.public {
				own.SecretHash = "sha256:x"
			}
			own.ID = "own-" + rand.Text() // nothing is remembered of the one before
			s.store.AddClient(own)
			ask := func(pairs ...string) string {
				return s.authorize(slices.Concat([]string{"client_id", own.ID, "redirect_uri", tt.redirect}, pkce, pairs)...)
			}
			b := s.newBrowser()
			p := b.open(ask()).password("ana")
			if tt.asked {
				if p = p.at("consent", "initial"); has(p.input("remember"), "checked") != tt.ticked {
					t.Errorf("the box is ticked: %v, want %v", !tt.ticked, tt.ticked)
				}
				p = p.press("Allow")
			}
			if got := p.client(); got.Get("code") == "" {
				t.Errorf("the client gets %v", got)
			}
			if !tt.asked {
				if got := b.open(ask("prompt", "none")).client(); got.Get("code") == "" {
					t.Errorf("asked silently the client gets %v", got)
				}
			}
			b.open(ask("prompt", "consent")).at("consent", "initial")
		})
	}
}

// TestImpostor is about a public client on a loopback address: any program on the device can pose as it.
func TestImpostor(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	native := s.authorize("client_id", "native", "redirect_uri", "http://127.0.0.1:1/cb", "scope", "openid",
		"code_challenge", strings.Repeat("a", 43), "code_challenge_method", "S256")
	for range 2 {
		p := b.open(native)
		if p.name == "login" {
			p = p.password("ana")
		}
		p = p.at("consent", "initial").says("an app on this device")
		if has(p.input("remember"), "checked") {
			t.Error("the choice is remembered by default")
		}
		if got := p.press("Allow", "remember", "yes").client(); got.Get("code") == "" {
			t.Errorf("the client got %v", got)
		}
	}
	if got := b.open(native + "&prompt=none").client(); got.Get("error") != "consent_required" {
		t.Errorf("asked silently the client gets %v, want consent_required", got)
	}
}

func TestUseADifferentAccountAtConsent(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	p := b.open(s.authorize()).password("ana").at("consent", "initial").press("Use a different account").at("login", "initial")
	p.password("ben").at("consent", "initial").says("ben@example.com").press("Allow").client()
	if row := onlySession(t, s); row.Login.Subject != "s-ben" {
		t.Errorf("the session is %s's", row.Login.Subject)
	}
}

func TestNamesCannotMislead(t *testing.T) {
	s := newSite(t)
	s.store.AddClient(clientNamed(`<img src=x onerror=alert(1)>`))
	b := s.newBrowser()
	p := b.open(s.authorize("client_id", "odd", "redirect_uri", "https://odd.test/cb")).at("login", "initial").password("ana").at("consent", "initial")
	if strings.Contains(p.body, "<img") || len(p.all("bdi")) == 0 {
		t.Error("the client's name is markup")
	}
}
