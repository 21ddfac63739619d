package pages

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	cdpwebauthn "github.com/chromedp/cdproto/webauthn"

	"vestibule/cmd/vestibule/servertest"
)

// The whole way with a key: set up with a name, signed in, told in every token, refreshed, confirmed in the account, and
// removed.
func TestPasskeyWalk(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, servertest.OnLocalhost, func(t *testing.T, s *servertest.Site) {
		user := s.AddUser("ana")
		sh, api, b := s.NewShop(t, "shop", false), s.NewInspector(t), s.NewTab(t)
		sh.For(api)
		first := b.PlugIn()
		if codes := b.EnrolKey("ana"); len(codes) != 10 {
			t.Errorf("%d recovery codes come with the first key, want 10", len(codes))
		}
		v := sh.BeginOffline()
		b.Through(v, "ana")
		r := sh.Arrived(v).Authenticated(t, "phr", s.Clock.Now(), "pwd", "hwk", "user", "mfa")
		if got := api.Ask(t, r.Token.AccessToken); !got.Active || got.ACR != "phr" || !slices.Equal(got.AMR, r.AMR) {
			t.Errorf("an API learns %+v", got)
		}
		s.Clock.Advance(time.Minute)
		fresh, err := sh.Refresh(r.Token.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		sh.Read(fresh).Same(t, r)

		s.Clock.Advance(11 * time.Minute)
		b.Open("/account/setup/webauthn").At("webauthn", "initial").Press("Use my passkey").At("setup", "initial")
		if got := b.Tries(); got != "known" {
			t.Errorf("a device that has a key makes another: %s", got)
		}
		first.Unplug()
		second := b.PlugIn(func(o *cdpwebauthn.VirtualAuthenticatorOptions) {
			o.DefaultBackupEligibility, o.DefaultBackupState = true, true
		})
		b.Name("Password manager").Press("Try again").At("security", "on")
		if text := servertest.Evaluate[string](b, `document.querySelector("main").innerText`); !strings.Contains(text, "Synced between your devices") || !strings.Contains(text, "Kept on one device") {
			t.Errorf("the security page says %s", text)
		}
		b.SignOut()
		v = sh.Begin()
		b.Through(v, "ana")
		sh.Arrived(v).Authenticated(t, "phr", s.Clock.Now(), "pwd", "swk", "user", "mfa")
		if e := s.Events(t, user.Subject, "auth.webauthn.ok"); len(e) < 2 || e[0].Detail["synced"] != "yes" || e[0].Detail["verified"] != "yes" {
			t.Errorf("events %+v", e)
		}
		b.Open("/account/security").Press("Remove ana’s key").At("remove", "initial").Put("password", servertest.Password).Press("Remove").At("security", "on")
		if n := len(second.Contents()); n != 1 || len(s.Authenticators(t, user.Subject)) != 1 {
			t.Errorf("%d keys on the device, %d in the account, want one", n, len(s.Authenticators(t, user.Subject)))
		}
	})
}

// What a key that does not verify its user proves is less, and says so.
func TestPasskeyWithoutVerification(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, servertest.OnLocalhost, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		sh, b := s.NewShop(t, "shop", false), s.NewTab(t)
		b.PlugIn(func(o *cdpwebauthn.VirtualAuthenticatorOptions) {
			o.HasUserVerification, o.IsUserVerified = false, false
		})
		b.EnrolKey("ana")
		v := sh.Begin()
		b.Through(v, "ana")
		sh.Arrived(v).Authenticated(t, "phr", s.Clock.Now(), "pwd", "hwk", "mfa")
	})
}

// A prompt that is closed can be opened again, and the other ways stay at hand, also without JavaScript.
func TestPasskeyCancelled(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, servertest.OnLocalhost, func(t *testing.T, s *servertest.Site) {
		user := s.AddUser("ana")
		sh, b := s.NewShop(t, "shop", false), s.NewTab(t)
		k := b.PlugIn()
		codes := b.EnrolKey("ana")
		v := sh.Begin()
		b.Asked(v, "ana")
		k.Verifies(false) // as a user does who closes the prompt
		if got := b.Tries(); got != "cancelled" {
			t.Errorf("a closed prompt is %s", got)
		}
		if focus := servertest.Evaluate[string](b, `document.activeElement.textContent`); focus != "Try again" {
			t.Errorf("the focus is on %q", focus)
		}
		k.Verifies(true)
		b.Press("Try again").At("consent", "initial")
		if e := s.Events(t, user.Subject, "auth.webauthn.failed"); len(e) != 0 {
			t.Errorf("a closed prompt counts: %+v", e)
		}
		plain := s.NewTab(t).WithoutScripts()
		plain.SignInAs(sh.Begin().Address, "ana").At("webauthn", "initial")
		if text := servertest.Evaluate[string](plain, `document.querySelector("noscript").innerText`); !strings.Contains(text, "need JavaScript") {
			t.Errorf("without JavaScript the page says %q", text)
		}
		plain.Press("Use a recovery code").At("recovery", "initial").Put("recovery", codes[0]).Enter().At("recovery-used", "initial")
	})
}

