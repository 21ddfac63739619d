package pages

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/assurance"
	"vestibule/web"
	"vestibule/web/catalogue"
	"vestibule/web/step"
)

// stepHost is a program that has the second step below a path of two parts, under its own name, logo and colours, and in its
// own words.
type stepHost struct {
	logIn *servertest.LogIn
	steps *step.Handler
}

func (h *stepHost) SignedIn(r *http.Request) (step.Password, error) {
	user, at := h.logIn.SignedIn(r)
	return step.Password{Subject: user, At: at}, nil
}

func (h *stepHost) Account(_ context.Context, subject string) (account.Account, error) {
	return account.Account{Subject: subject, Username: subject, Email: subject + "@example.com"}, nil
}

func (h *stepHost) Finish(context.Context, step.Result) (string, error)    { return "/done", nil }
func (h *stepHost) Refuse(context.Context, string, string) (string, error) { return "/done", nil }
func (h *stepHost) open(w http.ResponseWriter, r *http.Request) {
	d := assurance.Demand{EssentialACR: r.FormValue("acr"), PreferredACR: r.FormValue("acr")}
	h.steps.SignIn(w, r, step.SignIn{Request: "r", Demand: d, App: "payroll", Name: "Payroll"})
}

const (
	stepPrefix = "/id/second-step"
	ownLogo    = `<svg id="own-logo" viewBox="0 0 24 24" width="28" height="28" aria-hidden="true" focusable="false"><circle cx="12" cy="12" r="10" fill="currentColor"/></svg>`
	ownAccent  = "#7a1fa2"
	ownWords   = "Type the 6 digits from your app"
)

// ownLook is the layout and the style sheet of the pages, with another logo and another colour.
func ownLook(t *testing.T) fstest.MapFS {
	t.Helper()
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "web", "ui", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(data)
	}
	layout := regexp.MustCompile(`(?s)<svg .*?</svg>`).ReplaceAllLiteralString(read("templates/layout.html"), ownLogo)
	return fstest.MapFS{
		"layout.html": {Data: []byte(layout)},
		"app.css":     {Data: []byte(strings.ReplaceAll(read("static/app.css"), "#0b5cad", ownAccent))},
	}
}

// newStepSite is a browser at a stepHost, and the site whose clock that goes by.
func newStepSite(t *testing.T) (*servertest.Site, *servertest.Tab) {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s := servertest.Elsewhere(t, strings.Replace(server.URL, "127.0.0.1", "localhost", 1))
	db := servertest.OpenDatabase(t, servertest.SQLite(t))
	texts, err := catalogue.Reworded(fstest.MapFS{"en.toml": {Data: []byte(fmt.Sprintf("\"totp.title\" = %q\n", strings.Replace(ownWords, "6", "{digits}", 1)))}})
	keys, keysErr := mfa.ParseKeyring([]string{mfa.NewKey()})
	if migrated := db.Migrate(t.Context()); err != nil || keysErr != nil || migrated != nil {
		t.Fatal(err, keysErr, migrated)
	}
	h := &stepHost{logIn: &servertest.LogIn{Now: s.Clock.Now}}
	h.steps, err = step.New(step.Config{
		Origin: s.Config.Issuer, Prefix: stepPrefix, Host: h, LogIn: "/login", LogOut: "/logout", Store: db, Keys: keys, Memory: 64, Passes: 1, Now: s.Clock.Now,
		Site: web.Site{Name: "Acme Sign-in", Contact: "help@acme.example", Texts: texts, Look: ownLook(t)},
	})
	if err != nil {
		t.Fatal(err)
	}
	h.steps.Register(mux)
	h.logIn.Register(mux)
	mux.HandleFunc("GET /open", h.open)
	mux.HandleFunc("GET /done", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `<!doctype html><main data-page="done" data-state="initial"></main>`)
	})
	return s, s.NewTab(t)
}

