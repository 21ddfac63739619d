package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// signInAs opens an address and gives the password.
func (b *tab) signInAs(address, name string) *tab {
	b.t.Helper()
	return b.open(address).at("login", "initial").put("username", name).put("password", password).press("Sign in")
}

// enrolByCamera turns two-step verification on with the programs of other people: the QR code is read
// from a picture of the screen, the code is made by oathtool. It returns the URI and the recovery codes.
func (b *tab) enrolByCamera(name string) (uri string, codes []string) {
	b.t.Helper()
	b.signInAs("/account/authenticators/new", name).at("setup", "initial")
	uri = b.scan()
	b.put("code", b.oathCode(uri, -1)).press("Continue").at("codes", "initial")
	codes = evaluate[[]string](b, `[...document.querySelectorAll("ol code")].map(e => e.innerText)`)
	for _, code := range codes {
		b.site.keepSecret(code)
	}
	b.toggle("#saved").press("Turn on two-step verification").at("security", "on")
	return uri, codes
}

// signOut leaves from a page of the account.
func (b *tab) signOut() *tab {
	b.t.Helper()
	return b.press("Sign out").at("logout", "initial").press("Sign out").at("logged-out", "initial")
}

// newStage is a site with a user, a shop and a browser.
func newStage(t *testing.T) (*site, *shop, *tab) {
	t.Helper()
	t.Parallel()
	s := newSite(t, sqliteDatabase(t))
	s.addUser("ana")
	return s, s.newShop(t, "shop", false), s.newTab(t)
}

// TestBrowserWalk goes the whole way as a person does.
func TestBrowserWalk(t *testing.T) {
	s, sh, b := newStage(t)
	uri, codes := b.enrolByCamera("ana")
	if len(codes) != 10 {
		t.Fatalf("the page shows %d recovery codes, want 10", len(codes))
	}

	withCode := s.newTab(t)
	v := sh.begin()
	withCode.signInAs(v.address, "ana").at("totp", "initial")
	code := b.oathCode(uri, 0)
	withCode.paste("code", code[:3]+" "+code[3:]).enter().at("consent", "initial").press("Allow").at("shop", "arrived")
	sh.arrived(v).authenticated(t, "aal2", s.clock.now(), "pwd", "otp", "mfa")

	withRecovery := s.newTab(t)
	v = sh.begin()
	withRecovery.signInAs(v.address, "ana").press("Use a recovery code").at("recovery", "initial").
		paste("recovery", strings.ToLower(codes[3])).enter().at("recovery-used", "initial").press("Continue").at("shop", "arrived")
	sh.arrived(v).authenticated(t, "aal2", s.clock.now(), "pwd", "mfa")
}

// TestClientThatRedirectsOn reaches a client whose callback is not the end of the way: a form-action
// in our policy would stop the browser there without a word.
func TestClientThatRedirectsOn(t *testing.T) {
	s, _, b := newStage(t)
	sh := s.newShop(t, "hopper", true)
	v := sh.begin()
	b.signInAs(v.address, "ana").at("consent", "initial").press("Allow").at("shop", "arrived")
	sh.arrived(v)
}

// TestPopUp signs in in a window that the client's page opened and still hears from: a
// Cross-Origin-Opener-Policy on our pages would part them.
func TestPopUp(t *testing.T) {
	s, sh, b := newStage(t)
	_ = s
	v := sh.begin()
	b.open(sh.origin+"/opener?address="+strings.ReplaceAll(escape(v.address), "+", "%20")).at("shop", "waiting")
	opened := chromedp.WaitNewTarget(b.ctx, func(info *target.Info) bool { return info.Type == "page" })
	b.toggle("#open")
	popup := b.another(chromedp.WithTargetID(<-opened))
	popup.do("wait for the page", chromedp.WaitVisible(field("username")))
	popup.at("login", "initial").put("username", "ana").put("password", password).press("Sign in").
		at("consent", "initial").press("Allow")
	sh.arrived(v)
	b.do("hear from the window", chromedp.WaitVisible(chromedp.CSS(`main[data-state="arrived"]`), chromedp.NodeReady))
}

