package main

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestDoubleClickOnSlowServer clicks twice in a real browser while the commit of the first click is held: the browser
// gives the first request up, and only the second one's answer counts.
func TestDoubleClickOnSlowServer(t *testing.T) {
	t.Parallel()
	s, p := faultySite(t)
	s.addUser("ana")
	sh, b := s.newShop(t, "shop", false), s.newTab(t)
	twice := func(what string) {
		t.Helper()
		arrived := s.arrivals(t)
		p.set(holdBefore, "INSERT INTO audit", 0)
		go func() {
			<-arrived
			<-arrived
			p.mend()
		}()
		b.leave(what, chromedp.Evaluate[chromedp.Void](`
			HTMLFormElement.prototype.submit.call(document.querySelector("main form"));
			setTimeout(() => HTMLFormElement.prototype.submit.call(document.querySelector("main form")), 300)`))
	}
	v := sh.begin()
	b.open(v.address).at("login", "initial").put("username", "ana").put("password", password)
	twice("give the password twice")
	b.at("consent", "initial").press("Allow").at("shop", "arrived")
	sh.arrived(v)

	b.signOutFirst()
	v = sh.begin()
	b.open(v.address).at("login", "initial").put("username", "ana").put("password", password)
	twice("give the password twice, where nothing else is owed")
	b.at("shop", "arrived")
	sh.arrived(v)

	uri, _ := b.signOutFirst().enrolByCamera("ana")
	b.signOut()
	s.clock.advance(oneStep)
	v = sh.begin("prompt", "consent")
	b.signInAs(v.address, "ana").at("totp", "initial").put("code", b.oathCode(uri, 0))
	twice("give the code twice")
	b.at("consent", "initial").press("Allow").at("shop", "arrived")
	sh.arrived(v)
}

// signOutFirst signs out from wherever the tab is.
func (b *tab) signOutFirst() *tab {
	b.t.Helper()
	return b.open("/account/security").signOut()
}
