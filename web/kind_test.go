package web

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"vestibule/mfa"
	"vestibule/mfa/mfatest"
	mfatotp "vestibule/mfa/totp"
)

// eight is a code of an app that makes eight digits a minute with SHA-512.
func (s *screen) eight(t *testing.T, secret string, steps int) string {
	t.Helper()
	code, err := totp.GenerateCodeCustom(secret, s.clock.now().Add(time.Duration(steps)*time.Minute),
		totp.ValidateOpts{Period: 60, Digits: otp.DigitsEight, Algorithm: otp.AlgorithmSHA512})
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// An app that wants other settings gets them, if the operator allows it, and all words about codes follow.
func TestOtherSettings(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	p := b.open("/account/authenticators/new").password("ana").at("setup", "initial")
	if strings.Contains(p.body, "<select") {
		t.Error("there is a choice where the operator gives none")
	}
	before := p.phone().secret
	p = p.post("/account/setup/totp", url.Values{"action": {"choose"}, "algorithm": {"SHA512"}, "digits": {"8"}, "period": {"60"}})
	if p.at("setup", "initial").phone().secret != before {
		t.Error("a forged choice was taken")
	}

	s.mfa.Kinds = []mfa.Kind{mfatotp.Kind{Issuer: "Vestibule", Options: mfatotp.Options{Algorithms: []string{"SHA1", "SHA512"}, Digits: []int{6, 8}, Periods: []int{30, 60}}}}
	p = p.reload().says("My app needs other settings", "SHA-1", "SHA-512", "Enter the 6-digit code")
	p = p.press("Make a new key", "algorithm", "SHA512", "digits", "8", "period", "60", "name", "Old <phone>").at("setup", "new")
	if attr(p.input("name"), "value") != "Old <phone>" {
		t.Error("the new key loses the name that was typed")
	}
	p.says("This is a new key. Delete the old entry from your app.", "Any app that makes 8-digit codes", "Time-based, 8 digits, 60 seconds, SHA-512", "Enter the 8-digit code", "changes every 60 seconds")
	a := p.phone()
	if a.secret == before || !strings.Contains(p.body, "algorithm=SHA512&amp;digits=8&amp;period=60") {
		t.Error("the key is the old one, or its address does not say what it is")
	}
	p = p.press("Continue", "code", "123456").at("setup", "format").says("The code is 8 digits, like 1234 5678")
	p = p.press("Continue", "code", "what?").at("setup", "format").says("The code is 8 digits, like 1234 5678")
	p = p.press("Continue", "code", p.eight(t, a.secret, -60)).at("setup", "slow").says("clock is about 60 minutes slow")
	p = p.press("Continue", "code", p.eight(t, a.secret, 0)).at("codes", "initial")
	p.press("Turn on two-step verification", "saved", "yes").at("security", "on")

	s.clock.forward(time.Hour)
	p = s.newBrowser().open(s.authorize()).password("ana").at("totp", "initial").says("Enter the 8-digit code from your authenticator app")
	if !strings.Contains(p.body, `data-countdown="60"`) {
		t.Error("the page counts down to another time than that of the next code")
	}
	p = p.press("Continue", "code", "123456").at("totp", "format").says("The code is 8 digits, like 1234 5678")
	p.press("Continue", "code", p.eight(t, a.secret, 0)).at("consent", "initial")
}

// Inside a sign-in the choice is the same.
func TestOtherSettingsInsideSignIn(t *testing.T) {
	s := newSite(t)
	s.mfa.Kinds = []mfa.Kind{mfatotp.Kind{Issuer: "Vestibule", Options: mfatotp.Options{Algorithms: []string{"SHA512", "SHA1"}, Digits: []int{8, 6}, Periods: []int{60}}}}
	p := s.newBrowser().open(s.authorize("acr_values", "aal2")).password("ana").at("setup", "initial").says("8 digits, 60 seconds, SHA-512")
	p = p.press("Make a new key", "algorithm", "SHA1", "digits", "6", "period", "60", "name", "Mine").at("setup", "new").says("6 digits, 60 seconds, SHA-1", "This is a new key.")
	if attr(p.input("name"), "value") != "Mine" {
		t.Error("the new key loses the name that was typed")
	}
	p = p.press("Make a new key", "algorithm", "SHA512", "digits", "8", "period", "60").at("setup", "new").says("8 digits, 60 seconds, SHA-512")
	p.press("Continue", "code", p.eight(t, p.phone().secret, 0)).at("codes", "initial")
}

// TestCountdown: whose authenticators change at different times is not told when the next code comes.
func TestCountdown(t *testing.T) {
	s := newSite(t)
	s.enrolled("s-ana")
	if p := s.totpAt(s.newBrowser()); !strings.Contains(p.body, `data-countdown="30"`) {
		t.Error("the page does not count down")
	}
	s.mfa.Kinds = []mfa.Kind{mfatotp.Kind{Issuer: "Vestibule", Options: mfatotp.Options{Periods: []int{60}}}}
	pending, err := mfatest.Begin(t, s.mfa, "s-ana", "other", mfatotp.Name)
	if err != nil {
		t.Fatal(err)
	}
	code, err := totp.GenerateCodeCustom(pending.Offer.(mfatotp.Offer).Secret, s.clock.now(), totp.ValidateOpts{Period: 60, Digits: otp.DigitsSix})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.mfa.Confirm(t.Context(), "s-ana", "other", mfatotp.Form(code), "Other"), s.mfa.Activate(t.Context(), "s-ana", "other", nil)); err != nil {
		t.Fatal(err)
	}
	if p := s.totpAt(s.newBrowser()); strings.Contains(p.body, "data-countdown") {
		t.Error("the page counts down to a time that is not everybody's")
	}
}

func TestRename(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	b.open("/account/security").password("ana").at("totp", "initial").press("Continue", "code", a.code(0)).at("security", "on")
	for range 2 {
		s.clock.forward(time.Minute)
		s.enrolled("s-ana")
	}
	p := b.open("/account/security").says("Authenticator app 2").click("Rename").at("rename", "initial").says("Rename Authenticator app")
	for _, tt := range []struct{ name, state, says string }{
		{" ", "required", "Enter a name"},
		{"authenticator APP 2", "taken", "You already have an authenticator with this name"},
		{strings.Repeat("x", 65), "long", "Use 64 characters or fewer"},
	} {
		p = p.press("Rename", "name", tt.name).at("rename", tt.state).says(tt.says)
	}
	p.press("Rename", "name", "Old <phone>").at("security", "on").says("Authenticator app is now called Old <phone>.", "Authenticator app 2")
	p.press("Rename", "name", "Old <phone>").at("security", "on")
	for _, path := range []string{"/account/authenticators/none/rename", strings.Replace(p.address.Path, "/rename", "x/rename", 1)} {
		b.open(path).at("security", "on").says("That authenticator was already removed.")
		b.post(path, url.Values{"name": {"Mine"}}).at("security", "on").says("That authenticator was already removed.")
	}
	ben := s.newBrowser()
	ben.open("/account/security").password("ben").at("security", "off")
	ben.post(p.address.Path, url.Values{"name": {"Mine"}}).at("security", "off")
	if status, err := s.mfa.Status(t.Context(), "s-ana"); err != nil || status.Authenticators[0].Name != "Old <phone>" {
		t.Errorf("Status = %+v, %v", status.Authenticators, err)
	}
}