// TestTwoTabs signs in to two clients side by side, and each gets its own answer.
func TestTwoTabs(t *testing.T) {
	s, one, first := newStage(t)
	two := s.newShop(t, "other", false)
	v1, v2 := one.begin(), two.begin()
	second := first.another()
	first.open(v1.address).at("login", "initial").put("username", "ana").put("password", password)
	second.signInAs(v2.address, "ana").at("consent", "initial")
	first.press("Sign in").at("consent", "initial")
	second.press("Allow").at("shop", "arrived")
	two.arrived(v2)
	first.press("Allow").at("shop", "arrived")
	one.arrived(v1)
}

// TestDoubleClick sends the code twice, as impatient people do: it is right once and no error follows.
func TestDoubleClick(t *testing.T) {
	s, sh, b := newStage(t)
	uri, _ := b.enrolByCamera("ana")
	for _, how := range []string{
		`for (const i of [1, 2]) document.querySelector("main form button").click()`,
		`for (const i of [1, 2]) HTMLFormElement.prototype.submit.call(document.querySelector("main form"))`,
	} {
		s.clock.advance(oneStep)
		v := sh.begin("prompt", "login consent")
		b.open(v.address).at("login", "initial").put("password", password).press("Sign in").at("totp", "initial")
		b.put("code", b.oathCode(uri, 0))
		b.leave("submit twice", chromedp.Evaluate[chromedp.Void](how))
		b.at("consent", "initial").press("Allow").at("shop", "arrived")
		sh.arrived(v)
	}
}

// TestBackAfterCodes looks for the recovery codes with the Back button after they were saved.
func TestBackAfterCodes(t *testing.T) {
	_, _, b := newStage(t)
	_, codes := b.enrolByCamera("ana")
	b.back()
	b.do("wait for the page", chromedp.WaitReady(chromedp.CSS("main[data-page]")))
	if text := evaluate[string](b, `document.body.innerText`); strings.Contains(text, codes[0]) {
		t.Errorf("Back shows the recovery codes again:\n%s", text)
	}
}

// TestBackAfterSignOut looks for account pages with the Back button after signing out.
func TestBackAfterSignOut(t *testing.T) {
	_, _, b := newStage(t)
	b.signInAs("/account/security", "ana").at("security", "off")
	b.signOut()
	b.back()
	b.do("wait for the page", chromedp.WaitReady(chromedp.CSS("main[data-page]")))
	if name := evaluate[string](b, `document.querySelector("main").dataset.page`); name == "security" {
		t.Errorf("Back shows the account after signing out:\n%s", evaluate[string](b, `document.body.innerText`))
	}
}

// TestWithoutJavaScript enrols and signs in with the pages' scripts switched off.
func TestWithoutJavaScript(t *testing.T) {
	s, sh, b := newStage(t)
	b.withoutScripts()
	uri, codes := b.enrolByCamera("ana")
	if shown := evaluate[int](b, `[...document.querySelectorAll("[data-reveal],[data-copy],[data-print]")].filter(e => e.offsetParent).length`); shown > 0 || len(codes) != 10 {
		t.Errorf("%d buttons that need JavaScript are shown without it, and %d codes", shown, len(codes))
	}
	b.signOut()
	v := sh.begin()
	b.signInAs(v.address, "ana").at("totp", "initial").put("code", b.oathCode(uri, 0)).press("Continue").
		at("consent", "initial").press("Allow").at("shop", "arrived")
	sh.arrived(v).authenticated(t, "aal2", s.clock.now(), "pwd", "otp", "mfa")
}

// TestTabOrder walks the page of the code with the Tab key.
func TestTabOrder(t *testing.T) {
	_, sh, b := newStage(t)
	b.enrolByCamera("ana")
	b.signOut()
	b.signInAs(sh.begin().address, "ana").at("totp", "initial").focused()
	want := []string{"code", "Continue", "Codes not working?", "Use a recovery code", "I lost my phone and my recovery codes", "Sign in as someone else", "Help"}
	var got []string
	for range want {
		got = append(got, evaluate[string](b, `document.activeElement.name || document.activeElement.innerText.trim()`))
		ring := evaluate[string](b, `getComputedStyle(document.activeElement).outlineStyle + " " + getComputedStyle(document.activeElement).outlineWidth`)
		if ring != "solid 3px" {
			t.Errorf("the focus on %q is shown with %q, want a solid line of 3px", got[len(got)-1], ring)
		}
		b.keys(kb.Tab)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("the Tab key goes %q, want %q", got, want)
	}
}

