package pages

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

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/provider/client"
)

// TestBrowserWalk goes the whole way as a person does.
func TestBrowserWalk(t *testing.T) {
	t.Parallel()
	s, sh, b := servertest.NewStage(t)
	uri, codes := b.EnrolByCamera("ana")
	if len(codes) != 10 {
		t.Fatalf("the page shows %d recovery codes, want 10", len(codes))
	}

	withCode := s.NewTab(t)
	v := sh.Begin()
	withCode.SignInAs(v.Address, "ana").At("totp", "initial")
	code := b.OathCode(uri, 0)
	withCode.Paste("code", code[:3]+" "+code[3:]).Enter().At("consent", "initial").Press("Allow").At("shop", "arrived")
	sh.Arrived(v).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")

	withRecovery := s.NewTab(t)
	v = sh.Begin()
	withRecovery.SignInAs(v.Address, "ana").Press("Use a recovery code").At("recovery", "initial").
		Paste("recovery", strings.ToLower(codes[3])).Enter().At("recovery-used", "initial").Press("Continue").At("shop", "arrived")
	sh.Arrived(v).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "mfa")
}

// TestClientThatRedirectsOn reaches a client whose callback is not the end of the way: a form-action
// in our policy would stop the browser there without a word.
func TestClientThatRedirectsOn(t *testing.T) {
	t.Parallel()
	s, _, b := servertest.NewStage(t)
	sh := s.NewShop(t, "hopper", true)
	v := sh.Begin()
	b.SignInAs(v.Address, "ana").At("consent", "initial").Press("Allow").At("shop", "arrived")
	sh.Arrived(v)
}

// TestPopUp signs in in a window that the client's page opened and still hears from: a
// Cross-Origin-Opener-Policy on our pages would part them.
func TestPopUp(t *testing.T) {
	t.Parallel()
	s, sh, b := servertest.NewStage(t)
	_ = s
	v := sh.Begin()
	b.Open(sh.Origin+"/opener?address="+strings.ReplaceAll(escape(v.Address), "+", "%20")).At("shop", "waiting")
	popup := b.Window(func() { b.Toggle("#open") })
	popup.Do("wait for the page", chromedp.WaitVisible(servertest.Field("username")))
	popup.At("login", "initial").Put("username", "ana").Put("password", servertest.Password).Press("Sign in").
		At("consent", "initial").Press("Allow")
	sh.Arrived(v)
	b.Do("hear from the window", chromedp.WaitVisible(chromedp.CSS(`main[data-state="arrived"]`), chromedp.NodeReady))
}

// TestTwoTabs signs in to two clients side by side, and each gets its own answer.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	s, one, first := servertest.NewStage(t)
	two := s.NewShop(t, "other", false)
	v1, v2 := one.Begin(), two.Begin()
	second := first.Another()
	first.Open(v1.Address).At("login", "initial").Put("username", "ana").Put("password", servertest.Password)
	second.SignInAs(v2.Address, "ana").At("consent", "initial")
	first.Press("Sign in").At("consent", "initial")
	second.Press("Allow").At("shop", "arrived")
	two.Arrived(v2)
	first.Press("Allow").At("shop", "arrived")
	one.Arrived(v1)
}

// TestDoubleClick sends the code twice, as impatient people do: it is right once and no error follows.
func TestDoubleClick(t *testing.T) {
	t.Parallel()
	s, sh, b := servertest.NewStage(t)
	uri, _ := b.EnrolByCamera("ana")
	for _, how := range []string{
		`for (const i of [1, 2]) document.querySelector("main form button").click()`,
		`for (const i of [1, 2]) HTMLFormElement.prototype.submit.call(document.querySelector("main form"))`,
	} {
		s.Clock.Advance(servertest.Step)
		v := sh.Begin("prompt", "login consent")
		b.Open(v.Address).At("login", "initial").Put("password", servertest.Password).Press("Sign in").At("totp", "initial")
		b.Put("code", b.OathCode(uri, 0))
		b.Leave("submit twice", chromedp.Evaluate[chromedp.Void](how))
		b.At("consent", "initial").Press("Allow").At("shop", "arrived")
		sh.Arrived(v)
	}
}

