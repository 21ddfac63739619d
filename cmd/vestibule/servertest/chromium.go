package servertest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long a browser may take for one step before the test gives up.
const patience = 30 * time.Second

// Tab is a page of a real Chromium.
type Tab struct {
	T       *testing.T
	Site    *Site
	Context context.Context
}

// NewTab starts a browser with a profile of its own.
func (s *Site) NewTab(t *testing.T, more ...chromedp.ExecAllocatorOption) *Tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(Required(t, "VESTIBULE_TEST_BROWSER")),
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), append(options, more...)...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	b := &Tab{T: t, Site: s, Context: ctx}
	if err := chromedp.Do(ctx); err != nil { // without a time limit: it would be the browser's
		t.Fatalf("start Chromium: %v", err)
	}
	return b
}

// Another opens a second tab of the same browser.
func (b *Tab) Another(options ...chromedp.ContextOption) *Tab {
	b.T.Helper()
	ctx, cancel := chromedp.NewContext(b.Context, options...)
	b.T.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		b.T.Fatalf("open a tab: %v", err)
	}
	return &Tab{T: b.T, Site: b.Site, Context: ctx}
}

// Window is the window that something opens, empty until it has heard from the site. That answers only once the window is
// watched: the library follows the changes of a page and reads it for the first time at once, without a lock between the two.
func (b *Tab) Window(open func()) *Tab {
	b.T.Helper()
	b.Site.gate.Lock()
	defer b.Site.gate.Unlock()
	opened := chromedp.WaitNewTarget(b.Context, func(info *target.Info) bool { return info.Type == "page" })
	open()
	return b.Another(chromedp.WithTargetID(<-opened))
}

// Do runs steps and fails the test if one fails.
func (b *Tab) Do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.T.Fatalf("%s on %s: %v", what, b.Where(), err)
	}
}

// Leave runs steps that end in another page and waits for it.
func (b *Tab) Leave(what string, steps ...chromedp.Action[chromedp.Void]) *Tab {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.WaitEvent(cdppage.LoadEventFired, nil, chromedp.Steps(steps...))); err != nil {
		b.T.Fatalf("%s on %s: %v", what, b.Where(), err)
	}
	return b
}

// Open goes to an address, absolute or at the site.
func (b *Tab) Open(address string) *Tab {
	b.T.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.Site.Config.Issuer + address
	}
	b.Do("open "+address, chromedp.Navigate(address))
	return b
}

// At fails the test unless the tab shows that page in that state.
func (b *Tab) At(name, state string) *Tab {
	b.T.Helper()
	got := Evaluate[string](b, `(document.querySelector("main")?.dataset.page ?? "") + " " + (document.querySelector("main")?.dataset.state ?? "")`)
	if want := name + " " + state; got != want {
		b.T.Fatalf("%s shows page %q, want %q:\n%s", b.Where(), got, want, Evaluate[string](b, `document.body.innerText`))
	}
	return b
}

// Arrives waits until the tab shows that page in that state, after pages that go on by themselves.
func (b *Tab) Arrives(name, state string) *Tab {
	b.T.Helper()
	b.Do("arrive at "+name, chromedp.WaitReady(chromedp.CSS(fmt.Sprintf(`main[data-page=%q][data-state=%q]`, name, state))))
	return b
}

// Put replaces what stands in a field by typing. SendKeys would do the second and third step, but reads the attribute that
// the first one has changed while the change arrives.
func (b *Tab) Put(name, value string) *Tab {
	b.T.Helper()
	b.Site.KeepSecret(value)
	b.Do("fill in "+name, chromedp.Clear(Field(name)), chromedp.Focus(Field(name), chromedp.NodeVisible), chromedp.KeyEvent(value))
	return b
}

// Paste puts text into a field as the clipboard does, in one go.
func (b *Tab) Paste(name, value string) *Tab {
	b.T.Helper()
	b.Do("paste into "+name, chromedp.Focus(Field(name)))
	if _, err := chromedp.Call(b.Context, input.InsertText, input.InsertTextParams{Text: value}); err != nil {
		b.T.Fatalf("paste into %s: %v", name, err)
	}
	return b
}

// Field finds the field of a form with that name.
func Field(name string) chromedp.CSS { return chromedp.CSS(`[name="` + name + `"]:not([hidden])`) }

// button finds a button or a link by its label.
func button(label string) chromedp.Search {
	return chromedp.Search(fmt.Sprintf(`//body//*[self::button or self::a or self::summary][contains(normalize-space(.), %q)]`, label))
}

// Press clicks a button or a link and waits for the next page.
func (b *Tab) Press(label string) *Tab {
	b.T.Helper()
	return b.Leave("press "+label, chromedp.Click(button(label), chromedp.NodeVisible))
}

