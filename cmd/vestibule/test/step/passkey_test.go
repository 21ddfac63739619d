package step

import (
	"net/url"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/mfa/webauthn/webauthntest"
	"vestibule/provider/assurance"
	"vestibule/storage"
	"vestibule/storage/storagetest"
)

// eachNamed is each, with a program that is called by a name: browsers keep passkeys for names alone.
func eachNamed(t *testing.T, test func(t *testing.T, p *program)) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, db *storage.Store) {
		p := newProgramAt(t, "localhost", db)
		p.demand("phr", assurance.Demand{EssentialACR: assurance.LevelPhishingResistant, PreferredACR: assurance.LevelPhishingResistant})
		test(t, p)
	})
}

// device is a key in software, at the pages of the program.
func (p *program) device() *webauthntest.Authenticator { return webauthntest.New(p.site.Config.Issuer) }

// setUp sets a passkey up where the page offers one, as the first authenticator.
func setUp(page *servertest.Page, d *webauthntest.Authenticator) (next *servertest.Page, codes []string) {
	page.T.Helper()
	page = page.At("setup", "initial").Press("Create a passkey", "response", page.KeyMade(d)).At("codes", "initial")
	codes = page.RecoveryCodes()
	return page.Press("Turn on two-step verification", "saved", "on"), codes
}

// TestPasskey: a passkey is set up because it is asked for, and signs in from then on. Cloned it does not.
func TestPasskey(t *testing.T) {
	eachNamed(t, func(t *testing.T, p *program) {
		d := p.device()
		page := p.visitor().logIn("ana").begin("r1", "phr")
		if page.Address.Path != "/step/login/setup/webauthn" {
			t.Errorf("the set-up is at %s", page.Address.Path)
		}
		page, _ = setUp(page, d)
		p.is(page, "/done/r1")
		p.hears("r1", "ana [pwd hwk mfa] phr 0s")

		p.site.Clock.Advance(time.Minute)
		copied := d.Clone()
		v := p.visitor()
		page = v.LogInAt(v.begin("r2", ""), "ana").At("webauthn", "initial")
		p.is(page.GiveKey(d), "/done/r2")
		p.hears("r2", "ana [pwd hwk mfa] phr 0s")
		none := assurance.Demand{EssentialACR: assurance.LevelPhishingResistant, PreferredACR: assurance.LevelPhishingResistant, PromptNone: true}
		p.demand("none", none)
		p.site.Clock.Advance(time.Minute)
		p.is(v.begin("r3", "none"), "/done/r3")
		p.hears("r3", "ana [pwd hwk mfa] phr 1m0s")

		page = p.visitor().logIn("ana").begin("r4", "").At("webauthn", "initial").GiveKey(copied).At("webauthn", "cloned")
		p.hears("r4", "nothing")
		d.Verifies = true
		p.is(page.GiveKey(d), "/done/r4")
		p.hears("r4", "ana [pwd hwk user mfa] phr 0s")
		p.is(p.visitor().logIn("ben").begin("r5", "none"), "/refused/interaction_required")
	})
}

// TestPasskeyOfAnotherPage: what a key has signed on a page of another origin is worth nothing.
func TestPasskeyOfAnotherPage(t *testing.T) {
	eachNamed(t, func(t *testing.T, p *program) {
		d := p.device()
		page, _ := setUp(p.visitor().logIn("ana").begin("r1", "phr"), d)
		p.is(page, "/done/r1")
		d.Origin = "http://localhost:1"
		page = p.visitor().logIn("ana").begin("r2", "").At("webauthn", "initial").GiveKey(d).At("webauthn", "address")
		p.hears("r2", "nothing")
		d.Origin = p.site.Config.Issuer
		p.is(page.GiveKey(d), "/done/r2")
	})
}

// TestPasskeyStepUp: a code does not stand for a passkey. It lets the user set one up, and who has both is asked for the
// passkey alone.
func TestPasskeyStepUp(t *testing.T) {
	eachNamed(t, func(t *testing.T, p *program) {
		phone, _ := p.enrol("ana")
		v := p.visitor().logIn("ana")
		p.is(v.begin("r1", "").At("totp", "initial").Press("Continue", "code", phone.Code(0)), "/done/r1")
		p.hears("r1", "ana [pwd otp mfa] aal2 0s")

		d := p.device()
		page := v.begin("r2", "phr").At("setup", "stronger")
		page.Press("Cancel and go back to Payroll")
		p.hears("r2", "nothing")
		page = v.begin("r3", "phr").At("setup", "stronger")
		page = page.Press("Create a passkey", "response", page.KeyMade(d))
		p.is(page, "/done/r3")
		p.hears("r3", "ana [pwd otp hwk mfa] phr 0s")

		p.site.Clock.Advance(servertest.Step)
		v = p.visitor().logIn("ana")
		p.is(v.begin("r4", "").At("totp", "initial").Press("Continue", "code", phone.Code(0)), "/done/r4")
		p.hears("r4", "ana [pwd otp mfa] aal2 0s")
		p.is(v.begin("r5", "phr").At("webauthn", "initial").GiveKey(d), "/done/r5")
		p.hears("r5", "ana [pwd otp hwk mfa] phr 0s")
	})
}