// TestBackAfterCodes looks for the recovery codes with the Back button after they were saved.
func TestBackAfterCodes(t *testing.T) {
	t.Parallel()
	_, _, b := servertest.NewStage(t)
	_, codes := b.EnrolByCamera("ana")
	b.Back()
	b.Do("wait for the page", chromedp.WaitReady(chromedp.CSS("main[data-page]")))
	if text := servertest.Evaluate[string](b, `document.body.innerText`); strings.Contains(text, codes[0]) {
		t.Errorf("Back shows the recovery codes again:\n%s", text)
	}
}

// TestBackFromTheApp goes back from an app to the page of the sign-in, which stood at the address of the app's request. With
// scripts it has its own by then. Without them the same is said there: the app is not sent what it has taken before.
func TestBackFromTheApp(t *testing.T) {
	t.Parallel()
	s, sh, b := servertest.NewStage(t)
	first := sh.Begin()
	b.SignInAs(first.Address, "ana").At("consent", "initial").Press("Allow").At("shop", "arrived")
	sh.Arrived(first)
	for _, tt := range []struct {
		path    string
		scripts func() *servertest.Tab
	}{{"/login", b.WithScripts}, {"/authorize", b.WithoutScripts}} {
		tt.scripts()
		b.Open("/account/security").At("security", "off").SignOut()
		v := sh.Begin()
		b.Open(v.Address).At("login", "initial")
		if u, err := url.Parse(b.Where()); err != nil || u.Path != tt.path {
			t.Errorf("the page stands at %s, want %s", b.Where(), tt.path)
		}
		s.Clock.Advance(time.Second)
		b.Put("username", "ana").Put("password", servertest.Password).Press("Sign in").At("shop", "arrived")
		sh.Arrived(v)
		b.Back().Arrives("error", "elsewhere").Back().Arrives("logged-out", "initial")
	}
}

// TestBackAfterSignOut looks for account pages with the Back button after signing out.
func TestBackAfterSignOut(t *testing.T) {
	t.Parallel()
	_, _, b := servertest.NewStage(t)
	b.SignInAs("/account/security", "ana").At("security", "off")
	b.SignOut()
	b.Back()
	b.Do("wait for the page", chromedp.WaitReady(chromedp.CSS("main[data-page]")))
	if name := servertest.Evaluate[string](b, `document.querySelector("main").dataset.page`); name == "security" {
		t.Errorf("Back shows the account after signing out:\n%s", servertest.Evaluate[string](b, `document.body.innerText`))
	}
}

// TestWithoutJavaScript enrols and signs in with the pages' scripts switched off.
func TestWithoutJavaScript(t *testing.T) {
	t.Parallel()
	s, sh, b := servertest.NewStage(t)
	b.WithoutScripts()
	uri, codes := b.EnrolByCamera("ana")
	if shown := servertest.Evaluate[int](b, `[...document.querySelectorAll("[data-reveal],[data-copy],[data-print]")].filter(e => e.offsetParent).length`); shown > 0 || len(codes) != 10 {
		t.Errorf("%d buttons that need JavaScript are shown without it, and %d codes", shown, len(codes))
	}
	b.SignOut()
	v := sh.Begin()
	b.SignInAs(v.Address, "ana").At("totp", "initial").Put("code", b.OathCode(uri, 0)).Press("Continue").
		At("consent", "initial").Press("Allow").At("shop", "arrived")
	sh.Arrived(v).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")
}

// TestTabOrder walks the page of the code with the Tab key.
func TestTabOrder(t *testing.T) {
	t.Parallel()
	_, sh, b := servertest.NewStage(t)
	b.EnrolByCamera("ana")
	b.SignOut()
	b.SignInAs(sh.Begin().Address, "ana").At("totp", "initial").Focused()
	tabOrder(b, "code", "Continue", "Codes not working?", "Use a recovery code", "I lost my device and my recovery codes", "Sign in as someone else", "Help")
}