// TestScriptSpeaks opens the help with clocks: what the script says there, and how it writes a time, is the page's language.
func TestScriptSpeaks(t *testing.T) {
	_, sh, b := newStage(t)
	b.enrolByCamera("ana")
	b.open("/account/activity").at("activity", "initial")
	if got := evaluate[string](b, `document.querySelector("time[data-moment]").innerText`); !regexp.MustCompile(`^\d{1,2} [A-Z][a-z]+ \d{4} at \d{2}:\d{2}$`).MatchString(got) {
		t.Errorf("a time is %q", got)
	}
	b.signOut()
	b.signInAs(sh.begin().address, "ana").at("totp", "initial").toggle("details[data-clock-help] summary")
	b.do("wait for the clock", chromedp.WaitVisible(chromedp.CSS("[data-skew]")))
	for selector, want := range map[string]string{
		"[data-skew]":      `^This device’s clock (matches ours|differs from ours by \d+ (seconds|minutes))\.$`,
		"[data-countdown]": `^Next code in (1 second|([02-9]|[12]\d|30) seconds)\.$`,
	} {
		if got := evaluate[string](b, `document.querySelector("`+selector+`").innerText`); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s says %q", selector, got)
		}
	}
}

// TestErrorFocus gives a wrong code: the error has the focus, and its link leads to the field.
func TestErrorFocus(t *testing.T) {
	for _, scripts := range []bool{true, false} {
		t.Run(fmt.Sprintf("scripts %t", scripts), func(t *testing.T) {
			_, sh, b := newStage(t)
			if !scripts {
				b.withoutScripts()
			}
			b.signInAs(sh.begin("acr_values", "aal2").address, "ana").at("setup", "initial")
			b.put("code", "12").press("Continue").at("setup", "format").focused()
			if got := evaluate[string](b, `document.activeElement.id`); got != "error-summary" {
				t.Errorf("after an error the focus is on %q, want error-summary", got)
			}
			if title := evaluate[string](b, `document.title`); !strings.HasPrefix(title, "Error: ") {
				t.Errorf("the title of a page with an error is %q", title)
			}
			b.toggle("#error-summary a")
			if got := evaluate[string](b, `document.activeElement.name + " " + document.activeElement.getAttribute("aria-invalid")`); got != "code true" {
				t.Errorf("the link of the error leads to %q, want the field code, invalid", got)
			}
		})
	}
}

// TestEveryPage looks at every page, wide and narrow, light and dark: no rule of axe is broken, nothing
// is wider than the window. With VESTIBULE_TEST_SCREENSHOTS it leaves pictures in that folder.
func TestEveryPage(t *testing.T) {
	s, sh, b := newStage(t)
	g := newGallery(t, b)
	g.passwordPages(sh)
	g.consentPages(sh)
	uri, codes := g.setupPages(sh)
	g.accountPages(uri)
	g.codePages(sh, uri)
	g.recoveryPages(sh, uri, codes)
	g.errorPages(s, sh)
	g.t.Logf("%d pages, each in 4 looks: %q", len(g.seen), g.seen)
}

func (g *gallery) passwordPages(sh *shop) {
	g.t.Helper()
	g.open(sh.begin().address).at("login", "initial")
	g.show("login")
	g.press("Sign in").at("login", "required")
	g.show("login-required")
	g.put("username", "eve").put("password", "wrong").press("Sign in").at("login", "wrong")
	g.show("login-wrong")
	for range 200 {
		g.put("password", "wrong").press("Sign in")
		if evaluate[string](g.tab, `document.querySelector("main").dataset.state`) == "locked" {
			break
		}
	}
	g.at("login", "locked")
	g.show("login-locked")
}

func (g *gallery) consentPages(sh *shop) {
	g.t.Helper()
	g.signInAs(sh.begin("scope", "openid").address, "ana").at("consent", "initial")
	g.show("consent-nothing-personal")
	g.press("Allow").at("shop", "arrived")
	g.open(sh.begin("scope", "openid profile email offline_access").address).at("consent", "initial")
	g.show("consent-more")
	g.toggle("details summary")
	g.show("consent-more-open")
	g.press("Allow").at("shop", "arrived")
	g.open(sh.begin("prompt", "select_account").address).at("continue", "initial")
	g.show("continue")
	g.site.clock.advance(time.Second) // what was proved in the instant of the request is fresh
	g.open(sh.begin("prompt", "login").address).at("login", "initial")
	g.show("login-again")
}

