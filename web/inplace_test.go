package web

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// sendFrom presses a button of the page as it stands at that address.
func (s *screen) sendFrom(address, label string, fields ...string) *screen {
	s.t.Helper()
	action, form := s.form(label, fields...)
	r, err := http.NewRequest(http.MethodPost, s.visitor.address(action), strings.NewReader(form.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", s.server.URL)
	r.Header.Set("Referer", address)
	return s.follow(r)
}

// TestPageInPlace asks which pages stand at the address of the request, and which are sent to.
func TestPageInPlace(t *testing.T) {
	s := newSite(t)
	ana := s.newBrowser()
	ana.open(s.authorize("scope", "openid")).password("ana").press("Allow", "remember", "yes").client()
	for name, tt := range map[string]struct {
		b       *visitor
		address string
		page    string // empty: another address is led to
	}{
		"a stranger":                   {s.newBrowser(), s.authorize(), "login"},
		"a stranger with PKCE":         {s.newBrowser(), s.authorize("nonce", "", "code_challenge", strings.Repeat("a", 43), "code_challenge_method", "S256"), "login"},
		"nothing of this request":      {s.newBrowser(), s.authorize("nonce", ""), ""},
		"a request object":             {s.newBrowser(), s.authorize("request", "x"), ""},
		"a session that will do":       {ana, s.authorize("scope", "openid"), ""},
		"a session, and more to allow": {ana, s.authorize(), "consent"},
		"a choice":                     {ana, s.authorize("prompt", "select_account"), "continue"},
		"a password again":             {ana, s.authorize("prompt", "login"), "login"},
		"a set-up":                     {ana, s.authorize("acr_values", "aal2"), ""},
		"a silent request":             {ana, s.authorize("prompt", "none"), ""},
		"a page of our own":            {s.newBrowser(), s.server.URL + "/account/security", ""},
	} {
		response, err := tt.b.http.Get(tt.address)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if tt.page == "" {
			if response.StatusCode != http.StatusSeeOther {
				t.Errorf("%s: answered %d, want 303", name, response.StatusCode)
			}
			continue
		}
		p := tt.b.read(response).at(tt.page, "initial").answers(http.StatusOK)
		if attr(p.input("flow"), "data-page-address") == "" {
			t.Errorf("%s: page %s does not say what its own address is", name, p.name)
		}
		if own := p.reload().at(tt.page, "initial"); attr(own.input("flow"), "data-page-address") != "" {
			t.Errorf("%s: page %s does not stand at its own address", name, p.name)
		}
	}
}

// TestReloadInPlace reloads pages that no script has given an address of their own. Each sign-in goes on, also the one before.
func TestReloadInPlace(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	address := s.authorize()
	first, second := b.open(address).at("login", "initial"), b.open(address).at("login", "initial")
	second.sendFrom(address, "Sign in", "username", "ana", "password", "wrong").at("login", "wrong")
	b.open(address).at("login", "initial") // Back
	consent := first.sendFrom(address, "Sign in", "username", "ana", "password", secret).at("consent", "initial")
	again := b.open(address).at("consent", "initial")
	again.sendFrom(address, "Use a different account").at("login", "initial").password("ben").at("consent", "initial").says("ben@example.com")
	consent.sendFrom(address, "Allow").at("login", "again") // by ana, who has gone
	b.open(address).at("consent", "initial").says("ben@example.com").sendFrom(address, "Allow").client()

	late := s.newBrowser().open(address).at("login", "initial")
	s.clock.forward(61 * time.Minute)
	late.sendFrom(address, "Sign in", "username", "ana", "password", secret).at("error", "expired").press("Start again").at("login", "initial")
	late.open(address).at("login", "initial")
}

// TestBackInPlace goes back to the address of a request that was answered. The client has taken what it was answered, and must
// not be sent the same again before the user has said so.
func TestBackInPlace(t *testing.T) {
	s := newSite(t)
	address := s.authorize()
	b := s.newBrowser()
	b.open(address).sendFrom(address, "Sign in", "username", "ana", "password", secret).at("consent", "initial").press("Allow", "remember", "yes").client()
	back := b.open(address).at("error", "elsewhere").answers(http.StatusConflict)
	b.open(address).at("error", "elsewhere")
	if got := b.open(address + "&prompt=none").client(); got.Get("code") == "" {
		t.Errorf("asked silently, the client gets %v", got)
	}
	if got := b.open(s.authorize("nonce", "other")).client(); got.Get("code") == "" {
		t.Errorf("for another request the client gets %v", got)
	}
	if got := back.sendFrom(address, "Continue to Demo Shop").client(); got.Get("code") == "" || got.Get("state") != "st" {
		t.Errorf("who goes on brings the client %v", got)
	}
	denied := s.authorize("prompt", "consent", "nonce", "denied")
	if got := b.open(denied).at("consent", "initial").sendFrom(denied, "Don’t allow").client(); got.Get("error") != "access_denied" {
		t.Errorf("the client gets %v", got)
	}
	b.open(denied).at("error", "elsewhere")
	last := ""
	for _, nonce := range []string{"1", "2", "3", "4", "5", "6"} { // the oldest is forgotten
		last = s.authorize("prompt", "login", "nonce", nonce)
		s.clock.forward(time.Second)
		b.open(last).at("login", "initial").sendFrom(last, "Sign in", "password", secret).client()
		b.open(last).at("error", "elsewhere")
	}
	b.open(denied).at("consent", "initial")

	b.open("/logout").press("Sign out").at("logged-out", "initial")
	b.open(last).at("login", "initial") // there is nothing to go on with
}

// TestBackToOwnAddress is the same with scripts: the address of the request is not in the history, and may be asked for as often
// as the client likes.
func TestBackToOwnAddress(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	page := b.open(s.authorize()).at("login", "initial")
	s.clock.forward(time.Second)
	page.sendFrom(page.address.String(), "Sign in", "username", "ana", "password", secret).at("consent", "initial").press("Allow", "remember", "yes").client()
	page.reload().at("error", "elsewhere")
	if b.cookie("vestibule-a") != "" {
		t.Error("the browser remembers an address that it does not have")
	}
	if got := b.open(s.authorize()).client(); got.Get("code") == "" {
		t.Errorf("the client gets %v", got)
	}
}
