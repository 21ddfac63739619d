package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	cdpruntime "github.com/chromedp/cdproto/runtime"
	cdpwebauthn "github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"vestibule/config"
)

// onLocalhost has the site called by a name: browsers keep passkeys for names alone.
func onLocalhost(c *config.Config) {
	c.Issuer = strings.Replace(c.Issuer, "127.0.0.1", "localhost", 1)
}

// stick is a passkey or a security key in a tab of a real Chromium.
type stick struct {
	*tab
	id cdpwebauthn.AuthenticatorID
}

// plugIn gives the tab a device that verifies its user, unless changed.
func (b *tab) plugIn(change ...func(*cdpwebauthn.VirtualAuthenticatorOptions)) *stick {
	b.t.Helper()
	options := &cdpwebauthn.VirtualAuthenticatorOptions{
		Protocol: "ctap2", Transport: "usb", HasResidentKey: true, HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		HasCmtgKey: true, // without it Chromium copies no keys
	}
	for _, f := range change {
		f(options)
	}
	_, err := chromedp.Call(b.ctx, cdpwebauthn.Enable, cdpwebauthn.EnableParams{})
	b.must("switch WebAuthn on", err)
	made, err := chromedp.Call(b.ctx, cdpwebauthn.AddVirtualAuthenticator, cdpwebauthn.AddVirtualAuthenticatorParams{Options: options})
	b.must("plug in a key", err)
	return &stick{b, made.AuthenticatorID}
}

func (b *tab) must(what string, err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatalf("%s on %s: %v", what, b.where(), err)
	}
}

// unplug takes the device away.
func (k *stick) unplug() {
	k.t.Helper()
	_, err := chromedp.Call(k.ctx, cdpwebauthn.RemoveVirtualAuthenticator, cdpwebauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: k.id})
	k.must("unplug a key", err)
}

// contents are the keys of the device, with what is secret of them.
func (k *stick) contents() []*cdpwebauthn.Credential {
	k.t.Helper()
	all, err := chromedp.Call(k.ctx, cdpwebauthn.GetCredentials, cdpwebauthn.GetCredentialsParams{AuthenticatorID: k.id})
	k.must("read a key", err)
	return all.Credentials
}

// contain has the device contain these keys and no other.
func (k *stick) contain(keys []*cdpwebauthn.Credential) {
	k.t.Helper()
	_, err := chromedp.Call(k.ctx, cdpwebauthn.ClearCredentials, cdpwebauthn.ClearCredentialsParams{AuthenticatorID: k.id})
	k.must("empty a key", err)
	for _, c := range keys {
		c := *c
		c.CmtgKeys, c.ActiveCmtgKeyIndex = nil, nil
		_, err := chromedp.Call(k.ctx, cdpwebauthn.AddCredential, cdpwebauthn.AddCredentialParams{AuthenticatorID: k.id, Credential: &c})
		k.must("copy a key", err)
	}
}

// verifies sets whether the device knows its user.
func (k *stick) verifies(yes bool) {
	k.t.Helper()
	_, err := chromedp.Call(k.ctx, cdpwebauthn.SetUserVerified, cdpwebauthn.SetUserVerifiedParams{AuthenticatorID: k.id, IsUserVerified: yes})
	k.must("set who is there", err)
}

// ended waits for the script of the page to say how it went, and returns the word for that.
func (b *tab) ended() string {
	b.t.Helper()
	b.do("wait for the browser's answer", chromedp.WaitReady(chromedp.CSS(`[data-passkey][data-state]:not([data-state="waiting"])`)))
	return evaluate[string](b, `document.querySelector("[data-passkey]").dataset.state`)
}

// tries presses the button that asks for a key and stays on the page.
func (b *tab) tries() string {
	b.t.Helper()
	evaluate[bool](b, `(() => { delete document.querySelector("[data-passkey]").dataset.state; return true })()`)
	return b.toggle("[data-passkey-start]").ended()
}

// addKey sets a key up from the account, where the tab is signed in or signs in.
func (b *tab) addKey(name string) *tab {
	b.t.Helper()
	return b.at("setup", "initial").name(name).press("Create a passkey")
}

// name types a name, which is no secret as what put types is.
func (b *tab) name(name string) *tab {
	b.t.Helper()
	b.do("fill in the name", chromedp.Clear(field("name")), chromedp.Focus(field("name"), chromedp.NodeVisible), chromedp.KeyEvent(name))
	return b
}

