package web

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/provider"
)

// besiege uses up what strangers may guess at the account.
func (s *site) besiege(name string) {
	s.t.Helper()
	p := s.newBrowser().open(s.authorize())
	for range 10 {
		p = p.press("Sign in", "username", name, "password", "wrong")
	}
	p.at("login", "locked").answers(http.StatusTooManyRequests)
}

// setCookie puts a cookie of ours into the browser.
func (b *browser) setCookie(name, value string) {
	b.t.Helper()
	u, err := url.Parse(b.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	b.jar.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

func TestStrangersDoNotLockOutTheOwner(t *testing.T) {
	s := newSite(t)
	owner := s.newBrowser()
	owner.open(s.authorize()).password("ana").at("consent", "initial")
	clear(s.sessions.rows) // signed out
	for range 3 {
		s.besiege("ana")
		s.newBrowser().open(s.authorize()).password("ana").at("login", "locked")
		owner.open(s.authorize()).password("ANA").at("consent", "initial")
		clear(s.sessions.rows)
		s.clock.forward(15 * time.Minute)
	}
}

func TestKnownBrowserHasABudgetOfItsOwn(t *testing.T) {
	s := newSite(t)
	owner := s.newBrowser()
	owner.open(s.authorize()).password("ana").at("consent", "initial")
	clear(s.sessions.rows)
	p := owner.open(s.authorize())
	for range 9 {
		p = p.press("Sign in", "username", "ana", "password", "wrong").at("login", "wrong")
	}
	s.newBrowser().open(s.authorize()).password("ana").at("consent", "initial")
	p = p.press("Sign in", "username", "ana", "password", "wrong").at("login", "locked")
	p.password("ana").at("login", "locked")
	s.newBrowser().open(s.authorize()).password("ana").at("consent", "initial")
	s.clock.forward(15 * time.Minute)
	owner.open(s.authorize()).password("ana").at("consent", "initial")
}

// Only who has proved all that there is to prove is known.
func TestBrowserIsKnownAfterTheCode(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	p := b.open(s.authorize()).password("ana").at("totp", "initial")
	if b.cookie("vestibule-k") != "" {
		t.Error("the browser is known before the code was given")
	}
	p.press("Continue", "code", a.code(0)).at("consent", "initial")
	first := b.cookie("vestibule-k")
	if first == "" {
		t.Fatal("the browser is not known after the code")
	}
	b.open("/account").at("security", "on")
	b.open("/logout").press("Sign out")
	if got := b.cookie("vestibule-k"); got != first {
		t.Errorf("after signing out the cookie is %q", got)
	}
}

func TestKnownCookies(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	b.open(s.authorize()).password("ana").at("consent", "initial")
	good := b.cookie("vestibule-k")
	s.besiege("ana")
	s.besiege("ben")
	of := func(secrets [][]byte, age time.Duration, subject string) string {
		other := &Server{Config: Config{Secrets: secrets}}
		return other.writeDeviceCookie(deviceCookie{at: s.clock.now().Add(-age), id: make([]byte, deviceIDSize)}, subject, 0)
	}
	ours, theirs := s.pages.Secrets, [][]byte{[]byte(mfa.NewKey())}
	full := strings.Repeat(of(ours, 0, "s-none")+".", deviceCookieAccounts)
	for _, tt := range []struct {
		name, value, user string
		known             bool
	}{
		{"the owner's", good, "ana", true},
		{"another account's", good, "ben", false},
		{"made by us", of(ours, time.Hour, "s-ana"), "ana", true},
		{"of the year before", of(ours, deviceCookieTime, "s-ana"), "ana", false},
		{"of this year", of(ours, deviceCookieTime-time.Hour, "s-ana"), "ana", true},
		{"forged", of(theirs, 0, "s-ana"), "ana", false},
		{"altered", good[:40] + swapped(good[40:44]) + good[44:], "ana", false},
		{"cut", good[:len(good)-4], "ana", false},
		{"longer", good + "AAAA", "ana", false},
		{"with bits that stand for nothing", good[:len(good)-1] + string(good[len(good)-1]+1), "ana", false},
		{"empty", "", "ana", false},
		{"dots", "...", "ana", false},
		{"of two accounts", of(ours, 0, "s-ben") + "." + good, "ana", true},
		{"of two accounts, the other one", good + "." + of(ours, 0, "s-ben"), "ben", true},
		{"of too many accounts", full + good, "ana", false},
		{"of a name that nobody has", of(ours, 0, "?nobody"), "ana", false},
	} {
		b := s.newBrowser()
		b.setCookie("vestibule-k", tt.value)
		p := b.open(s.authorize()).password(tt.user)
		if got := p.state != "locked"; got != tt.known {
			t.Errorf("%s: %s shows %s in state %s, want known: %v", tt.name, tt.user, p.name, p.state, tt.known)
		}
	}
}

// swapped turns a text around, into another one.
func swapped(text string) string {
	b := []byte(text)
	slices.Reverse(b)
	if string(b) == text {
		b[0] ^= 1
	}
	return string(b)
}

func TestKnow(t *testing.T) {
	now := time.Date(2026, 3, 3, 14, 5, 10, 0, time.UTC)
	old, fresh := []byte("the key of last year"), []byte("the key of this year")
	s := &Server{Config: Config{Secrets: [][]byte{old}, Now: func() time.Time { return now }}, cookies: namesOf(true), secure: true}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	epoch := int64(0)
	know := func(subject string) bool {
		w := httptest.NewRecorder()
		fl := &flow{ix: &provider.Interaction{Login: &provider.Login{Subject: subject, Epoch: epoch}}, state: flowState{PasswordGiven: true}}
		s.issueDeviceCookie(w, r, fl)
		for _, c := range w.Result().Cookies() {
			if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.MaxAge != 365*24*3600 || c.Path != "/" || c.Name != "__Host-k" {
				t.Errorf("know sets %s", c)
			}
			r.Header.Set("Cookie", c.Name+"="+c.Value)
		}
		return len(w.Result().Cookies()) > 0
	}
	budget := func(subject string) string {
		m, ok := s.deviceCookie(r, subject, epoch)
		if !ok {
			return ""
		}
		return m.budget()
	}
	if !know("ana") || know("ana") {
		t.Error("an unknown browser must get a cookie, and a known one none")
	}
	first := budget("ana")
	now = now.Add(deviceCookieRenewal)
	if !know("ana") || budget("ana") != first {
		t.Error("after a while the cookie must be renewed, and its budget be the same")
	}
	epoch++
	if budget("ana") != "" {
		t.Error("a new password must make the browser unknown")
	}
	epoch--
	s.Secrets = [][]byte{fresh, old}
	if !know("ana") || budget("ana") != first {
		t.Error("a cookie of an older key must be renewed, and its budget be the same")
	}
	s.Secrets = [][]byte{fresh}
	for i := range deviceCookieAccounts - 1 {
		know(fmt.Sprint("user ", i))
	}
	if budget("ana") != first || budget("user 0") == "" || budget("user 0") == first {
		t.Error("several accounts in one browser must each have a budget of their own")
	}
	know("one more")
	if budget("ana") != "" || budget("one more") == "" {
		t.Error("the account that signed in first must make room for the last one")
	}
	s.Secrets = nil
	if know("ben") || budget("one more") != "" {
		t.Error("without keys no browser is known")
	}
}

// An address may guess at as many accounts as it likes, but not more often in all.
func TestAddressBudget(t *testing.T) {
	s := newSite(t)
	s.pages.Passwords.Address = 13
	owner := s.newBrowser()
	owner.open(s.authorize()).password("ana").at("consent", "initial")
	clear(s.sessions.rows)
	p := s.newBrowser().open(s.authorize())
	for i := range 12 {
		p = p.press("Sign in", "username", fmt.Sprint("nobody", i), "password", "wrong").at("login", "wrong")
		s.newBrowser().open(s.authorize()).password("ben").at("consent", "initial") // takes itself back, and no other
	}
	p = p.press("Sign in", "username", "nobody", "password", "wrong").at("login", "locked").answers(http.StatusTooManyRequests)
	p.password("ben").at("login", "locked")
	owner.open(s.authorize()).password("ana").at("consent", "initial") // it was known, and does not count
	for range 20 {
		p.password("ben").at("login", "locked")
	}
	s.clock.forward(15 * time.Minute) // tries in the lock did not prolong it, and counted nowhere
	p.password("ben").at("consent", "initial")
}

// The guess that would have begun the lock was right.
func TestRightAtLast(t *testing.T) {
	s := newSite(t)
	p := s.newBrowser().open(s.authorize())
	for range 9 {
		p = p.press("Sign in", "username", "ana", "password", "wrong").at("login", "wrong")
	}
	p.password("ana").at("consent", "initial")
	s.newBrowser().open(s.authorize()).password("ana").at("consent", "initial")
	s.newBrowser().open(s.authorize()).press("Sign in", "username", "ana", "password", "wrong").at("login", "locked")
}

// A name that nobody has locks like one that somebody has, and looks the same.
func TestUnknownNamesLockToo(t *testing.T) {
	s := newSite(t)
	var pages [2][]string
	for i, name := range []string{"ana", "nobody"} {
		p := s.newBrowser().open(s.authorize())
		for range 11 {
			p = p.press("Sign in", "username", name, "password", "wrong")
			pages[i] = append(pages[i], strings.ReplaceAll(fmt.Sprint(p.status, p.header["Retry-After"], p.text(), attr(p.input("username"), "value")), name, "NAME"))
		}
	}
	for i := range pages[0] {
		if pages[0][i] != pages[1][i] {
			t.Errorf("try %d shows who has an account:\n%s\n%s", i+1, pages[0][i], pages[1][i])
		}
	}
}