// tabOrder presses the Tab key, beginning at what has the focus, and fails the test unless it goes to these, each by its
// name or its words, and each is seen to have the focus.
func tabOrder(b *servertest.Tab, want ...string) {
	b.T.Helper()
	var got []string
	for i := range want {
		if i > 0 {
			b.Keys(kb.Tab)
		}
		got = append(got, servertest.Evaluate[string](b, `document.activeElement.name || document.activeElement.innerText.trim()`))
		ring := servertest.Evaluate[string](b, `getComputedStyle(document.activeElement).outlineStyle + " " + getComputedStyle(document.activeElement).outlineWidth`)
		if ring != "solid 3px" {
			b.T.Errorf("the focus on %q is shown with %q, want a solid line of 3px", got[len(got)-1], ring)
		}
	}
	if !reflect.DeepEqual(got, want) {
		b.T.Errorf("the Tab key goes %q, want %q", got, want)
	}
}

// TestScriptSpeaks opens the help with clocks: what the script says there, and how it writes a time, is the page's language.
func TestScriptSpeaks(t *testing.T) {
	t.Parallel()
	_, sh, b := servertest.NewStage(t)
	b.EnrolByCamera("ana")
	b.Open("/account/activity").At("activity", "initial")
	if got := servertest.Evaluate[string](b, `document.querySelector("time[data-moment]").innerText`); !regexp.MustCompile(`^\d{1,2} [A-Z][a-z]+ \d{4} at \d{2}:\d{2}$`).MatchString(got) {
		t.Errorf("a time is %q", got)
	}
	b.SignOut()
	b.SignInAs(sh.Begin().Address, "ana").At("totp", "initial").Toggle("details[data-clock-help] summary")
	b.Do("wait for the clock", chromedp.WaitVisible(chromedp.CSS("[data-skew]")))
	for selector, want := range map[string]string{
		"[data-skew]":      `^This device’s clock (matches ours|differs from ours by \d+ (seconds|minutes))\.$`,
		"[data-countdown]": `^Next code in (1 second|([02-9]|[12]\d|30) seconds)\.$`,
	} {
		if got := servertest.Evaluate[string](b, `document.querySelector("`+selector+`").innerText`); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s says %q", selector, got)
		}
	}
}

// TestScriptDates has the script write times for other locales: in the calendar and the digits that the server writes dates
// with, whatever else the locale is used to, and by one clock.
func TestScriptDates(t *testing.T) {
	t.Parallel()
	_, _, b := servertest.NewStage(t)
	script, err := os.ReadFile("../../../../web/ui/static/app.js")
	if err != nil {
		t.Fatalf("the script of the pages: %v", err)
	}
	b.Open("/help/lost-device").At("lost-device", "initial")
	for _, tt := range []struct{ locale, moment, clock string }{
		{"en-GB", `^3 March 2026 at \d\d:\d\d$`, `^\d\d:\d\d$`},
		{"en-US", `^March 3, 2026 at \d{1,2}:\d\d\s[AP]M$`, `^\d{1,2}:\d\d\s[AP]M$`},
		{"fa", `2026.*\d{1,2}:\d\d$`, `^\d{1,2}:\d\d$`},
		{"th", `2026.*\d{1,2}:\d\d$`, `^\d{1,2}:\d\d$`},
		{"fa-u-ca-persian-nu-arabext", `۱۴۰۴`, `^[۰-۹]+:[۰-۹]+$`},
	} {
		servertest.Evaluate[string](b, fmt.Sprintf(`document.documentElement.dataset.dates = %q, document.querySelector("main").innerHTML =
			'<time datetime="2026-03-03T14:42:07Z" data-moment></time><p><time datetime="2026-03-03T14:42:07Z" data-clock></time></p>'`, tt.locale))
		servertest.Evaluate[int](b, string(script)+";0")
		for selector, want := range map[string]string{"data-moment": tt.moment, "data-clock": tt.clock} {
			if got := servertest.Evaluate[string](b, `document.querySelector("[`+selector+`]").innerText`); !regexp.MustCompile(want).MatchString(got) {
				t.Errorf("in %s, %s is %q, want %s", tt.locale, selector, got, want)
			}
		}
	}
}