// enrolKey turns two-step verification on with a key, and signs out.
func (b *tab) enrolKey(name string) (codes []string) {
	b.t.Helper()
	b.signInAs("/account/setup/webauthn", name).addKey(name+"’s key").at("codes", "initial")
	codes = evaluate[[]string](b, `[...document.querySelectorAll("ol code")].map(e => e.innerText)`)
	for _, code := range codes {
		b.site.keepSecret(code)
	}
	b.toggle("#saved").press("Turn on two-step verification").at("security", "on").signOut()
	return codes
}

// asked goes to the page that asks for a key.
func (b *tab) asked(v *trip, name string) *tab {
	b.t.Helper()
	return b.signInAs(v.address, name).at("webauthn", "initial")
}

// through goes to the client with the key.
func (b *tab) through(v *trip, name string) *tab {
	b.t.Helper()
	b.asked(v, name).press("Use my passkey")
	if evaluate[string](b, `document.querySelector("main").dataset.page`) == "consent" {
		b.press("Allow")
	}
	return b.at("shop", "arrived")
}

// options are those that the page has for the browser.
func (b *tab) options() string {
	b.t.Helper()
	return evaluate[string](b, `document.querySelector("[data-passkey]").dataset.options`)
}

// signs has the browser answer options in this tab, on whatever page it shows.
func (b *tab) signs(options string) string {
	b.t.Helper()
	script := fmt.Sprintf(`navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(%s)}).then(key => JSON.stringify(key.toJSON()))`, options)
	return evaluate[string](b, script, func(p *cdpruntime.EvaluateParams) { p.AwaitPromise = new(true) })
}

// gives sends an answer that was made elsewhere.
func (b *tab) gives(answer string) *tab {
	b.t.Helper()
	text, err := json.Marshal(answer)
	b.must("quote", err)
	send := fmt.Sprintf(`(() => { const form = document.querySelector("[data-passkey]").closest("form"); form.elements.response.value = %s; form.requestSubmit(); return true })()`, text)
	return b.leave("send an answer", chromedp.Evaluate[chromedp.Void](strings.Replace(send, "return true", "", 1)))
}

// The whole way with a key: set up with a name, signed in, told in every token, refreshed, confirmed in the account, and
// removed.
func TestPasskeyWalk(t *testing.T) {
	eachSiteWith(t, onLocalhost, func(t *testing.T, s *site) {
		user := s.addUser("ana")
		sh, api, b := s.newShop(t, "shop", false), s.newInspector(t), s.newTab(t)
		first := b.plugIn()
		if codes := b.enrolKey("ana"); len(codes) != 10 {
			t.Errorf("%d recovery codes come with the first key, want 10", len(codes))
		}
		v := sh.beginOffline()
		b.through(v, "ana")
		r := sh.arrived(v).authenticated(t, "aal2", s.clock.now(), "pwd", "hwk", "user", "mfa")
		if got := api.ask(t, r.tokens.AccessToken); !got.Active || got.ACR != "aal2" || !slices.Equal(got.AMR, r.AMR) {
			t.Errorf("an API learns %+v", got)
		}
		s.clock.advance(time.Minute)
		fresh, err := sh.refresh(r.tokens.RefreshToken)
		b.must("refresh", err)
		sh.read(fresh).same(t, r)

		s.clock.advance(11 * time.Minute)
		b.open("/account/setup/webauthn").at("webauthn", "initial").press("Use my passkey").at("setup", "initial")
		if got := b.tries(); got != "known" {
			t.Errorf("a device that has a key makes another: %s", got)
		}
		first.unplug()
		second := b.plugIn(func(o *cdpwebauthn.VirtualAuthenticatorOptions) {
			o.DefaultBackupEligibility, o.DefaultBackupState = true, true
		})
		b.name("Password manager").press("Try again").at("security", "on")
		if text := evaluate[string](b, `document.querySelector("main").innerText`); !strings.Contains(text, "Synced between your devices") || !strings.Contains(text, "Kept on one device") {
			t.Errorf("the security page says %s", text)
		}
		b.signOut()
		v = sh.begin()
		b.through(v, "ana")
		sh.arrived(v).authenticated(t, "aal2", s.clock.now(), "pwd", "swk", "user", "mfa")
		if e := s.events(t, user.Subject, "auth.webauthn.ok"); len(e) < 2 || e[0].Detail["synced"] != "yes" || e[0].Detail["verified"] != "yes" {
			t.Errorf("events %+v", e)
		}
		b.open("/account/security").press("Remove ana’s key").at("remove", "initial").put("password", password).press("Remove").at("security", "on")
		if n := len(second.contents()); n != 1 || len(s.authenticators(t, user.Subject)) != 1 {
			t.Errorf("%d keys on the device, %d in the account, want one", n, len(s.authenticators(t, user.Subject)))
		}
	})
}