// TestEveryPageOfTheStep looks at the pages as a program mounts them, as TestEveryPage does at the server's: no rule of axe is
// broken there either, nothing is wider than the window, and all is under the program's own name.
func TestEveryPageOfTheStep(t *testing.T) {
	t.Parallel()
	s, b := newStepSite(t)
	g := &stepGallery{newGallery(t, b)}
	k := b.PlugIn()

	g.LogIn("ana").Open(stepPrefix+"/account/security").At("security", "off")
	g.own("security-off")
	g.Open("/open?acr=aal2").At("setup", "initial")
	g.own("setup-choice")
	g.Press("Add an authenticator app").At("setup", "initial")
	g.look("setup")
	uri := g.Scan()
	g.Put("code", "12").Press("Continue").At("setup", "format")
	g.own("setup-format")
	g.Put("code", g.OathCode(uri, -1)).Press("Continue").At("codes", "initial")
	g.look("codes")
	codes := servertest.Evaluate[[]string](g.Tab, `[...document.querySelectorAll("ol code")].map(e => e.innerText)`)
	g.Toggle("#saved").Press("Turn on two-step verification").At("done", "initial")

	g.Open(stepPrefix+"/account/security").At("security", "on")
	g.own("security-on")
	g.Open(stepPrefix+"/account/setup/webauthn").At("setup", "initial")
	g.own("setup-passkey")
	g.Name("Blue key").Press("Create a passkey").At("security", "on")
	g.look("security-both")
	g.Press("Remove Blue key").At("remove", "initial")
	g.look("remove")
	g.Open(stepPrefix+"/account/activity").At("activity", "initial")
	g.look("activity")

	s.Clock.Advance(time.Minute)
	g.LogIn("ana").Open("/open?acr=phr").At("webauthn", "initial")
	g.look("passkey")
	k.Verifies(false)
	if got := g.Tries(); got != "cancelled" {
		t.Errorf("a closed prompt is %s", got)
	}
	g.own("passkey-cancelled")
	g.Open("/open")
	if servertest.Evaluate[string](g.Tab, `document.querySelector("main").dataset.page`) == "webauthn" {
		g.Press("Use your authenticator app")
	}
	g.At("totp", "initial")
	g.look("totp")
	if title := servertest.Evaluate[string](g.Tab, `document.querySelector("h1").innerText`); title != ownWords {
		t.Errorf("the page is headed %q, want %q", title, ownWords)
	}
	g.Put("code", "000").Press("Continue").At("totp", "format")
	g.look("totp-format")
	g.Press("Use a recovery code").At("recovery", "initial")
	g.own("recovery")
	g.Put("recovery", codes[0]).Press("Continue").At("recovery-used", "initial")
	g.look("recovery-used")
	g.Open(stepPrefix+"/help/lost-device").At("lost-device", "initial")
	g.own("lost-device")
	g.Open(stepPrefix+"/login/totp?flow=nonsense").At("error", "unknown")
	g.look("error-unknown")
	g.T.Logf("%d pages, each in 4 looks: %q", len(g.seen), g.seen)
}

// stepGallery is a gallery of pages that are somebody else's.
type stepGallery struct{ *gallery }

// look is show and own. What differs from another page in a sentence needs no more than own.
func (g *stepGallery) look(name string) {
	g.T.Helper()
	g.show("step-" + name)
	g.own(name)
}

// own holds the page to the look of the program.
func (g *stepGallery) own(name string) {
	g.T.Helper()
	for what, broken := range map[string]string{
		"another name":         `(document.title + document.body.innerText).includes("Vestibule")`,
		"no name":              `!document.title.includes("Acme Sign-in")`,
		"another logo":         `!document.querySelector("header #own-logo")`,
		"another colour":       `[...document.styleSheets].some(s => [...s.cssRules].some(r => r.cssText.includes("#0b5cad")))`,
		"an address elsewhere": `![...document.querySelectorAll("a[href], form, link, script")].every(e => { const u = new URL(e.href || e.action || e.src, location); return u.origin !== location.origin || u.pathname.startsWith("` + stepPrefix + `/") || u.pathname === "/" })`,
		"no way to main":       `document.querySelector(document.querySelector("a.skip").getAttribute("href")) !== document.querySelector("main")`,
		"a field without name": `![...document.querySelectorAll("input:not([type=hidden]), select, textarea")].every(e => e.hidden || e.labels.length || e.getAttribute("aria-label"))`,
	} {
		if servertest.Evaluate[bool](g.Tab, "("+broken+")") {
			g.T.Errorf("step-%s has %s", name, what)
		}
	}
}
