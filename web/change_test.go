package web

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
)

// withBoth has ana with an app and a key.
func withBoth(t *testing.T) (s *site, app phone, key *mfatest.KeyDevice) {
	t.Helper()
	s = newPolicySite(t, mfa.Policy{})
	withKeys(s)
	app, key = s.enrolled("s-ana"), mfatest.NewKeyDevice()
	s.clock.forward(time.Second) // the app is the older one
	s.giveDevice("s-ana", key)
	s.clock.forward(time.Minute)
	return s, app, key
}

// answer is what the key answers to the page, as name and value in turn.
func (s *screen) answer(key *mfatest.KeyDevice) []string {
	s.t.Helper()
	for n := range s.doc.Descendants() {
		if n.Type != html.ElementNode || !has(n, "data-card") {
			continue
		}
		var view mfatest.KeyView
		if err := json.Unmarshal([]byte(attr(n, "data-card")), &view); err != nil {
			s.t.Fatal(err)
		}
		form := key.Answer(s.t, view, s.clock.now())
		return []string{"counter", form.Get("counter"), "signature", form.Get("signature")}
	}
	s.t.Fatalf("%s (%s) asks for no key:\n%s", s.name, s.state, s.text())
	return nil
}

const takesTheStrongest = "takes the strongest way that you have set up, or a recovery code"

// changes are the pages that change the factors, and what they show to whoever has proved enough.
var changes = map[string]string{
	"/account/authenticators/new": "setup", "/account/setup/totp": "setup", "/account/setup/key": "setup",
	"/account/recovery-codes": "codes", "/account/recovery-codes?new=1": "codes",
}

// TestChangeTakesTheStrongest: whoever has a key and gave a code of the app gives the key, or a recovery code, before the
// factors change. No address and no form leads round it.
func TestChangeTakesTheStrongest(t *testing.T) {
	for path, want := range changes {
		s, app, key := withBoth(t)
		b := s.newBrowser()
		b.open("/account").password("ana").at("totp", "initial").press("Continue", "code", app.code(0)).at("security", "on")
		p := b.open(path).at("key", "initial").says("Confirm it’s you", takesTheStrongest)
		p.open("/login/totp?flow="+url.QueryEscape(p.address.Query().Get("flow"))).at("key", "initial")
		p.post("/login/totp", url.Values{"flow": {p.address.Query().Get("flow")}, "code": {app.code(1)}}).at("key", "initial")
		p = b.open(path).at("key", "initial")
		if p = p.press("Use the card", p.answer(key)...); p.name != want {
			t.Errorf("%s: with the key %s (%s), want %s", path, p.name, p.state, want)
		}
		s.clock.forward(11 * time.Minute) // an app that is asked meanwhile makes the key no younger
		b.open("/account/security").at("security", "on")
		p = b.open(path).at("key", "initial").click("Use a recovery code").press("Continue", "recovery", app.codes[0])
		if p = p.at("recovery-used", "initial").press("Continue"); p.name != want {
			t.Errorf("%s: with a recovery code %s (%s), want %s", path, p.name, p.state, want)
		}
	}
}

// TestFormsTakeTheStrongest sends the forms without the pages before them.
func TestFormsTakeTheStrongest(t *testing.T) {
	s, app, _ := withBoth(t)
	b := s.newBrowser()
	b.open("/account").password("ana").press("Continue", "code", app.code(0)).at("security", "on")
	before, err := s.mfa.Status(t.Context(), "s-ana")
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range []string{"", "choose", "again", "save", "cancel"} {
		for _, path := range []string{"/account/setup/totp", "/account/setup/key", "/account/recovery-codes"} {
			b.post(path, url.Values{"action": {action}, "code": {app.code(1)}, "saved": {"yes"}}).at("key", "initial")
		}
	}
	b.open("/account/authenticators/new/qr.png").at("key", "initial")
	b.post("/account/recovery-codes/download", nil).at("key", "initial")
	for _, owner := range []string{"account", "codes"} {
		if _, err := s.mfa.Pending(t.Context(), owner+":"+onlySession(t, s).Login.Session, "s-ana"); err == nil {
			t.Errorf("a set-up of %s was begun", owner)
		}
	}
	after, err := s.mfa.Status(t.Context(), "s-ana")
	if err != nil || len(after.Authenticators) != len(before.Authenticators) || !after.CodesMade.Equal(before.CodesMade) {
		t.Errorf("before %+v, after %+v, %v", before, after, err)
	}
	b.open("/account").click("Rename").at("rename", "initial").press("Rename", "name", "Old phone").at("security", "on").says("Old phone")
}