// What a key that does not verify its user proves is less, and says so.
func TestPasskeyWithoutVerification(t *testing.T) {
	eachSiteWith(t, onLocalhost, func(t *testing.T, s *site) {
		s.addUser("ana")
		sh, b := s.newShop(t, "shop", false), s.newTab(t)
		b.plugIn(func(o *cdpwebauthn.VirtualAuthenticatorOptions) {
			o.HasUserVerification, o.IsUserVerified, o.HasResidentKey = false, false, false
		})
		b.enrolKey("ana")
		v := sh.begin()
		b.through(v, "ana")
		sh.arrived(v).authenticated(t, "aal2", s.clock.now(), "pwd", "hwk", "mfa")
	})
}

// A prompt that is closed can be opened again, and the other ways stay at hand, also without JavaScript.
func TestPasskeyCancelled(t *testing.T) {
	eachSiteWith(t, onLocalhost, func(t *testing.T, s *site) {
		user := s.addUser("ana")
		sh, b := s.newShop(t, "shop", false), s.newTab(t)
		k := b.plugIn()
		codes := b.enrolKey("ana")
		v := sh.begin()
		b.asked(v, "ana")
		k.verifies(false) // as a user does who closes the prompt
		if got := b.tries(); got != "cancelled" {
			t.Errorf("a closed prompt is %s", got)
		}
		if focus := evaluate[string](b, `document.activeElement.textContent`); focus != "Try again" {
			t.Errorf("the focus is on %q", focus)
		}
		k.verifies(true)
		b.press("Try again").at("consent", "initial")
		if e := s.events(t, user.Subject, "auth.webauthn.failed"); len(e) != 0 {
			t.Errorf("a closed prompt counts: %+v", e)
		}
		plain := s.newTab(t).withoutScripts()
		plain.signInAs(sh.begin().address, "ana").at("webauthn", "initial")
		if text := evaluate[string](plain, `document.querySelector("noscript").innerText`); !strings.Contains(text, "need JavaScript") {
			t.Errorf("without JavaScript the page says %q", text)
		}
		plain.press("Use a recovery code").at("recovery", "initial").put("recovery", codes[0]).enter().at("recovery-used", "initial")
	})
}

// An answer is worth nothing that was made on another site, for another challenge, with another user's key, or with a copy.
// Each is recorded for what it is.
func TestPasskeyRefused(t *testing.T) {
	eachSiteWith(t, onLocalhost, func(t *testing.T, s *site) {
		user := s.addUser("ana")
		s.addUser("ben")
		sh, b := s.newShop(t, "shop", false), s.newTab(t)
		bens := b.plugIn()
		b.enrolKey("ben")
		other := bens.contents()
		bens.unplug()
		k := b.plugIn()
		b.enrolKey("ana")
		own := k.contents()

		// The shop has the same host, so that the browser lends the key; the origin in the answer is the shop's.
		b.asked(sh.begin(), "ana")
		phish := b.another()
		phish.plugIn().contain(k.contents())
		phish.open(sh.origin + "/arrived")
		b.gives(phish.signs(b.options())).at("webauthn", "address")

		old := b.signs(b.options())
		b.open(sh.begin().address).put("username", "ana").put("password", password).press("Sign in").at("webauthn", "initial")
		b.gives(old).at("webauthn", "challenge")

		k.contain(other)
		options := strings.Replace(b.options(), `"allowCredentials"`, `"forgotten"`, 1)
		b.gives(b.signs(options)).at("webauthn", "wrong")

		k.contain(own)
		b.press("Use my passkey").at("consent", "initial").press("Allow").at("shop", "arrived")
		b.open("/account/security").signOut()
		k.contain(own) // as it was before
		b.asked(sh.begin(), "ana").press("Use my passkey").at("webauthn", "cloned")

		var reasons []string
		for _, e := range s.events(t, user.Subject, "auth.webauthn.failed") {
			reasons = append(reasons, e.Detail["reason"])
		}
		if !slices.Equal(reasons, []string{"cloned", "wrong", "origin"}) {
			t.Errorf("recorded, the newest first: %q", reasons)
		}
	})
}
