package pages

import (
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"vestibule/cmd/vestibule/servertest"
)

// inShop signs ana in to the shop.
func inShop(sh *servertest.Shop, b *servertest.Tab) servertest.Tokens {
	b.T.Helper()
	v := sh.Begin("prompt", "login consent")
	b.Open(v.Address).At("login", "initial")
	if servertest.Evaluate[bool](b, `document.querySelector("[name=username]:not([type=hidden])") != null`) {
		b.Put("username", "ana")
	}
	b.Put("password", servertest.Password).Press("Sign in").At("consent", "initial").Press("Allow").At("shop", "arrived")
	return sh.Arrived(v)
}

// signedOut fails the test unless the browser has come back to the shop with the state, and has no session here.
func signedOut(sh *servertest.Shop, b *servertest.Tab, state string) {
	b.T.Helper()
	b.At("shop", "signed-out")
	if got := arrival(sh); got.Path != "/signed-out" || got.Query().Get("state") != state {
		b.T.Errorf("the browser came back at %v, want the state %q", got, state)
	}
	v := sh.Begin("prompt", "none")
	b.Open(v.Address).At("shop", "arrived")
	v.Refused(&servertest.Page{Left: arrival(sh)}, "login_required")
}

func arrival(sh *servertest.Shop) *url.URL {
	sh.T.Helper()
	select {
	case address := <-sh.Arrivals:
		return address
	default:
		sh.T.Fatal("the browser did not come back to the shop")
		return nil
	}
}

// TestSignOutFromApp goes from the app to the server and back, with the ID token at once, and without it by way of the
// question, which two clicks answer as one does.
func TestSignOutFromApp(t *testing.T) {
	t.Parallel()
	_, sh, b := servertest.NewStage(t)
	hint := inShop(sh, b).IDToken()
	b.Open(sh.SignOut("id_token_hint", hint, "post_logout_redirect_uri", sh.SignedOutURI(), "state", "one"))
	signedOut(sh, b, "one")

	inShop(sh, b)
	b.Open(sh.SignOut("client_id", "shop", "post_logout_redirect_uri", sh.SignedOutURI(), "state", "two")).At("logout", "app")
	b.Leave("press twice", chromedp.Evaluate[chromedp.Void](`for (const i of [1, 2]) document.querySelector("main form button").click()`))
	signedOut(sh, b, "two")
}

// TestBackAfterSignOutFromApp does not show the question again: there is nothing left to ask.
func TestBackAfterSignOutFromApp(t *testing.T) {
	t.Parallel()
	_, sh, b := servertest.NewStage(t)
	inShop(sh, b)
	b.Open(sh.SignOut("client_id", "shop", "post_logout_redirect_uri", sh.SignedOutURI(), "state", "one")).At("logout", "app")
	b.Press("Sign out").At("shop", "signed-out")
	arrival(sh)
	b.Back()
	b.Do("come back to the shop", chromedp.WaitVisible(chromedp.CSS(`main[data-state="signed-out"]`), chromedp.NodeReady))
	signedOut(sh, b, "one")
}

// TestSignOutFromAnotherSite brings up the question, and gives no answer to it: a form that another site sends is taken
// without the session's cookie.
func TestSignOutFromAnotherSite(t *testing.T) {
	t.Parallel()
	s, sh, b := servertest.NewStage(t)
	hint := inShop(sh, b).IDToken()
	for _, tt := range []struct{ address, fields, page, state string }{
		{s.Config.Issuer + "/end-session", `{client_id: "shop"}`, "logout", "app"},
		{s.Config.Issuer + "/logout", `{client_id: "shop"}`, "error", "cross-site"},
		{s.Config.Issuer + "/end-session", `{id_token_hint: "x"}`, "error", "sign-out"},
	} {
		b.Open(sh.Origin+"/arrived").At("shop", "arrived")
		submit(b, tt.address, tt.fields)
		b.At(tt.page, tt.state)
	}
	b.Open("/account/security").At("security", "off")
	b.Open(sh.Origin+"/arrived").At("shop", "arrived")
	submit(b, s.Config.Issuer+"/end-session", `{id_token_hint: `+strconv.Quote(hint)+`, post_logout_redirect_uri: `+strconv.Quote(sh.SignedOutURI())+`, state: "one"}`)
	signedOut(sh, b, "one")
}

// TestSignOutPages looks at what an app's request brings up, as TestEveryPage does at the other pages.
func TestSignOutPages(t *testing.T) {
	t.Parallel()
	s, sh, b := servertest.NewStage(t)
	g := newGallery(t, b)
	s.AddUser("dora")
	v := sh.Begin()
	dora := v.Finish(v.SignIn(s.NewBrowser(t), "dora").Allow())
	inShop(sh, b)
	g.Open(sh.SignOut("client_id", "shop", "post_logout_redirect_uri", "https://evil.example/"+strings.Repeat("long", 40))).At("error", "sign-out")
	servertest.Evaluate[int](b, `document.querySelectorAll("details").forEach(d => d.open = true), 0`)
	g.show("error-sign-out")
	g.Open(sh.SignOut("id_token_hint", dora.IDToken())).At("logout", "other")
	g.show("logout-other")
	g.Open(sh.SignOut("client_id", "shop")).At("logout", "app")
	g.show("logout-app")
	g.Press("Sign out").At("logged-out", "app")
	g.show("logged-out-app")
}

// submit has the page that the tab is at send a form.
func submit(b *servertest.Tab, address, fields string) {
	b.T.Helper()
	b.Leave("send a form", chromedp.Evaluate[chromedp.Void](`{
		const form = document.createElement("form")
		form.method = "post"
		form.action = `+strconv.Quote(address)+`
		for (const [name, value] of Object.entries(`+fields+`)) {
			const input = document.createElement("input")
			input.type = "hidden"
			input.name = name
			input.value = value
			form.append(input)
		}
		document.body.append(form)
		form.submit()
	}`))
}