// TestErrorFocus makes mistakes on a phone. What is typed after one alone goes to its field, which is seen beside the error;
// several are a list, which has the focus and leads to the fields.
func TestErrorFocus(t *testing.T) {
	t.Parallel()
	for _, scripts := range []bool{true, false} {
		t.Run(fmt.Sprintf("scripts %t", scripts), func(t *testing.T) {
			_, sh, b := servertest.NewStage(t)
			b.Look(320, "light")
			if !scripts {
				b.WithoutScripts()
			}
			b.Open(sh.Begin("acr_values", "aal2").Address).At("login", "initial").Press("Sign in").At("login", "required").Focused()
			if got := servertest.Evaluate[string](b, `document.activeElement.id`); got != "error-summary" {
				t.Errorf("after two errors the focus is on %q, want error-summary", got)
			}
			if title := servertest.Evaluate[string](b, `document.title`); !strings.HasPrefix(title, "Error: ") {
				t.Errorf("the title of a page with an error is %q", title)
			}
			b.Toggle("#error-summary a")
			if got := servertest.Evaluate[string](b, `document.activeElement.name + " " + document.activeElement.getAttribute("aria-invalid")`); got != "username true" {
				t.Errorf("the link of the error leads to %q, want the field username, invalid", got)
			}
			b.Put("username", "ana").Put("password", "wrong").Press("Sign in").At("login", "wrong").Focused()
			errorAlone(b, "password")
			b.Put("password", servertest.Password).Press("Sign in").At("setup", "initial")
			b.Put("code", "12").Press("Continue").At("setup", "format").Focused()
			errorAlone(b, "code")
		})
	}
}

// errorAlone fails the test unless the page says its only error once, at a field that is seen with it and takes what is
// typed next.
func errorAlone(b *servertest.Tab, field string) {
	b.T.Helper()
	if title := servertest.Evaluate[string](b, `document.title`); !strings.HasPrefix(title, "Error: ") {
		b.T.Errorf("the title of a page with an error is %q", title)
	}
	if got := servertest.Evaluate[int](b, `document.querySelectorAll("[role=alert]").length`); got != 1 {
		b.T.Errorf("the page says its error %d times", got)
	}
	seen := fmt.Sprintf(`[%[1]q, %[2]q].every(id => { const r = document.getElementById(id).getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight })`, field, field+"-error")
	if !servertest.Evaluate[bool](b, seen) {
		b.T.Errorf("the field %s, or its error, is not on the screen", field)
	}
	b.Keys("123")
	if got := servertest.Evaluate[string](b, `document.activeElement.name + " " + document.activeElement.getAttribute("aria-invalid") + " " + document.activeElement.value`); !strings.HasPrefix(got, field+" true 123") {
		b.T.Errorf("after 123 was typed there is %q, want it in the field %s, invalid", got, field)
	}
	servertest.Evaluate[string](b, `document.activeElement.value = ""`)
}

// TestEveryPage looks at every page, wide and narrow, light and dark: no rule of axe is broken, nothing
// is wider than the window. With VESTIBULE_TEST_SCREENSHOTS it leaves pictures in that folder.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	s, sh, b := servertest.NewStage(t)
	g := newGallery(t, b)
	g.passwordPages(sh)
	g.consentPages(sh)
	uri, codes := g.setupPages(sh)
	g.accountPages(uri)
	g.codePages(sh, uri)
	g.recoveryPages(sh, uri, codes)
	g.errorPages(s, sh)
	g.T.Logf("%d pages, each in 4 looks: %q", len(g.seen), g.seen)
}