// An answer is worth nothing that was made on another site, for another challenge, with another user's key, or with a copy.
// Each is recorded for what it is.
func TestPasskeyRefused(t *testing.T) {
	t.Parallel()
	servertest.EachWith(t, servertest.OnLocalhost, func(t *testing.T, s *servertest.Site) {
		user := s.AddUser("ana")
		s.AddUser("ben")
		sh, b := s.NewShop(t, "shop", false), s.NewTab(t)
		bens := b.PlugIn()
		b.EnrolKey("ben")
		other := bens.Contents()
		bens.Unplug()
		k := b.PlugIn()
		b.EnrolKey("ana")
		own := k.Contents()

		// The shop has the same host, so that the browser lends the key; the origin in the answer is the shop's.
		b.Asked(sh.Begin(), "ana")
		phish := b.Another()
		phish.PlugIn().Contain(k.Contents())
		phish.Open(sh.Origin + "/arrived")
		b.Gives(phish.Signs(b.Options())).At("webauthn", "address")

		old := b.Signs(b.Options())
		b.Open(sh.Begin().Address).Put("username", "ana").Put("password", servertest.Password).Press("Sign in").At("webauthn", "initial")
		b.Gives(old).At("webauthn", "challenge")

		k.Contain(other)
		options := strings.ReplaceAll(b.Options(), plainID(own[0]), plainID(other[0]))
		b.Gives(b.Signs(options)).At("webauthn", "wrong")

		k.Contain(own)
		b.Press("Use my passkey").At("consent", "initial").Press("Allow").At("shop", "arrived")
		b.Open("/account/security").SignOut()
		k.Contain(own) // as it was before
		b.Asked(sh.Begin(), "ana").Press("Use my passkey").At("webauthn", "cloned")

		var reasons []string
		for _, e := range s.Events(t, user.Subject, "auth.webauthn.failed") {
			reasons = append(reasons, e.Detail["reason"])
		}
		if !slices.Equal(reasons, []string{"cloned", "wrong", "origin"}) {
			t.Errorf("recorded, the newest first: %q", reasons)
		}
	})
}

// plainID is the id of a key as options have it.
func plainID(c *cdpwebauthn.Credential) string {
	return base64.RawURLEncoding.EncodeToString(c.CredentialID)
}

// TestEveryPageOfPasskeys looks at the pages of keys as TestEveryPage does at all others.
func TestEveryPageOfPasskeys(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t), servertest.OnLocalhost)
	s.AddUser("ana")
	sh, b := s.NewShop(t, "shop", false), s.NewTab(t)
	g, k := newGallery(t, b), b.PlugIn()

	g.SignInAs("/account/authenticators/new", "ana").At("setup", "initial")
	g.show("setup-choice")
	g.Press("Add a passkey or security key").At("setup", "initial")
	g.show("setup-passkey")
	g.Name("Blue key").Press("Create a passkey").At("codes", "initial").Toggle("#saved").Press("Turn on two-step verification").At("security", "on")
	g.show("security-passkey")
	g.Open("/account/setup/webauthn").At("setup", "initial")
	if got := g.Tries(); got != "known" {
		t.Errorf("the key that is there already is %s", got)
	}
	g.show("setup-passkey-known")
	g.Open("/account/security").Press("Remove Blue key").At("remove", "initial")
	g.show("remove-passkey")
	g.Open("/account/security").SignOut()
	g.Asked(sh.Begin(), "ana")
	g.show("passkey")
	k.Verifies(false)
	if got := g.Tries(); got != "cancelled" {
		t.Errorf("a closed prompt is %s", got)
	}
	g.show("passkey-cancelled")
	g.Gives("nonsense").At("webauthn", "format")
	g.show("passkey-format")

	k.Verifies(true)
	g.Press("Use my passkey").Open("/account/setup/totp").At("setup", "initial")
	g.Put("code", g.OathCode(g.Scan(), -1)).Press("Continue").At("security", "on")
	s.Clock.Advance(11 * time.Minute)
	g.Open("/account/recovery-codes").At("webauthn", "initial")
	g.show("passkey-strongest")
	g.Open("/account/security").Press("Remove Authenticator app").At("remove", "initial")
	g.show("remove-strongest")
}
