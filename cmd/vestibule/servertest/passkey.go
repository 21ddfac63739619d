package servertest

import (
	"encoding/json"
	"fmt"
	"strings"

	cdpruntime "github.com/chromedp/cdproto/runtime"
	cdpwebauthn "github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
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
	b.SignInAs("/account/setup/webauthn", name).AddKey(name+"’s key").At("codes", "initial")
	codes = Evaluate[[]string](b, `[...document.querySelectorAll("ol code")].map(e => e.innerText)`)
	for _, code := range codes {
		b.Site.KeepSecret(code)
	}
	b.Toggle("#saved").Press("Turn on two-step verification").At("security", "on").SignOut()
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