// TestPasskeyIsRemoved: by its own proof alone, and afterwards it proves nothing, nor what it has proved before.
func TestPasskeyIsRemoved(t *testing.T) {
	eachNamed(t, func(t *testing.T, p *program) {
		d := p.device()
		v := p.visitor().logIn("ana")
		page, _ := setUp(v.Open("/step/account/setup/webauthn"), d)
		page.At("security", "on")
		page = v.Open("/step/account/setup/totp").At("setup", "initial")
		phone := page.Phone()
		page.Press("Continue", "code", phone.Code(-1)).At("security", "on")
		p.is(v.begin("r1", "phr"), "/done/r1")

		p.site.Clock.Advance(2 * servertest.Step)
		w := p.visitor().logIn("ana")
		p.is(w.begin("r2", "").At("totp", "initial").Press("Continue", "code", phone.Code(0)), "/done/r2")
		page = w.Open("/step/account/security").At("security", "on").Click("Remove Passkey").At("remove", "initial")
		if page.Find(servertest.Named("code")) != nil {
			t.Errorf("a code removes a passkey:\n%s", page.Text())
		}

		page = v.Open("/step/account/security").At("security", "on").Click("Remove Passkey").At("remove", "initial")
		page.Press("Remove Passkey", "response", page.KeyAnswer(d)).At("security", "on").Says("Passkey was removed.")
		p.site.Clock.Advance(servertest.Step)
		x := p.visitor().logIn("ana")
		p.is(x.begin("r3", "").At("totp", "initial").Press("Continue", "code", phone.Code(0)), "/done/r3")
		p.hears("r3", "ana [pwd otp mfa] aal2 0s")
		x.begin("r4", "phr").At("setup", "stronger")
		p.hears("r4", "nothing")
	})
}

// TestPasskeyIsLost: a recovery code is worth two steps, and lets its user set up another passkey where one is asked for.
func TestPasskeyIsLost(t *testing.T) {
	eachNamed(t, func(t *testing.T, p *program) {
		page, codes := setUp(p.visitor().logIn("ana").begin("r1", "phr"), p.device())
		p.is(page, "/done/r1")
		page = p.visitor().logIn("ana").begin("r2", "").At("webauthn", "initial").Click("Use a recovery code").Press("Continue", "recovery", codes[0])
		p.is(page.At("recovery-used", "initial").Press("Continue"), "/done/r2")
		p.hears("r2", "ana [pwd mfa] aal2 0s")

		fresh := p.device()
		page = p.visitor().logIn("ana").begin("r3", "phr").At("webauthn", "initial").Click("Use a recovery code").Press("Continue", "recovery", codes[1])
		page = page.At("recovery-used", "initial").Press("Set up")
		p.hears("r3", "nothing")
		page = page.Press("Create a passkey", "response", page.KeyMade(fresh))
		p.is(page, "/done/r3")
		p.hears("r3", "ana [pwd hwk mfa] phr 0s")
		p.is(p.visitor().logIn("ana").begin("r4", "").At("webauthn", "initial").GiveKey(fresh), "/done/r4")
	})
}

// TestNoPasskeysAtAnAddress: under an IP address nobody is offered a passkey, and the level of one is no level there.
func TestNoPasskeysAtAnAddress(t *testing.T) {
	t.Parallel()
	p := newProgram(t, storageOf(t))
	if _, err := p.steps.Load().Levels().Request(url.Values{"claims": {servertest.Essential("phr")}}, p.site.Clock.Now(), ""); err == nil {
		t.Error("phr is a level")
	}
	v := p.visitor().logIn("ana")
	v.Open("/step/account/setup/webauthn").HasStatus(404)
	if page := v.Open("/step/account/authenticators/new").At("setup", "initial"); page.Find(servertest.Named("code")) == nil {
		t.Errorf("there is a choice of kinds:\n%s", page.Text())
	}
}

// TestPasskeyInABrowser is the walk in Chromium, with a key that it makes up: set-up in a sign-in, sign-in, step-up.
func TestPasskeyInABrowser(t *testing.T) {
	t.Parallel()
	p := newProgramAt(t, "localhost", storageOf(t))
	p.demand("phr", assurance.Demand{EssentialACR: assurance.LevelPhishingResistant, PreferredACR: assurance.LevelPhishingResistant})
	b := p.site.NewTab(t)
	b.PlugIn()
	b.LogIn("ana").Open("/open?id=r1&demand=phr").At("setup", "initial").Name("Blue key").Press("Create a passkey").At("codes", "initial")
	b.Toggle("#saved").Press("Turn on two-step verification")
	p.hears("r1", "ana [pwd hwk user mfa] phr 0s")

	p.site.Clock.Advance(time.Minute)
	b.LogIn("ana").Open("/open?id=r2").At("webauthn", "initial").Press("Use my passkey")
	p.hears("r2", "ana [pwd hwk user mfa] phr 0s")
	b.Open("/step/account/security").At("security", "on").Press("Remove Blue key").At("remove", "initial").Press("Remove Blue key").At("security", "off")
	p.site.Clock.Advance(time.Minute)
	b.LogIn("ana").Open("/open?id=r3")
	p.hears("r3", "ana [pwd] aal1 0s")
}
