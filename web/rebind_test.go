package web

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// plant gives the browser a value of the cookie that ties sign-ins to it.
func (b *visitor) plant(value string) {
	b.t.Helper()
	u, err := url.Parse(b.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	b.jar.SetCookies(u, []*http.Cookie{{Name: "vestibule-b", Value: value, Path: "/"}})
}

// Somebody plants a sign-in and its cookie in a browser, or has read both there. Once the user of that browser has
// given the password they are worth nothing.
func TestPasswordRebinds(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	thief, victim := s.newBrowser(), s.newBrowser()
	planted := thief.open(s.authorize()).at("login", "initial")
	known := thief.cookie("vestibule-b")
	victim.plant(known)
	p := victim.open(planted.address.String()).at("login", "initial").password("ana").at("totp", "initial")

	thief.open(p.address.String()).at("error", "unknown").answers(http.StatusBadRequest)
	action, form := p.form("Continue", "code", a.code(0))
	thief.post(action, form).at("error", "unknown")
	thief.post("/login/cancel", url.Values{"flow": form["flow"]}).at("error", "unknown")
	planted.password("ben").at("error", "unknown") // nor by a password of the thief's own, at the same sign-in

	if first, _, _ := strings.Cut(victim.cookie("vestibule-b"), "."); first == known {
		t.Error("the cookie is what it was before the password")
	}
	p.press("Continue", "code", a.code(0)).at("consent", "initial").press("Allow").client()

	later := victim.open(s.authorize("prompt", "login")).at("login", "initial") // in the same browser
	thief.open(later.address.String()).at("error", "unknown")
}

// The way round: the thief has gone as far as the code with a password of his own.
func TestPasswordRebindsFromSomebodyElse(t *testing.T) {
	s := newSite(t)
	s.enrolled("s-ana")
	s.enrolled("s-ben")
	thief, victim := s.newBrowser(), s.newBrowser()
	p := thief.open(s.authorize()).password("ben").at("totp", "initial")
	s.clock.forward(11 * time.Minute) // the password is asked for again
	victim.plant(thief.cookie("vestibule-b"))
	p = victim.open(p.address.String()).at("login", "timeout").password("ana").at("totp", "initial")
	thief.open(p.address.String()).at("error", "unknown")
}

// Tabs that were open before the password go on, and so do those that wait for a code.
func TestTabsOutliveThePassword(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	var tabs []*screen
	for range 5 { // one fewer than a browser keeps
		tabs = append(tabs, b.open(s.authorize()).at("login", "initial"))
	}
	for i := range tabs {
		tabs[i] = tabs[i].password("ana").at("totp", "initial")
	}
	for i := range tabs {
		tabs[i].reload().at("totp", "initial")
	}
	tabs[0].press("Continue", "code", a.code(0)).at("consent", "initial").press("Allow").client()
}

// The button is pressed twice: the second form arrives with the cookie from before the first one's answer, and its
// answer is the one that the browser follows.
func TestPasswordTwice(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	for name, session := range map[string]bool{"first sign-in": false, "again": true} {
		b := s.newBrowser()
		address := s.authorize()
		if session {
			s.clock.forward(time.Minute)
			s.totpAt(b).press("Continue", "code", a.code(0)).at("consent", "initial")
			address = s.authorize("prompt", "login")
		}
		p := b.open(address).at("login", "initial")
		before := b.cookie("vestibule-b")
		fields := []string{"username", "ana", "password", secret}
		if session { // who it must be is settled
			fields = fields[2:]
		}
		action, form := p.form("Sign in", fields...)
		first := b.send(action, form)
		b.plant(before) // as if that answer had never come
		second := b.send(action, form)
		if first.StatusCode != second.StatusCode {
			t.Errorf("%s: the two forms answer %d and %d", name, first.StatusCode, second.StatusCode)
		}
		b.open(second.Header.Get("Location")).at("totp", "initial")
	}

	b := s.newBrowser()
	action, form := b.open(s.authorize()).form("Sign in", "username", "ana", "password", secret)
	before := b.cookie("vestibule-b")
	var group sync.WaitGroup
	for range 4 {
		one := s.newBrowser() // the same browser, had this been the only answer
		one.plant(before)
		group.Go(func() {
			one.post(action, form).at("totp", "initial")
		})
	}
	group.Wait()
}