// TestRemoveTakesTheStrongest: a code of the app takes no key away, nor the app itself, whatever the form says. Whose key is
// lost comes with a recovery code.
func TestRemoveTakesTheStrongest(t *testing.T) {
	for name, tt := range map[string]struct {
		of   string // which one is removed
		give func(p *screen, app phone, key *mfatest.KeyDevice) []string
		with string
		gone bool
	}{
		"a key by a code": {"key", func(_ *screen, app phone, _ *mfatest.KeyDevice) []string {
			return []string{"with", "totp", "code", app.code(1)}
		}, "totp", false},
		"an app by a code": {"totp", func(_ *screen, app phone, _ *mfatest.KeyDevice) []string {
			return []string{"with", "totp", "code", app.code(1)}
		}, "", false},
		"a key by itself":          {"key", func(p *screen, _ phone, key *mfatest.KeyDevice) []string { return p.answer(key) }, "", true},
		"an app by the key":        {"totp", func(p *screen, _ phone, key *mfatest.KeyDevice) []string { return p.answer(key) }, "", true},
		"a key by a recovery code": {"key", func(_ *screen, app phone, _ *mfatest.KeyDevice) []string { return []string{"recovery", app.codes[0]} }, "recovery", true},
	} {
		t.Run(name, func(t *testing.T) {
			s, app, key := withBoth(t)
			b := s.newBrowser()
			b.open("/account").password("ana").press("Continue", "code", app.code(0)).at("security", "on")
			status, err := s.mfa.Status(t.Context(), "s-ana")
			if err != nil {
				t.Fatal(err)
			}
			path := "/account/authenticators/" + status.Authenticators[map[string]int{"totp": 0, "key": 1}[tt.of]].ID + "/remove"
			if tt.with != "" {
				path += "?with=" + tt.with
			}
			p := b.open(path).at("remove", "initial").says(takesTheStrongest, "I lost my device and my recovery codes")
			if strings.Contains(p.text(), "Use a code from an authenticator app") || p.input("code") != nil {
				t.Errorf("the page takes a code of the app:\n%s", p.text())
			}
			p = p.press("Remove", append([]string{"password", secret}, tt.give(p, app, key)...)...)
			if after, err := s.mfa.Status(t.Context(), "s-ana"); err != nil || (len(after.Authenticators) == 1) != tt.gone {
				t.Errorf("the browser shows %s (%s), and %+v are left, %v", p.name, p.state, after.Authenticators, err)
			}
		})
	}
}

// TestKeyMustStay: who must have a key may not go back to an app.
func TestKeyMustStay(t *testing.T) {
	s, _, key := withBoth(t)
	s.configure(func(c *Config) { c.Policy.Rules = []mfa.Rule{{Must: mfa.PhishingResistant, Group: "finance"}} })
	b := s.newBrowser()
	signIn := func() {
		t.Helper()
		p := b.open("/account").password("ana")
		if p.name == "totp" { // which was used last
			p = p.click("Security key")
		}
		p.at("key", "initial").press("Use the card", p.answer(key)...).at("security", "on")
	}
	signIn()
	status, err := s.mfa.Status(t.Context(), "s-ana")
	if err != nil {
		t.Fatal(err)
	}
	remove := func(i int) *screen {
		return b.open("/account/authenticators/" + status.Authenticators[i].ID + "/remove")
	}
	p := remove(1).at("security", "on").says("Your organisation requires a second step that no false page can ask for. Add another")
	if !strings.Contains(p.body, `class="note warn"`) {
		t.Error("the refusal is no warning")
	}
	p = b.open("/account/security").at("security", "on").says("Add another passkey or security key before you remove this one", "Remove Authenticator app")
	if strings.Contains(p.text(), "Remove Security key") {
		t.Error("the page offers to remove what must stay")
	}
	b.post("/account/authenticators/"+status.Authenticators[1].ID+"/remove", url.Values{"password": {secret}}).at("security", "on").says("Add another passkey")

	s.giveKey("s-ana")
	remove(1).at("remove", "initial")
	if p := b.open("/account/security").at("security", "on"); strings.Contains(p.text(), "before you remove this one") {
		t.Error("the page says of one of two that it must stay")
	}
	p = remove(1)
	p.press("Remove", append([]string{"password", secret}, p.answer(key)...)...).at("security", "on").says("was removed")
	if left, err := s.mfa.Status(t.Context(), "s-ana"); err != nil || len(left.Authenticators) != 2 {
		t.Errorf("%+v are left, %v", left.Authenticators, err)
	}
	s.configure(func(c *Config) { c.Policy.ReportOnly = true })
	if p := b.open("/account/security").at("security", "on"); strings.Contains(p.text(), "before you remove this one") {
		t.Error("a policy that only reports keeps the key")
	}
}

// TestNoCodesAndNoKey: who has used all recovery codes and has the app at hand is not held up by codes that only the key
// could make; who gives the key is.
func TestNoCodesAndNoKey(t *testing.T) {
	s, app, key := withBoth(t)
	for _, code := range app.codes {
		s.newBrowser().open(s.authorize()).password("ana").click("Use a recovery code").press("Continue", "recovery", code).at("recovery-used", "initial")
	}
	s.configure(func(c *Config) { c.Policy.NewCodes = true })
	s.newBrowser().open(s.authorize()).password("ana").at("totp", "initial").press("Continue", "code", app.code(0)).at("consent", "initial")
	p := s.newBrowser().open(s.authorize()).password("ana").at("totp", "initial").click("Security key").at("key", "initial")
	p = p.press("Use the card", p.answer(key)...).at("recovery-used", "initial").answers(http.StatusOK)
	p.press("Make new recovery codes").at("codes", "initial")
}
