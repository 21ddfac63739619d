package hostile

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/mfa/webauthn/webauthntest"
)

// eachKeyed runs a test for ana, who has a passkey, on either database and two servers.
func eachKeyed(t *testing.T, test func(t *testing.T, k *servertest.Keyed)) {
	servertest.EachWith(t, servertest.OnLocalhost, func(t *testing.T, s *servertest.Site) { test(t, servertest.NewKeyed(t, s, 2)) })
}

// TestPasskeyLimit guesses with keys that are none of the user's: the budget is that of codes, a lock takes no right answer
// either, and a recovery code still helps.
func TestPasskeyLimit(t *testing.T) {
	t.Parallel()
	eachKeyed(t, func(t *testing.T, k *servertest.Keyed) {
		stranger := webauthntest.New(k.Site.Config.Issuer)
		stranger.Obliging, stranger.ID = true, []byte("a key of somebody else's")
		p := k.Site.NewBrowser(t).Open("/account/setup/webauthn").GiveName(k.Site.AddUser("ben").Username, servertest.Password)
		if _, err := stranger.Create(p.KeyOptions()); err != nil {
			t.Fatal(err)
		}
		_, p = k.Asked()
		for range k.Site.Config.TOTPGuesses {
			own := k.Device.IDs()[0]
			forged := strings.ReplaceAll(p.KeyOptions(), own, stranger.IDs()[0])
			text, err := stranger.Get(forged)
			if err != nil {
				t.Fatal(err)
			}
			p = p.Press("Use my passkey", "response", text)
		}
		p.At("webauthn", "locked").HasStatus(http.StatusTooManyRequests)
		_, late := k.Asked()
		late.Press("Use my passkey", "response", late.KeyAnswer(k.Device)).At("webauthn", "locked")
		p.Click("Use a recovery code").Press("Continue", "recovery", k.Codes[0]).At("recovery-used", "initial")
	})
}

// TestPasskeyAnswerCountsOnce sends one right answer many times at once, then to another sign-in and as a copy of the key
// would make it.
func TestPasskeyAnswerCountsOnce(t *testing.T) {
	t.Parallel()
	eachKeyed(t, func(t *testing.T, k *servertest.Keyed) {
		twin := k.Device.Clone()
		_, p := k.Asked()
		text := p.KeyAnswer(k.Device)
		address, form := p.Fill("Use my passkey", "response", text)
		pages := servertest.AtOnce(8, func(int) string {
			q := p.Twin().Post(address, form)
			return q.Name + " " + q.State
		})
		for _, got := range pages {
			if got != "consent initial" && got != "login again" && got != "error expired" && got != "error elsewhere" {
				t.Errorf("one of many clicks leads to %s", got)
			}
		}
		if open := len(k.Site.Events(t, "", "auth.webauthn.ok")); open != 1 {
			t.Errorf("one answer is accepted %d times", open)
		}
		_, other := k.Asked()
		other.Press("Use my passkey", "response", text).At("webauthn", "challenge")
		other.Press("Use my passkey", "response", other.KeyAnswer(twin)).At("webauthn", "cloned")
	})
}