func (g *gallery) setupPages(sh *shop) (uri string, codes []string) {
	g.t.Helper()
	g.open("/account/security").at("security", "off")
	g.show("security-off")
	g.press("Set up two-step verification").at("setup", "initial")
	g.show("setup")
	for _, scheme := range []string{"light", "dark"} {
		g.look(320, scheme)
		uri = g.scan()
	}
	evaluate[int](g.tab, `document.querySelectorAll("details").forEach(d => d.open = true), 0`)
	g.show("setup-open")
	g.put("code", "12").press("Continue").at("setup", "format")
	g.show("setup-format")
	g.put("code", g.oathCode(uri, -4)).press("Continue").at("setup", "slow")
	g.show("setup-slow")
	g.open("/account/security").at("security", "off")
	g.open("/account/authenticators/new").at("setup", "initial")
	g.put("code", g.oathCode(uri, 0)).press("Continue").at("codes", "initial")
	g.show("codes")
	codes = evaluate[[]string](g.tab, `[...document.querySelectorAll("ol code")].map(e => e.innerText)`)
	g.press("Turn on two-step verification").at("codes", "ack")
	g.show("codes-ack")
	g.open("/account/security")
	g.show("security-unfinished")
	g.open("/account/authenticators/new").at("codes", "initial").toggle("#saved").press("Turn on two-step verification").at("security", "on")
	g.show("security-on")

	g.site.addUser("bob")
	other := &gallery{tab: g.site.newTab(g.t), axe: g.axe, folder: g.folder}
	other.signInAs(sh.begin("acr_values", "aal2").address, "bob").at("setup", "initial")
	other.show("setup-in-sign-in")
	g.site.clock.advance(16 * time.Minute)
	other.open(other.where())
	if evaluate[string](other.tab, `document.querySelector("main").dataset.state`) == "expired" {
		other.show("setup-expired")
	}
	g.seen = append(g.seen, other.seen...)
	return uri, codes
}

func (g *gallery) accountPages(uri string) {
	g.t.Helper()
	g.open("/account/recovery-codes").at("totp", "initial")
	g.show("confirm-it-is-you")
	g.put("code", g.oathCode(uri, 0)).press("Continue").at("codes", "none")
	g.show("codes-start")
	g.press("Make new recovery codes").at("codes", "initial")
	g.show("codes-new")
	g.press("Keep the old codes")
	g.show("security-nothing-changed")
	g.press("All activity").at("activity", "initial")
	g.show("activity")
	g.press("Look at your authenticators").at("security", "on")
	g.press("Remove Authenticator app").at("remove", "initial")
	g.show("remove")
	g.put("password", "wrong").put("code", "123456").press("Remove Authenticator app").at("remove", "wrong")
	g.show("remove-wrong")
	g.press("Use a recovery code").at("remove", "initial")
	g.show("remove-with-recovery-code")
	g.press("Sign out").at("logout", "initial")
	g.show("logout")
	g.press("Sign out").at("logged-out", "initial")
	g.show("logged-out")
	g.open("/help/lost-device").at("lost-device", "initial")
	g.show("lost-device")
}

func (g *gallery) codePages(sh *shop, uri string) {
	g.t.Helper()
	a := phone{g.site, keyOf(g.t, uri)}
	g.signInAs(sh.begin().address, "ana").at("totp", "initial")
	g.show("totp")
	g.toggle("details summary")
	g.show("totp-open")
	for _, tt := range []struct{ code, state string }{
		{"", "required"}, {"12", "format"}, {"K7QF2-M9XPT-4D8WH", "recovery"}, {a.wrong(), "wrong"},
		{a.code(-5), "expired"}, {a.wrong(), "few"}, {a.wrong(), "few"}, {a.wrong(), "locked"},
	} {
		g.put("code", tt.code).press("Continue").at("totp", tt.state)
		if name := "totp-" + tt.state; !slices.Contains(g.seen, name) {
			g.show(name)
		}
	}
}

