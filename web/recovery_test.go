package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"vestibule/provider/assurance"
)

func TestRecoveryStates(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	p := s.totpAt(s.newBrowser()).click("Use a recovery code").at("recovery", "initial").says("Each works once")
	p = p.press("Continue").at("recovery", "required").says("Enter one of your recovery codes")
	p = p.press("Continue", "recovery", "123456").at("recovery", "format").says("A recovery code has 15 letters and numbers")
	p = p.press("Continue", "recovery", "AAAAA-AAAAA-AAAAA").at("recovery", "wrong").says("not right, or it has been used").reload().at("recovery", "wrong")
	p.click("Use your authenticator app").at("totp", "initial")
	typed := " " + strings.ToLower(strings.ReplaceAll(a.codes[0], "-", " "))
	p = p.press("Continue", "recovery", typed).at("recovery-used", "initial").says("You used a recovery code", "9 left.")
	p = p.reload().at("recovery-used", "initial").press("Continue to Demo Shop").at("consent", "initial")
	p.press("Allow").client()
	p = s.totpAt(s.newBrowser()).click("Use a recovery code").press("Continue", "recovery", a.codes[0])
	p.at("recovery", "wrong").click("I lost my device").at("lost-device", "initial").says("help@example.com")
}

func TestRecoveryLock(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	p := s.totpAt(s.newBrowser()).click("Use a recovery code")
	for i := range 5 {
		p = p.press("Continue", "recovery", "AAAAA-AAAAA-AAAA"+string("ABCDE"[i]))
	}
	p.at("recovery", "locked").answers(http.StatusTooManyRequests).says("Too many wrong recovery codes", "Ask help@example.com for a new one.")
	p.click("Use your authenticator app").at("totp", "initial").press("Continue", "code", a.code(0)).at("consent", "initial")
}

// TestSetUpAfterRecovery is for whoever has lost the phone: a new authenticator, and then the client.
func TestSetUpAfterRecovery(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	p := s.totpAt(s.newBrowser()).click("Use a recovery code").press("Continue", "recovery", a.codes[0])
	p = p.press("Set up a new authenticator").at("setup", "initial")
	p = p.press("Cancel").at("recovery-used", "initial").press("Set up a new authenticator").at("setup", "initial")
	fresh := p.phone()
	p.press("Continue", "code", fresh.code(0)).at("consent", "initial") // the codes stay as they are
	s.clock.forward(time.Minute)
	s.totpAt(s.newBrowser()).press("Continue", "code", fresh.code(0)).at("consent", "initial")
}

func TestLastRecoveryCodes(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	var p *screen
	for i, code := range a.codes {
		p = s.totpAt(s.newBrowser()).click("Use a recovery code").press("Continue", "recovery", code).at("recovery-used", "initial")
		offered := strings.Contains(p.text(), "Make new recovery codes")
		left := 9 - i
		if offered != (left <= 3) {
			t.Errorf("with %d codes left, new ones offered: %v", left, offered)
		}
		want := "Continue to Demo Shop"
		if left <= 3 {
			want = "Make new recovery codes"
		}
		if got := p.primary(); len(got) != 1 || got[0] != want {
			t.Errorf("with %d codes left the primary buttons are %q, want %q", left, got, want)
		}
	}
	p.says("You have no recovery codes left", "Continue without codes")
	p = p.press("Make new recovery codes").at("codes", "initial").says("Save your recovery codes")
	codes := p.codes()
	p = p.press("Use these new codes").at("codes", "ack").says("Confirm that you have saved your codes")
	p.press("Use these new codes", "saved", "yes").at("consent", "initial")
	s.totpAt(s.newBrowser()).click("Use a recovery code").press("Continue", "recovery", codes[9]).at("recovery-used", "initial").says("9 left.")
}

// primary are the labels of the page's primary buttons.
func (s *screen) primary() []string {
	var labels []string
	for _, n := range s.all("button") {
		if attr(n, "class") == "btn" {
			labels = append(labels, words(n))
		}
	}
	return labels
}

// TestRecoveryThatIsNotEnough leads to the set-up, and says so.
func TestRecoveryThatIsNotEnough(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	ix := s.provider.Begin(assurance.Demand{PreferredACR: assurance.LevelTwo, WeakRecovery: true})
	ix.Client, ix.ClientName, ix.Scopes, ix.Redirect = "shop", "Demo Shop", []string{"openid"}, "https://shop.test/cb"
	p := s.newBrowser().open(s.serveAuthorize(ix)).password("ana").at("totp", "initial").click("Use a recovery code")
	p = p.press("Continue", "recovery", a.codes[0]).at("recovery-used", "initial").says("Demo Shop does not take a recovery code for a second step")
	if got := p.primary(); len(got) != 1 || got[0] != "Set up a new authenticator" || strings.Contains(p.text(), "Continue to") {
		t.Errorf("the primary buttons are %q:\n%s", got, p.text())
	}
	p.press("Set up a new authenticator").at("setup", "instead")
}

func TestNoRecoveryCodesLeft(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	for _, code := range a.codes {
		if err := s.mfa.Recover(t.Context(), "s-ana", code, s.clock.now(), nil); err != nil {
			t.Fatal(err)
		}
	}
	b := s.newBrowser()
	s.totpAt(b).press("Continue", "code", a.code(0)).at("consent", "initial")
	b.open("/account").at("security", "on").says("You have no recovery codes left.", "0 of 10 left")
}

// TestOldRecoveryCannotEnrol leaves a browser unattended after a recovery code.
func TestOldRecoveryCannotEnrol(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	p := s.totpAt(s.newBrowser()).click("Use a recovery code").press("Continue", "recovery", a.codes[0]).at("recovery-used", "initial")
	s.clock.forward(26 * time.Minute)
	p = p.press("Set up a new authenticator").at("login", "timeout").password("ana").at("totp", "initial")
	p.press("Continue", "code", a.code(0)).at("setup", "initial")
}

// TestOldStepUpCannotEnrol does it in a session whose password was given before.
func TestOldStepUpCannotEnrol(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	s.clock.forward(time.Minute)
	a := s.enrolled("s-ana")
	p := b.open(s.authorize()).at("totp", "initial").click("Use a recovery code").press("Continue", "recovery", a.codes[0]).at("recovery-used", "initial")
	s.clock.forward(26 * time.Minute)
	p = p.press("Set up a new authenticator").at("totp", "initial")
	p.press("Continue", "code", a.code(0)).at("setup", "initial")
}