// TestPasskeySkipsNothing: what is pending is no factor, and no page leads past the one that asks for the key.
func TestPasskeySkipsNothing(t *testing.T) {
	t.Parallel()
	eachKeyed(t, func(t *testing.T, k *servertest.Keyed) {
		k.Site.AddUser("ben")
		b := k.Site.NewBrowser(t)
		pending := webauthntest.New(k.Site.Config.Issuer)
		p := b.Open("/account/setup/webauthn").GiveName("ben", servertest.Password).At("setup", "initial")
		p.Press("Create a passkey", "response", p.KeyMade(pending)).At("codes", "initial") // and goes away
		v := k.Begin()
		v.Finish(v.SignIn(k.Site.NewBrowser(t), "ben").Allow()).Authenticated(t, "aal1", k.Site.Clock.Now(), "pwd")

		_, p = k.Asked()
		flow := p.Value("flow")
		for _, path := range []string{"/consent", "/login/recovery/used", "/login/setup", "/login/setup/webauthn", "/login/setup/totp", "/login/totp", "/login/continue", "/login"} {
			if q := p.Open(path + "?flow=" + url.QueryEscape(flow)); q.Left != nil || q.Name != "webauthn" && q.Name != "login" {
				t.Errorf("GET %s leads to %v, page %q", path, q.Left, q.Name)
			}
			if q := p.Post(path, url.Values{"flow": {flow}, "code": {"123456"}, "allow": {"allow"}, "saved": {"on"}, "choice": {"continue"}}); q.Left != nil {
				t.Errorf("POST %s leads to %v", path, q.Left)
			}
		}
		k.Site.Clock.Advance(11 * time.Minute) // a challenge lives as long as the password before it
		if q := p.Press("Use my passkey", "response", p.KeyAnswer(k.Device)); q.Name != "login" {
			t.Errorf("an answer that comes late leads to page %q", q.Name)
		}
	})
}

// TestCodeChangesNoFactor: whoever has got the password and a code of the app out of a user with a passkey, as a false page
// does, signs in where that is enough, and changes nothing: no authenticator comes, none goes, no code is made.
func TestCodeChangesNoFactor(t *testing.T) {
	t.Parallel()
	eachKeyed(t, func(t *testing.T, k *servertest.Keyed) {
		own := k.Site.NewBrowser(t).Open("/account/setup/totp").GiveName("ana", servertest.Password).At("webauthn", "initial").GiveKey(k.Device)
		phone := own.At("setup", "initial").Phone()
		own.Press("Continue", "code", phone.Code(-1)).At("security", "on")
		k.Site.Clock.Advance(servertest.Step)
		before := len(k.Site.Events(t, "", "factor.added")) + len(k.Site.Events(t, "", "factor.codes.made"))

		b := k.Site.NewBrowser(t)
		p := b.Open("/account/security").GiveName("ana", servertest.Password)
		if p.Name == "webauthn" {
			p = p.Click("Use your authenticator app")
		}
		p = p.At("totp", "initial").GiveCode(phone.Code(0)).At("security", "on")
		remove := p.Click("Remove Passkey").At("remove", "initial").Address.Path
		for _, path := range []string{"/account/authenticators/new", "/account/setup/totp", "/account/setup/webauthn", "/account/recovery-codes", "/account/recovery-codes?new=1"} {
			q := b.Open(path).At("webauthn", "initial")
			q.Open("/login/totp?flow="+url.QueryEscape(q.Value("flow"))).At("webauthn", "initial")
			q.Post("/login/totp", url.Values{"flow": {q.Value("flow")}, "code": {phone.Code(1)}}).At("webauthn", "initial")
			for _, action := range []string{"", "choose", "save", "again"} {
				p.Post(strings.TrimSuffix(path, "?new=1"), url.Values{"action": {action}, "code": {phone.Code(1)}, "saved": {"yes"}})
			}
		}
		k.Site.Clock.Advance(servertest.Step)
		p.Post(remove, url.Values{"with": {"totp"}, "password": {servertest.Password}, "code": {phone.Code(0)}})
		after := len(k.Site.Events(t, "", "factor.added")) + len(k.Site.Events(t, "", "factor.codes.made"))
		if gone := len(k.Site.Events(t, "", "factor.removed")); after != before || gone > 0 {
			t.Errorf("%d factors were made and %d removed over a code", after-before, gone)
		}
		b.Open(remove).Click("Use a recovery code").Press("Remove Passkey", "password", servertest.Password, "recovery", k.Codes[0]).At("security", "on")
		if gone := len(k.Site.Events(t, "", "factor.removed")); gone != 1 {
			t.Errorf("a recovery code removes %d passkeys, want the one that is lost", gone)
		}
	})
}