func (g *gallery) recoveryPages(sh *shop, uri string, codes []string) {
	g.t.Helper()
	g.press("Use a recovery code").at("recovery", "initial")
	g.show("recovery")
	g.put("recovery", "22222-22222-22222").press("Continue").at("recovery", "wrong")
	g.show("recovery-wrong")
	g.put("recovery", codes[9]).press("Continue").at("recovery-used", "initial")
	g.show("recovery-used")
	g.press("Continue").at("shop", "arrived")
	_ = uri
}

func (g *gallery) errorPages(s *site, sh *shop) {
	g.t.Helper()
	g.open(sh.begin("redirect_uri", "https://evil.example/"+strings.Repeat("long", 40)).address).at("error", "request")
	evaluate[int](g.tab, `document.querySelectorAll("details").forEach(d => d.open = true), 0`)
	g.show("error-request")
	g.open("/consent?flow=nonsense").at("error", "unknown")
	g.show("error-unknown")
	g.open("/nowhere").at("error", "not-found")
	g.show("error-not-found")

	v := sh.begin("prompt", "consent")
	g.open(v.address).at("consent", "initial")
	late := g.where()
	g.press("Allow").at("shop", "arrived")
	s.clock.advance(11 * time.Second) // until then a form that is sent again gets the first one's answer
	g.open(late).at("error", "elsewhere")
	g.show("error-elsewhere")

	s.clock.advance(time.Second)
	g.open(sh.begin("prompt", "login").address).at("login", "initial")
	s.clock.advance(2 * time.Hour)
	g.put("password", password).press("Sign in").at("error", "expired")
	g.show("error-expired")
}

// gallery holds pages to what a machine can tell of accessibility, and takes pictures of them.
type gallery struct {
	*tab
	axe    string
	folder string
	seen   []string
}

func newGallery(t *testing.T, b *tab) *gallery {
	t.Helper()
	axe, err := os.ReadFile(filepath.Join(required(t, "VESTIBULE_TEST_NODE_MODULES"), "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("axe: %v", err)
	}
	folder := os.Getenv("VESTIBULE_TEST_SCREENSHOTS")
	if folder != "" {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatalf("screenshots: %v", err)
		}
	}
	return &gallery{tab: b, axe: string(axe) + ";0", folder: folder}
}

// runAxe returns the broken rules with the elements that break them.
const runAxe = `axe.run(document, {runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}})
	.then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.target + " " + n.failureSummary).join("; ")))`

// brokenCodes finds recovery codes that do not fit into one line.
const brokenCodes = `[...document.querySelectorAll("ol code")].filter(e => e.getClientRects().length > 1).map(e => e.innerText)`

// show examines the page that the tab is at.
func (g *gallery) show(name string) {
	g.t.Helper()
	if slices.Contains(g.seen, name) {
		g.t.Fatalf("%s is shown twice", name)
	}
	g.seen = append(g.seen, name)
	evaluate[int](g.tab, g.axe)
	for _, width := range []int64{320, 1280} {
		for _, scheme := range []string{"light", "dark"} {
			g.look(width, scheme)
			if wide := evaluate[int64](g.tab, `document.documentElement.scrollWidth`); wide > width {
				g.t.Errorf("%s is %d px wide in a window of %d", name, wide, width)
			}
			for _, broken := range evaluate[[]string](g.tab, runAxe, chromedp.EvalAwaitPromise) {
				g.t.Errorf("%s, %d px, %s: %s", name, width, scheme, broken)
			}
			for _, broken := range evaluate[[]string](g.tab, brokenCodes) {
				g.t.Errorf("%s, %d px: the code %s is broken into lines", name, width, broken)
			}
			g.picture(fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
		}
	}
}

func (g *gallery) picture(file string) {
	g.t.Helper()
	if g.folder == "" {
		return
	}
	picture, err := chromedp.Run(g.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		g.t.Fatalf("picture of %s: %v", file, err)
	}
	if err := os.WriteFile(filepath.Join(g.folder, file), picture, 0o644); err != nil {
		g.t.Fatalf("picture of %s: %v", file, err)
	}
}

// escape writes an address into a query.
func escape(address string) string { return url.QueryEscape(address) }