// Toggle clicks something that stays on the page.
func (b *Tab) Toggle(selector string) *Tab {
	b.T.Helper()
	b.Do("click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
	return b
}

// Focused waits for the focus, which the browser sets only when it first paints the page.
func (b *Tab) Focused() *Tab {
	b.T.Helper()
	b.Do("wait for the focus", chromedp.WaitReady(chromedp.CSS(":focus")))
	return b
}

// Keys presses keys, wherever the focus is.
func (b *Tab) Keys(keys string) *Tab {
	b.T.Helper()
	b.Do("press a key", chromedp.KeyEvent(keys))
	return b
}

// Enter presses the Enter key and waits for the next page.
func (b *Tab) Enter() *Tab {
	b.T.Helper()
	return b.Leave("press Enter", chromedp.KeyEvent(kb.Enter))
}

// Back presses the browser's Back button.
func (b *Tab) Back() *Tab {
	b.T.Helper()
	b.Do("go back", chromedp.NavigateBack())
	return b
}

// Where is the address of the page that the tab shows.
func (b *Tab) Where() string {
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	address, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		return "a lost page (" + err.Error() + ")"
	}
	return address
}

// Evaluate runs a script of the test's own in the page.
func Evaluate[T any](b *Tab, script string, options ...chromedp.EvaluateOption) T {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, options...))
	if err != nil {
		b.T.Fatalf("%s on %s: %v", script[:min(len(script), 80)], b.Where(), err)
	}
	return value
}

// WithoutScripts switches the pages' own JavaScript off.
func (b *Tab) WithoutScripts() *Tab {
	b.T.Helper()
	return b.scripts(true)
}

// WithScripts switches it on again: what the page at hand has missed it does not catch up with.
func (b *Tab) WithScripts() *Tab {
	b.T.Helper()
	return b.scripts(false)
}

func (b *Tab) scripts(off bool) *Tab {
	b.T.Helper()
	if _, err := chromedp.Call(b.Context, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off}); err != nil {
		b.T.Fatalf("switch JavaScript off (%v): %v", off, err)
	}
	return b
}

// Look sets the window's width and the colour scheme.
func (b *Tab) Look(width int64, scheme string) {
	b.T.Helper()
	b.Do("resize", chromedp.EmulateViewport(width, 900))
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme},
		{Name: "prefers-reduced-motion", Value: "reduce"}, // no colour is half-way to another
	}}
	if _, err := chromedp.Call(b.Context, emulation.SetEmulatedMedia, media); err != nil {
		b.T.Fatalf("set the colour scheme: %v", err)
	}
}

// Scan reads the QR code on the page as a phone's camera does.
func (b *Tab) Scan() string {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.Context, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.ScreenshotScale(chromedp.CSS("svg.qr"), 2))
	if err != nil {
		b.T.Fatalf("take a picture of the QR code: %v", err)
	}
	file := filepath.Join(b.T.TempDir(), "qr.png")
	if err := os.WriteFile(file, picture, 0o600); err != nil {
		b.T.Fatalf("save the picture: %v", err)
	}
	uri := outside(b.T, "zbarimg", "--quiet", "--raw", file)
	b.Site.KeepSecret(KeyOf(b.T, uri))
	return uri
}

// OathCode is what an authenticator app that is not ours shows.
func (b *Tab) OathCode(uri string, steps int) string {
	b.T.Helper()
	at := b.Site.Clock.Now().Add(time.Duration(steps) * 30 * time.Second)
	return outside(b.T, "oathtool", "--totp", "--base32", "--now", at.UTC().Format("2006-01-02 15:04:05 UTC"), KeyOf(b.T, uri))
}

// outside runs a program and returns the one line that it prints.
func outside(t *testing.T, name string, args ...string) string {
	t.Helper()
	var fault bytes.Buffer
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stderr = &fault
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s", name, err, &fault)
	}
	return strings.TrimSpace(string(out))
}

// SignInAs opens an address and gives the password.
func (b *Tab) SignInAs(address, name string) *Tab {
	b.T.Helper()
	return b.Open(address).At("login", "initial").Put("username", name).Put("password", Password).Press("Sign in")
}

// EnrolByCamera turns two-step verification on with the programs of other people: the QR code is read
// from a picture of the screen, the code is made by oathtool. It returns the URI and the recovery codes.
func (b *Tab) EnrolByCamera(name string) (uri string, codes []string) {
	b.T.Helper()
	b.SignInAs("/account/authenticators/new", name).At("setup", "initial")
	uri = b.Scan()
	b.Put("code", b.OathCode(uri, -1)).Press("Continue")
	return uri, b.turnOn()
}

// turnOn ends a set-up from the account on its last page, whose recovery codes it returns.
func (b *Tab) turnOn() (codes []string) {
	b.T.Helper()
	b.At("codes", "initial")
	codes = Evaluate[[]string](b, `[...document.querySelectorAll("ol code")].map(e => e.innerText)`)
	for _, code := range codes {
		b.Site.KeepSecret(code)
	}
	b.Toggle("#saved").Press("Turn on two-step verification").At("security", "on")
	return codes
}

// SignOut leaves from a page of the account.
func (b *Tab) SignOut() *Tab {
	b.T.Helper()
	return b.Press("Sign out").At("logout", "initial").Press("Sign out").At("logged-out", "initial")
}

// NewStage is a site with a user, a shop and a browser.
func NewStage(t *testing.T) (*Site, *Shop, *Tab) {
	t.Helper()
	s := New(t, SQLite(t))
	s.AddUser("ana")
	return s, s.NewShop(t, "shop", false), s.NewTab(t)
}
