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
	"vestibule/web/browser"
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
func (b *visitor) setCookie(name, value string) {
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
		then := func() time.Time { return s.clock.now().Add(-age) }
		w := httptest.NewRecorder()
		devices := &browser.Devices{Cookies: browser.NewCookies(false, "", nil), Keys: secrets, Now: then}
		devices.Issue(w, httptest.NewRequest(http.MethodGet, "/", nil), subject, 0)
		return w.Result().Cookies()[0].Value
	}
	ours, theirs := s.config.Keys.Devices, [][]byte{[]byte(mfa.NewKey())}
	full := strings.Repeat(of(ours, 0, "s-none")+".", 5) // as many as a browser keeps
	for _, tt := range []struct {
		name, value, user string
		known             bool
	}{
		{"the owner's", good, "ana", true},
		{"another account's", good, "ben", false},
		{"made by us", of(ours, time.Hour, "s-ana"), "ana", true},
		{"of the year before", of(ours, 365*24*time.Hour, "s-ana"), "ana", false},
		{"of this year", of(ours, 364*24*time.Hour, "s-ana"), "ana", true},
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

// An address may guess at as many accounts as it likes, but not more often in all.
func TestAddressBudget(t *testing.T) {
	s := newSite(t)
	s.configure(func(c *Config) { c.Passwords.Limits.Address = 13 })
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
