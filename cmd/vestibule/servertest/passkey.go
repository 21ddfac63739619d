package servertest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	cdpruntime "github.com/chromedp/cdproto/runtime"
	cdpwebauthn "github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"golang.org/x/net/html"

	"vestibule/config"
	"vestibule/mfa/webauthn/webauthntest"
)

// Stick is a passkey or a security key in a tab of a real Chromium.
type Stick struct {
	*Tab
	id cdpwebauthn.AuthenticatorID
}

// PlugIn gives the tab a device that verifies its user, unless changed.
func (b *Tab) PlugIn(change ...func(*cdpwebauthn.VirtualAuthenticatorOptions)) *Stick {
	b.T.Helper()
	options := &cdpwebauthn.VirtualAuthenticatorOptions{
		Protocol: "ctap2", Transport: "usb", HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		HasCmtgKey: true, // without it Chromium copies no keys
	}
	for _, f := range change {
		f(options)
	}
	_, err := chromedp.Call(b.Context, cdpwebauthn.Enable, cdpwebauthn.EnableParams{})
	b.must("switch WebAuthn on", err)
	made, err := chromedp.Call(b.Context, cdpwebauthn.AddVirtualAuthenticator, cdpwebauthn.AddVirtualAuthenticatorParams{Options: options})
	b.must("plug in a key", err)
	return &Stick{b, made.AuthenticatorID}
}

func (b *Tab) must(what string, err error) {
	b.T.Helper()
	if err != nil {
		b.T.Fatalf("%s on %s: %v", what, b.Where(), err)
	}
}

// Unplug takes the device away.
func (k *Stick) Unplug() {
	k.T.Helper()
	_, err := chromedp.Call(k.Context, cdpwebauthn.RemoveVirtualAuthenticator, cdpwebauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: k.id})
	k.must("unplug a key", err)
}

// Contents are the keys of the device, with what is secret of them.
func (k *Stick) Contents() []*cdpwebauthn.Credential {
	k.T.Helper()
	all, err := chromedp.Call(k.Context, cdpwebauthn.GetCredentials, cdpwebauthn.GetCredentialsParams{AuthenticatorID: k.id})
	k.must("read a key", err)
	return all.Credentials
}

// Contain has the device contain these keys and no other.
func (k *Stick) Contain(keys []*cdpwebauthn.Credential) {
	k.T.Helper()
	_, err := chromedp.Call(k.Context, cdpwebauthn.ClearCredentials, cdpwebauthn.ClearCredentialsParams{AuthenticatorID: k.id})
	k.must("empty a key", err)
	for _, c := range keys {
		c := *c
		c.CmtgKeys, c.ActiveCmtgKeyIndex = nil, nil
		_, err := chromedp.Call(k.Context, cdpwebauthn.AddCredential, cdpwebauthn.AddCredentialParams{AuthenticatorID: k.id, Credential: &c})
		k.must("copy a key", err)
	}
}

// Verifies sets whether the device knows its user.
func (k *Stick) Verifies(yes bool) {
	k.T.Helper()
	_, err := chromedp.Call(k.Context, cdpwebauthn.SetUserVerified, cdpwebauthn.SetUserVerifiedParams{AuthenticatorID: k.id, IsUserVerified: yes})
	k.must("set who is there", err)
}

// Ended waits for the script of the page to say how it went, and returns the word for that.
func (b *Tab) Ended() string {
	b.T.Helper()
	b.Do("wait for the browser's answer", chromedp.WaitReady(chromedp.CSS(`[data-passkey][data-state]:not([data-state="waiting"])`)))
	return Evaluate[string](b, `document.querySelector("[data-passkey]").dataset.state`)
}

// Tries presses the button that asks for a key and stays on the page.
func (b *Tab) Tries() string {
	b.T.Helper()
	Evaluate[bool](b, `(() => { delete document.querySelector("[data-passkey]").dataset.state; return true })()`)
	return b.Toggle("[data-passkey-start]").Ended()
}

// AddKey sets a key up from the account, where the tab is signed in or signs in.
func (b *Tab) AddKey(name string) *Tab {
	b.T.Helper()
	return b.At("setup", "initial").Name(name).Press("Create a passkey")
}

// Name types a name, which is no secret as what put types is.
func (b *Tab) Name(name string) *Tab {
	b.T.Helper()
	b.Do("fill in the name", chromedp.Clear(Field("name")), chromedp.Focus(Field("name"), chromedp.NodeVisible), chromedp.KeyEvent(name))
	return b
}

