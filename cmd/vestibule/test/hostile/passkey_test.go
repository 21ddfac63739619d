package hostile

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/mfa/webauthn/webauthntest"
)

// keyed is a user with a passkey in software.
type keyed struct {
	site   *servertest.Site
	client *servertest.Client
	device *webauthntest.Authenticator
	codes  []string
}

// onName has the site called by a name: passkeys are for names alone.
func onName(c *config.Config) {
	c.Issuer = strings.Replace(c.Issuer, "127.0.0.1", "localhost", 1)
}

// eachKeyed runs a test for ana, who has a passkey, on either database and two servers.
func eachKeyed(t *testing.T, test func(t *testing.T, k *keyed)) {
	servertest.EachWith(t, onName, func(t *testing.T, s *servertest.Site) {
		s.Start(2)
		s.AddUser("ana")
		k := &keyed{s, s.NewClient(t, "shop"), webauthntest.New(s.Config.Issuer), nil}
		p := s.NewBrowser(t).Open("/account/setup/webauthn").GiveName("ana", servertest.Password).At("setup", "initial")
		p = p.Press("Create a passkey", "response", k.create(t, p)).At("codes", "initial")
		k.codes = p.RecoveryCodes()
		p.Press("Turn on two-step verification", "saved", "on").At("security", "on")
		test(t, k)
	})
}

// options are those that the page has for the browser.
func options(p *servertest.Page) string {
	return servertest.Attribute(p.Find(func(n *html.Node) bool { return servertest.Attribute(n, "data-passkey") != "" }), "data-options")
}

func (k *keyed) create(t *testing.T, p *servertest.Page) string {
	t.Helper()
	answer, err := k.device.Create(options(p))
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// answer is that of a device to the page.
func answer(t *testing.T, d *webauthntest.Authenticator, p *servertest.Page) string {
	t.Helper()
	text, err := d.Get(options(p))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// asked is the page that asks for the passkey, in a new browser.
func (k *keyed) asked(t *testing.T) (*servertest.Trip, *servertest.Page) {
	t.Helper()
	v := k.client.Begin()
	return v, v.SignIn(k.site.NewBrowser(t), "ana").At("webauthn", "initial")
}

// TestPasskeyLimit guesses with keys that are none of the user's: the budget is that of codes, a lock takes no right answer
// either, and a recovery code still helps.
func TestPasskeyLimit(t *testing.T) {
	t.Parallel()
	eachKeyed(t, func(t *testing.T, k *keyed) {
		stranger := webauthntest.New(k.site.Config.Issuer)
		stranger.Obliging, stranger.ID = true, []byte("a key of somebody else's")
		p := k.site.NewBrowser(t).Open("/account/setup/webauthn").GiveName(k.site.AddUser("ben").Username, servertest.Password)
		if _, err := stranger.Create(options(p)); err != nil {
			t.Fatal(err)
		}
		_, p = k.asked(t)
		for range k.site.Config.TOTPGuesses {
			own := k.device.IDs()[0]
			forged := strings.ReplaceAll(options(p), own, stranger.IDs()[0])
			text, err := stranger.Get(forged)
			if err != nil {
				t.Fatal(err)
			}
			p = p.Press("Use my passkey", "response", text)
		}
		p.At("webauthn", "locked").HasStatus(http.StatusTooManyRequests)
		_, late := k.asked(t)
		late.Press("Use my passkey", "response", answer(t, k.device, late)).At("webauthn", "locked")
		p.Click("Use a recovery code").Press("Continue", "recovery", k.codes[0]).At("recovery-used", "initial")
	})
}

// TestPasskeyAnswerCountsOnce sends one right answer many times at once, then to another sign-in and as a copy of the key
// would make it.
func TestPasskeyAnswerCountsOnce(t *testing.T) {
	t.Parallel()
	eachKeyed(t, func(t *testing.T, k *keyed) {
		twin := k.device.Clone()
		_, p := k.asked(t)
		text := answer(t, k.device, p)
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
		if open := len(k.site.Events(t, "", "auth.webauthn.ok")); open != 1 {
			t.Errorf("one answer is accepted %d times", open)
		}
		_, other := k.asked(t)
		other.Press("Use my passkey", "response", text).At("webauthn", "challenge")
		other.Press("Use my passkey", "response", answer(t, twin, other)).At("webauthn", "cloned")
	})
}

// TestPasskeySkipsNothing: what is pending is no factor, and no page leads past the one that asks for the key.
func TestPasskeySkipsNothing(t *testing.T) {
	t.Parallel()
	eachKeyed(t, func(t *testing.T, k *keyed) {
		k.site.AddUser("ben")
		b := k.site.NewBrowser(t)
		pending := webauthntest.New(k.site.Config.Issuer)
		p := b.Open("/account/setup/webauthn").GiveName("ben", servertest.Password).At("setup", "initial")
		made, err := pending.Create(options(p))
		if err != nil {
			t.Fatal(err)
		}
		p.Press("Create a passkey", "response", made).At("codes", "initial") // and goes away
		v := k.client.Begin()
		v.Finish(v.SignIn(k.site.NewBrowser(t), "ben").Allow()).Authenticated(t, "aal1", k.site.Clock.Now(), "pwd")

		_, p = k.asked(t)
		flow := p.Value("flow")
		for _, path := range []string{"/consent", "/login/recovery/used", "/login/setup", "/login/setup/webauthn", "/login/setup/totp", "/login/totp", "/login/continue", "/login"} {
			if q := p.Open(path + "?flow=" + url.QueryEscape(flow)); q.Left != nil || q.Name != "webauthn" && q.Name != "login" {
				t.Errorf("GET %s leads to %v, page %q", path, q.Left, q.Name)
			}
			if q := p.Post(path, url.Values{"flow": {flow}, "code": {"123456"}, "allow": {"allow"}, "saved": {"on"}, "choice": {"continue"}}); q.Left != nil {
				t.Errorf("POST %s leads to %v", path, q.Left)
			}
		}
		k.site.Clock.Advance(11 * time.Minute) // a challenge lives as long as the password before it
		if q := p.Press("Use my passkey", "response", answer(t, k.device, p)); q.Name != "login" {
			t.Errorf("an answer that comes late leads to page %q", q.Name)
		}
	})
}
