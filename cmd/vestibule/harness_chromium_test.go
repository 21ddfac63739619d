package main

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
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long a browser may take for one step before the test gives up.
const patience = 30 * time.Second

// tab is a page of a real Chromium.
type tab struct {
	t    *testing.T
	site *site
	ctx  context.Context
}

// newTab starts a browser with a profile of its own.
func (s *site) newTab(t *testing.T) *tab {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(required(t, "VESTIBULE_TEST_BROWSER")),
		chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	b := &tab{t: t, site: s, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil { // without a time limit: it would be the browser's
		t.Fatalf("start Chromium: %v", err)
	}
	return b
}

// another opens a second tab of the same browser.
func (b *tab) another(options ...chromedp.ContextOption) *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, options...)
	b.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		b.t.Fatalf("open a tab: %v", err)
	}
	return &tab{t: b.t, site: b.site, ctx: ctx}
}

// do runs steps and fails the test if one fails.
func (b *tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatalf("%s on %s: %v", what, b.where(), err)
	}
}

// leave runs steps that end in another page and waits for it.
func (b *tab) leave(what string, steps ...chromedp.Action[chromedp.Void]) *tab {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.WaitEvent(cdppage.LoadEventFired, nil, chromedp.Steps(steps...))); err != nil {
		b.t.Fatalf("%s on %s: %v", what, b.where(), err)
	}
	return b
}

func (b *tab) open(address string) *tab {
	b.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = b.site.config.Issuer + address
	}
	b.do("open "+address, chromedp.Navigate(address))
	return b
}

// at fails the test unless the tab shows that page in that state.
func (b *tab) at(name, state string) *tab {
	b.t.Helper()
	got := evaluate[string](b, `(document.querySelector("main")?.dataset.page ?? "") + " " + (document.querySelector("main")?.dataset.state ?? "")`)
	if want := name + " " + state; got != want {
		b.t.Fatalf("%s shows page %q, want %q:\n%s", b.where(), got, want, evaluate[string](b, `document.body.innerText`))
	}
	return b
}

// put replaces what stands in a field by typing. SendKeys would do the second and third step, but reads the attribute that
// the first one has changed while the change arrives.
func (b *tab) put(name, value string) *tab {
	b.t.Helper()
	b.site.keepSecret(value)
	b.do("fill in "+name, chromedp.Clear(field(name)), chromedp.Focus(field(name), chromedp.NodeVisible), chromedp.KeyEvent(value))
	return b
}

// paste puts text into a field as the clipboard does, in one go.
func (b *tab) paste(name, value string) *tab {
	b.t.Helper()
	b.do("paste into "+name, chromedp.Focus(field(name)))
	if _, err := chromedp.Call(b.ctx, input.InsertText, input.InsertTextParams{Text: value}); err != nil {
		b.t.Fatalf("paste into %s: %v", name, err)
	}
	return b
}

func field(name string) chromedp.CSS { return chromedp.CSS(`[name="` + name + `"]:not([hidden])`) }

// button finds a button or a link by its label.
func button(label string) chromedp.Search {
	return chromedp.Search(fmt.Sprintf(`//body//*[self::button or self::a or self::summary][contains(normalize-space(.), %q)]`, label))
}

// press clicks a button or a link and waits for the next page.
func (b *tab) press(label string) *tab {
	b.t.Helper()
	return b.leave("press "+label, chromedp.Click(button(label), chromedp.NodeVisible))
}

// toggle clicks something that stays on the page.
func (b *tab) toggle(selector string) *tab {
	b.t.Helper()
	b.do("click "+selector, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
	return b
}

// focused waits for the focus, which the browser sets only when it first paints the page.
func (b *tab) focused() *tab {
	b.t.Helper()
	b.do("wait for the focus", chromedp.WaitReady(chromedp.CSS(":focus")))
	return b
}

// keys presses keys, wherever the focus is.
func (b *tab) keys(keys string) *tab {
	b.t.Helper()
	b.do("press a key", chromedp.KeyEvent(keys))
	return b
}

// enter presses the Enter key and waits for the next page.
func (b *tab) enter() *tab {
	b.t.Helper()
	return b.leave("press Enter", chromedp.KeyEvent(kb.Enter))
}

// back presses the browser's Back button.
func (b *tab) back() *tab {
	b.t.Helper()
	b.do("go back", chromedp.NavigateBack())
	return b
}

func (b *tab) where() string {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	address, err := chromedp.Run(ctx, chromedp.Location())
	if err != nil {
		return "a lost page (" + err.Error() + ")"
	}
	return address
}

// evaluate runs a script of the test's own in the page.
func evaluate[T any](b *tab, script string, options ...chromedp.EvaluateOption) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](script, options...))
	if err != nil {
		b.t.Fatalf("%s on %s: %v", script[:min(len(script), 80)], b.where(), err)
	}
	return value
}

// withoutScripts switches the pages' own JavaScript off.
func (b *tab) withoutScripts() *tab {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true}); err != nil {
		b.t.Fatalf("switch JavaScript off: %v", err)
	}
	return b
}

// look sets the window's width and the colour scheme.
func (b *tab) look(width int64, scheme string) {
	b.t.Helper()
	b.do("resize", chromedp.EmulateViewport(width, 900))
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme},
		{Name: "prefers-reduced-motion", Value: "reduce"}, // no colour is half-way to another
	}}
	if _, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, media); err != nil {
		b.t.Fatalf("set the colour scheme: %v", err)
	}
}

// scan reads the QR code on the page as a phone's camera does.
func (b *tab) scan() string {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	picture, err := chromedp.Run(ctx, chromedp.ScreenshotScale(chromedp.CSS("svg.qr"), 2))
	if err != nil {
		b.t.Fatalf("take a picture of the QR code: %v", err)
	}
	file := filepath.Join(b.t.TempDir(), "qr.png")
	if err := os.WriteFile(file, picture, 0o600); err != nil {
		b.t.Fatalf("save the picture: %v", err)
	}
	uri := outside(b.t, "zbarimg", "--quiet", "--raw", file)
	b.site.keepSecret(keyOf(b.t, uri))
	return uri
}

// oathCode is what an authenticator app that is not ours shows.
func (b *tab) oathCode(uri string, steps int) string {
	b.t.Helper()
	at := b.site.clock.now().Add(time.Duration(steps) * 30 * time.Second)
	return outside(b.t, "oathtool", "--totp", "--base32", "--now", at.UTC().Format("2006-01-02 15:04:05 UTC"), keyOf(b.t, uri))
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