func (g *gallery) passwordPages(sh *servertest.Shop) {
	g.T.Helper()
	g.Open(sh.Begin().Address).At("login", "initial")
	g.show("login")
	g.Press("Sign in").At("login", "required")
	g.show("login-required")
	g.Put("username", "eve").Put("password", "wrong").Press("Sign in").At("login", "wrong")
	g.show("login-wrong")
	for range 200 {
		g.Put("password", "wrong").Press("Sign in")
		if servertest.Evaluate[string](g.Tab, `document.querySelector("main").dataset.state`) == "locked" {
			break
		}
	}
	g.At("login", "locked")
	g.show("login-locked")
}

func (g *gallery) consentPages(sh *servertest.Shop) {
	g.T.Helper()
	g.SignInAs(sh.Begin("scope", "openid").Address, "ana").At("consent", "initial")
	g.show("consent-nothing-personal")
	g.Press("Allow").At("shop", "arrived")
	api := g.Site.NewInspector(g.T)
	g.Site.ChangeClient(g.T, sh.OAuth.ClientID, func(c *client.Client) {
		c.LogoURI, c.URI, c.PolicyURI, c.TermsURI = sh.Origin+"/logo.png", "https://shop.example/", "https://shop.example/privacy", "https://shop.example/terms"
	})
	g.Site.Clock.Advance(4 * time.Second) // until the server knows
	g.Open(sh.Begin("scope", "openid profile email offline_access", "resource", api.Resource).Address).At("consent", "initial")
	if wide := servertest.Evaluate[int](g.Tab, `document.querySelector("img.logo").naturalWidth`); wide != 400 {
		g.T.Errorf("the browser shows a logo that is %d pixels wide", wide)
	}
	g.show("consent-more")
	g.Toggle("details summary")
	g.show("consent-more-open")
	g.Press("Allow").At("shop", "arrived")
	g.Open(sh.Begin("prompt", "select_account").Address).At("continue", "initial")
	g.show("continue")
	still := &gallery{Tab: g.Another(), axe: g.axe, folder: g.folder} // where the page does not go on by itself
	still.WithoutScripts().Open(sh.Begin("response_mode", "form_post", "prompt", "none").Address).At("form-post", "initial").WithScripts()
	still.show("form-post")
	g.seen = append(g.seen, still.seen...)
	g.Site.Clock.Advance(time.Second) // what was proved in the instant of the request is fresh
	g.Open(sh.Begin("prompt", "login").Address).At("login", "initial")
	g.show("login-again")
}

func (g *gallery) setupPages(sh *servertest.Shop) (uri string, codes []string) {
	g.T.Helper()
	g.Open("/account/security").At("security", "off")
	g.show("security-off")
	g.Press("Set up two-step verification").At("setup", "initial")
	g.show("setup")
	for _, scheme := range []string{"light", "dark"} {
		g.Look(320, scheme)
		uri = g.Scan()
	}
	servertest.Evaluate[int](g.Tab, `document.querySelectorAll("details").forEach(d => d.open = true), 0`)
	g.show("setup-open")
	g.Put("code", "12").Press("Continue").At("setup", "format")
	g.show("setup-format")
	g.Put("code", g.OathCode(uri, -4)).Press("Continue").At("setup", "slow")
	g.show("setup-slow")
	g.Open("/account/security").At("security", "off")
	g.Open("/account/authenticators/new").At("setup", "initial")
	g.Put("code", g.OathCode(uri, 0)).Press("Continue").At("codes", "initial")
	g.show("codes")
	codes = servertest.Evaluate[[]string](g.Tab, `[...document.querySelectorAll("ol code")].map(e => e.innerText)`)
	g.Press("Turn on two-step verification").At("codes", "ack")
	g.show("codes-ack")
	g.Open("/account/security")
	g.show("security-unfinished")
	g.Open("/account/authenticators/new").At("codes", "initial").Toggle("#saved").Press("Turn on two-step verification").At("security", "on")
	g.show("security-on")

	g.Site.AddUser("bob")
	other := &gallery{Tab: g.Site.NewTab(g.T), axe: g.axe, folder: g.folder}
	other.SignInAs(sh.Begin("acr_values", "aal2").Address, "bob").At("setup", "initial")
	other.show("setup-in-sign-in")
	g.Site.Clock.Advance(16 * time.Minute)
	other.Open(other.Where())
	if servertest.Evaluate[string](other.Tab, `document.querySelector("main").dataset.state`) == "expired" {
		other.show("setup-expired")
	}
	g.seen = append(g.seen, other.seen...)
	return uri, codes
}