// EnrolKey turns two-step verification on with a key, and signs out.
func (b *Tab) EnrolKey(name string) (codes []string) {
	b.T.Helper()
	b.SignInAs("/account/setup/webauthn", name).AddKey(name + "’s key")
	codes = b.turnOn()
	b.SignOut()
	return codes
}

// Asked goes to the page that asks for a key.
func (b *Tab) Asked(v *Trip, name string) *Tab {
	b.T.Helper()
	return b.SignInAs(v.Address, name).At("webauthn", "initial")
}

// Through goes to the client with the key.
func (b *Tab) Through(v *Trip, name string) *Tab {
	b.T.Helper()
	b.Asked(v, name).Press("Use my passkey")
	if Evaluate[string](b, `document.querySelector("main").dataset.page`) == "consent" {
		b.Press("Allow")
	}
	return b.At("shop", "arrived")
}

// Options are those that the page has for the browser.
func (b *Tab) Options() string {
	b.T.Helper()
	return Evaluate[string](b, `document.querySelector("[data-passkey]").dataset.options`)
}

// Signs has the browser answer options in this tab, on whatever page it shows.
func (b *Tab) Signs(options string) string {
	b.T.Helper()
	script := fmt.Sprintf(`navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(%s)}).then(key => JSON.stringify(key.toJSON()))`, options)
	return Evaluate[string](b, script, func(p *cdpruntime.EvaluateParams) { p.AwaitPromise = new(true) })
}

// Gives sends an answer that was made elsewhere.
func (b *Tab) Gives(answer string) *Tab {
	b.T.Helper()
	text, err := json.Marshal(answer)
	b.must("quote", err)
	send := fmt.Sprintf(`(() => { const form = document.querySelector("[data-passkey]").closest("form"); form.elements.response.value = %s; form.requestSubmit(); return true })()`, text)
	return b.Leave("send an answer", chromedp.Evaluate[chromedp.Void](strings.Replace(send, "return true", "", 1)))
}

// Keyed is a client whose only user has a passkey in software and recovery codes.
type Keyed struct {
	*Client
	Device *webauthntest.Authenticator
	Codes  []string
}

// OnLocalhost has the site called by a name: browsers keep passkeys for names alone.
func OnLocalhost(c *config.Config) { c.Issuer = strings.Replace(c.Issuer, "127.0.0.1", "localhost", 1) }

// NewKeyed is the client shop whose user ana has a passkey, at a site that is OnLocalhost, of that many servers.
func NewKeyed(t *testing.T, s *Site, servers int) *Keyed {
	t.Helper()
	s.Start(servers)
	s.AddUser("ana")
	k := &Keyed{s.NewClient(t, "shop"), webauthntest.New(s.Origin()), nil}
	p := s.NewBrowser(t).Open("/account/setup/webauthn").GiveName("ana", Password).At("setup", "initial")
	p = p.Press("Create a passkey", "response", p.KeyMade(k.Device)).At("codes", "initial")
	k.Codes = p.RecoveryCodes()
	p.Press("Turn on two-step verification", "saved", "on").At("security", "on")
	return k
}

// Asked is the page that asks for the passkey, in a new browser.
func (k *Keyed) Asked() (*Trip, *Page) {
	k.T.Helper()
	v := k.Begin()
	return v, v.SignIn(k.Site.NewBrowser(k.T), "ana").At("webauthn", "initial")
}

// KeyOptions are those that the page has for a browser's passkeys.
func (p *Page) KeyOptions() string {
	return Attribute(p.Find(func(n *html.Node) bool { return Attribute(n, "data-passkey") != "" }), "data-options")
}

// KeyMade is what a browser with the device answers to the page of a set-up.
func (p *Page) KeyMade(d *webauthntest.Authenticator) string {
	p.T.Helper()
	return p.keySays(d.Create(p.KeyOptions()))
}

// KeyAnswer is what a browser with the device answers to a page that asks for a passkey.
func (p *Page) KeyAnswer(d *webauthntest.Authenticator) string {
	p.T.Helper()
	return p.keySays(d.Get(p.KeyOptions()))
}

func (p *Page) keySays(answer string, err error) string {
	p.T.Helper()
	if err != nil {
		p.T.Fatal(err)
	}
	return answer
}

// GiveKey gives it.
func (p *Page) GiveKey(d *webauthntest.Authenticator) *Page {
	p.T.Helper()
	return p.Press("Use my passkey", "response", p.KeyAnswer(d))
}
