package pages

import (
	"testing"

	"github.com/chromedp/chromedp"

	"vestibule/cmd/vestibule/servertest"
)

// TestDoubleClickOnSlowServer clicks twice in a real browser while the commit of the first click is held: the browser
// gives the first request up, and only the second one's answer counts.
func TestDoubleClickOnSlowServer(t *testing.T) {
	t.Parallel()
	s, p := servertest.NewFaulty(t)
	s.AddUser("ana")
	sh, b := s.NewShop(t, "shop", false), s.NewTab(t)
	twice := func(what string) {
		t.Helper()
		arrived := s.Arrivals(t)
		p.Strike(servertest.HoldBefore, "INSERT INTO audit", 0)
		go func() {
			<-arrived
			<-arrived
			p.Mend()
		}()
		b.Leave(what, chromedp.Evaluate[chromedp.Void](`
			HTMLFormElement.prototype.submit.call(document.querySelector("main form"));
			setTimeout(() => HTMLFormElement.prototype.submit.call(document.querySelector("main form")), 300)`))
	}
	v := sh.Begin()
	b.Open(v.Address).At("login", "initial").Put("username", "ana").Put("password", servertest.Password)
	twice("give the password twice")
	b.At("consent", "initial").Press("Allow").At("shop", "arrived")
	sh.Arrived(v)

	signOutFirst(b)
	v = sh.Begin()
	b.Open(v.Address).At("login", "initial").Put("username", "ana").Put("password", servertest.Password)
	twice("give the password twice, where nothing else is owed")
	b.At("shop", "arrived")
	sh.Arrived(v)

	uri, _ := signOutFirst(b).EnrolByCamera("ana")
	b.SignOut()
	s.Clock.Advance(servertest.Step)
	v = sh.Begin("prompt", "consent")
	b.SignInAs(v.Address, "ana").At("totp", "initial").Put("code", b.OathCode(uri, 0))
	twice("give the code twice")
	b.At("consent", "initial").Press("Allow").At("shop", "arrived")
	sh.Arrived(v)
}

// signOutFirst signs out from wherever the tab is.
func signOutFirst(b *servertest.Tab) *servertest.Tab {
	b.T.Helper()
	return b.Open("/account/security").SignOut()
}