func (g *gallery) accountPages(uri string) {
	g.T.Helper()
	g.Open("/account/recovery-codes").At("totp", "initial")
	g.show("confirm-it-is-you")
	g.Put("code", g.OathCode(uri, 0)).Press("Continue").At("codes", "none")
	g.show("codes-start")
	g.Press("Make new recovery codes").At("codes", "initial")
	g.show("codes-new")
	g.Press("Keep the old codes")
	g.show("security-nothing-changed")
	g.Press("Change your password").At("password", "initial")
	g.show("password")
	g.Put("password", "wrong").Put("new-password", "short").Press("Change password").At("password", "short")
	g.show("password-short")
	g.Press("Keep the password").At("security", "on")
	g.Press("All activity").At("activity", "initial")
	g.show("activity")
	g.Press("Connected apps").At("apps", "initial")
	g.show("apps")
	g.Press("Remove access").At("app-remove", "initial")
	g.show("app-remove")
	g.Press("Keep it").At("apps", "initial").Press("Activity")
	g.Press("Look at your authenticators").At("security", "on")
	g.Press("Remove Authenticator app").At("remove", "initial")
	g.show("remove")
	g.Put("password", "wrong").Put("code", "123456").Press("Remove Authenticator app").At("remove", "wrong")
	g.show("remove-wrong")
	g.Press("Use a recovery code").At("remove", "initial")
	g.show("remove-with-recovery-code")
	g.Press("Sign out").At("logout", "initial")
	g.show("logout")
	g.Press("Sign out").At("logged-out", "initial")
	g.show("logged-out")
	g.Open("/help/lost-device").At("lost-device", "initial")
	g.show("lost-device")
}

func (g *gallery) codePages(sh *servertest.Shop, uri string) {
	g.T.Helper()
	a := servertest.Phone{Site: g.Site, Secret: servertest.KeyOf(g.T, uri)}
	g.SignInAs(sh.Begin().Address, "ana").At("totp", "initial")
	g.show("totp")
	g.Toggle("details summary")
	g.show("totp-open")
	for _, tt := range []struct{ code, state string }{
		{"", "required"}, {"12", "format"}, {"K7QF2-M9XPT-4D8WH", "recovery"}, {a.Wrong(), "wrong"},
		{a.Code(-5), "expired"}, {a.Wrong(), "few"}, {a.Wrong(), "few"}, {a.Wrong(), "locked"},
	} {
		g.Put("code", tt.code).Press("Continue").At("totp", tt.state)
		if name := "totp-" + tt.state; !slices.Contains(g.seen, name) {
			g.show(name)
		}
	}
}

func (g *gallery) recoveryPages(sh *servertest.Shop, uri string, codes []string) {
	g.T.Helper()
	g.Press("Use a recovery code").At("recovery", "initial")
	g.show("recovery")
	g.Put("recovery", "22222-22222-22222").Press("Continue").At("recovery", "wrong")
	g.show("recovery-wrong")
	g.Put("recovery", codes[9]).Press("Continue").At("recovery-used", "initial")
	g.show("recovery-used")
	g.Press("Continue").At("shop", "arrived")
	_ = uri
}

func (g *gallery) errorPages(s *servertest.Site, sh *servertest.Shop) {
	g.T.Helper()
	g.Open(sh.Begin("redirect_uri", "https://evil.example/"+strings.Repeat("long", 40)).Address).At("error", "request")
	servertest.Evaluate[int](g.Tab, `document.querySelectorAll("details").forEach(d => d.open = true), 0`)
	g.show("error-request")
	g.Open("/consent?flow=nonsense").At("error", "unknown")
	g.show("error-unknown")
	g.Open("/nowhere").At("error", "not-found")
	g.show("error-not-found")

	v := sh.Begin("prompt", "consent")
	g.Open(v.Address).At("consent", "initial")
	late := g.Where()
	g.Press("Allow").At("shop", "arrived")
	s.Clock.Advance(11 * time.Second) // until then a form that is sent again gets the first one's answer
	g.Open(late).At("error", "elsewhere")
	g.show("error-elsewhere")

	s.Clock.Advance(time.Second)
	g.Open(sh.Begin("prompt", "login").Address).At("login", "initial")
	s.Clock.Advance(2 * time.Hour)
	g.Put("password", servertest.Password).Press("Sign in").At("error", "expired")
	g.show("error-expired")
}

// gallery holds pages to what a machine can tell of accessibility, and takes pictures of them.
type gallery struct {
	*servertest.Tab
	axe    string
	folder string
	seen   []string
}

func newGallery(t *testing.T, b *servertest.Tab) *gallery {
	t.Helper()
	axe, err := os.ReadFile(filepath.Join(servertest.Required(t, "VESTIBULE_TEST_NODE_MODULES"), "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("axe: %v", err)
	}
	folder := os.Getenv("VESTIBULE_TEST_SCREENSHOTS")
	if folder != "" {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatalf("screenshots: %v", err)
		}
	}
	return &gallery{Tab: b, axe: string(axe) + ";0", folder: folder}
}

// runAxe returns the broken rules with the elements that break them.
const runAxe = `axe.run(document, {runOnly: {type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}})
	.then(r => r.violations.map(v => v.id + ": " + v.nodes.map(n => n.target + " " + n.failureSummary).join("; ")))`

// brokenCodes finds recovery codes that do not fit into one line.
const brokenCodes = `[...document.querySelectorAll("ol code")].filter(e => e.getClientRects().length > 1).map(e => e.innerText)`

// show examines the page that the tab is at.
func (g *gallery) show(name string) {
	g.T.Helper()
	if slices.Contains(g.seen, name) {
		g.T.Fatalf("%s is shown twice", name)
	}
	g.seen = append(g.seen, name)
	servertest.Evaluate[int](g.Tab, g.axe)
	for _, width := range []int64{320, 1280} {
		for _, scheme := range []string{"light", "dark"} {
			g.Look(width, scheme)
			if wide := servertest.Evaluate[int64](g.Tab, `document.documentElement.scrollWidth`); wide > width {
				g.T.Errorf("%s is %d px wide in a window of %d", name, wide, width)
			}
			for _, broken := range servertest.Evaluate[[]string](g.Tab, runAxe, chromedp.EvalAwaitPromise) {
				g.T.Errorf("%s, %d px, %s: %s", name, width, scheme, broken)
			}
			for _, broken := range servertest.Evaluate[[]string](g.Tab, brokenCodes) {
				g.T.Errorf("%s, %d px: the code %s is broken into lines", name, width, broken)
			}
			g.picture(fmt.Sprintf("%s-%d-%s.png", name, width, scheme))
		}
	}
}

func (g *gallery) picture(file string) {
	g.T.Helper()
	if g.folder == "" {
		return
	}
	picture, err := chromedp.Run(g.Context, chromedp.FullScreenshot(100))
	if err != nil {
		g.T.Fatalf("picture of %s: %v", file, err)
	}
	if err := os.WriteFile(filepath.Join(g.folder, file), picture, 0o644); err != nil {
		g.T.Fatalf("picture of %s: %v", file, err)
	}
}

// escape writes an address into a query.
func escape(address string) string { return url.QueryEscape(address) }
