package web

import (
	"image/png"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp"
)

// phone reads the key as an authenticator app on the same device would.
func (s *screen) phone() phone {
	s.t.Helper()
	for _, a := range s.all("a") {
		if key, err := otp.NewKeyFromURL(attr(a, "href")); err == nil && strings.HasPrefix(attr(a, "href"), "otpauth:") {
			return phone{s: s.site, secret: key.Secret()}
		}
	}
	s.t.Fatalf("%s (%s) has no key", s.name, s.state)
	return phone{}
}

// codes are the recovery codes on the page.
func (s *screen) codes() []string {
	s.t.Helper()
	var all []string
	for _, n := range s.all("code") {
		all = append(all, words(n))
	}
	if len(all) != 10 {
		s.t.Fatalf("%s (%s) shows %d recovery codes", s.name, s.state, len(all))
	}
	return all
}

func TestSetUpInsideSignIn(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	p := b.open(s.authorize("acr_values", "aal2")).password("ana").at("setup", "initial").says("Step 1 of 2", "Add an authenticator app")
	a := p.phone()
	p = p.reload().at("setup", "initial")
	if p.phone().secret != a.secret {
		t.Error("a refresh changes the key")
	}
	p = p.press("Continue", "code", a.wrong(), "name", "My phone").at("setup", "wrong").says("Your key has not changed")
	if p.phone().secret != a.secret || attr(p.input("name"), "value") != "My phone" {
		t.Error("a wrong code changes the key, or loses the name")
	}
	p = p.press("Continue", "code", a.code(0)).at("codes", "initial").says("Step 2 of 2", "Save your recovery codes")
	codes := p.codes()
	if enrolled, _ := s.mfa.Enrolled(t.Context(), "s-ana"); enrolled {
		t.Error("the authenticator is on before the codes were saved")
	}
	file := p.press("Download as text")
	if !strings.Contains(file.header.Get("Content-Disposition"), `filename="vestibule-recovery-codes-ana.txt"`) || !strings.Contains(file.body, strings.Join(codes, "\n")) {
		t.Errorf("the file is %s:\n%s", file.header, file.body)
	}
	p = p.press("Turn on two-step verification").at("codes", "ack").says("Confirm that you have saved your codes")
	if !slices.Equal(p.codes(), codes) {
		t.Error("the codes have changed")
	}
	before := b.cookie("vestibule-s")
	done := p.press("Turn on two-step verification", "saved", "yes").at("consent", "initial")
	if after := b.cookie("vestibule-s"); after == before || after == "" {
		t.Error("the session's id did not change")
	}
	p.reload().at("consent", "initial")
	done.press("Allow").client()
	if row := onlySession(t, s); !row.Login.Has("otp") || row.Login.ACR() != "aal2" {
		t.Errorf("the session has %v", row.Login.Authentications)
	}
	b.open(s.authorize("acr_values", "aal2")).client()
}

func TestSetUpCancelled(t *testing.T) {
	s := newSite(t)
	p := s.newBrowser().open(s.authorize("claims", `{"id_token":{"acr":{"essential":true,"value":"aal2"}}}`)).password("ana").at("setup", "initial")
	if got := p.press("Cancel and go back to Demo Shop").client().Get("error"); got != "unmet_authentication_requirements" {
		t.Errorf("a client to which two steps are essential hears %q", got)
	}
	b := s.newBrowser()
	p = b.open(s.authorize("acr_values", "aal2")).password("ana").at("setup", "initial").press("Not now").at("consent", "initial")
	if got := p.reload().at("consent", "initial").press("Allow").client(); got.Get("code") == "" {
		t.Errorf("a client that only prefers two steps hears %v", got)
	}
	b.open(s.authorize("acr_values", "aal2")).at("setup", "initial") // the next sign-in asks again
}

func TestSetUpExpires(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	p := b.open(s.authorize("acr_values", "aal2")).password("ana").at("setup", "initial")
	a := p.phone()
	s.clock.forward(16 * time.Minute)
	p = p.press("Continue", "code", a.code(0)).at("setup", "expired").says("This set-up expired. Nothing changed.")
	p = p.press("Start again").at("setup", "initial")
	if p.phone().secret == a.secret {
		t.Error("the key is still the old one")
	}
	p.press("Continue", "code", p.phone().code(0)).at("codes", "initial")
}

func TestEnrol(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	p := b.open("/account/authenticators/new").password("ana").at("setup", "initial").says("For ana@example.com", "Time-based, 6 digits, 30 seconds, SHA-1")
	a := p.phone()
	for _, tt := range []struct{ code, name, state, says string }{
		{"", "", "required", "Enter the code that your app shows"},
		{"12", "", "format", "The code is 6 digits"},
		{a.wrong(), "", "wrong", "Your key has not changed"},
		{a.code(3), "", "fast", "about 90 seconds fast"},
		{a.code(-3), "", "slow", "about 90 seconds slow"},
		{a.code(0), strings.Repeat("x", 65), "long", "Use 64 characters or fewer"},
	} {
		s.clock.forward(0)
		p = p.press("Continue", "code", tt.code, "name", tt.name).at("setup", tt.state).says(tt.says)
		p.reload().at("setup", tt.state)
	}
	b.open("/account/security").at("security", "off").says("Two-step verification is not on yet").click("Finish set-up").at("setup", "initial")
	p = p.press("Continue", "code", a.code(0), "name", "Phone").at("codes", "initial")
	codes := p.codes()
	p = p.press("Turn on two-step verification").at("codes", "ack")
	second := b.open("/account/authenticators/new").at("codes", "initial") // a second tab
	if !slices.Equal(second.codes(), codes) {
		t.Error("a second tab shows other codes")
	}
	file := p.press("Download as text")
	if !strings.Contains(file.body, codes[0]) {
		t.Errorf("the file is %s", file.body)
	}
	before := b.cookie("vestibule-s")
	p.press("Turn on two-step verification", "saved", "yes").at("security", "on").says("Two-step verification is on.", "Phone", "10 of 10 left")
	if b.cookie("vestibule-s") == before {
		t.Error("the session cookie stays, so that Back would show the codes from memory")
	}
	second.press("Turn on two-step verification", "saved", "yes").at("security", "on").says("already saved these codes")
	p.open("/account/setup/totp?step=codes").at("security", "on").says("You have already saved these codes")
	row := onlySession(t, s)
	if row.Login.ACR() != "aal2" {
		t.Errorf("the session has %v", row.Login.Authentications)
	}
}

func TestEnrolAnother(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	b.open("/account").password("ana").press("Continue", "code", a.code(0)).at("security", "on")
	p := b.open("/account/authenticators/new").at("setup", "initial")
	if got := attr(p.input("name"), "value"); got != "Authenticator app 2" {
		t.Errorf("the suggested name is %q", got)
	}
	other := p.phone()
	p = p.press("Continue", "code", other.code(0), "name", "authenticator APP").at("setup", "taken").says("You already have an authenticator with this name")
	p.press("Continue", "code", other.code(0), "name", "Tablet").at("security", "on").says("Tablet was added", "10 of 10 left")
	p.press("Continue", "code", other.code(0), "name", "Tablet").at("security", "on").says("This authenticator is already set up.")
}

func TestEnrolCancelled(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	p := b.open("/account/authenticators/new").password("ana").at("setup", "initial")
	first := p.phone()
	p = p.press("Cancel").at("security", "off").says("Nothing changed.")
	if strings.Contains(p.text(), "not on yet") {
		t.Error("the cancelled set-up is still there")
	}
	if b.open("/account/authenticators/new").phone().secret == first.secret {
		t.Error("the cancelled key came back")
	}
}

func TestEnrolExpires(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	p := b.open("/account/authenticators/new").password("ana").at("setup", "initial")
	a := p.phone()
	s.clock.forward(9 * time.Minute)
	p = p.press("Continue", "code", a.code(0)).at("codes", "initial")
	s.clock.forward(7 * time.Minute)
	p = p.press("Turn on two-step verification", "saved", "yes").at("login", "initial").says("Confirm it’s you")
	p.press("Continue", "password", secret).at("setup", "expired").press("Start again").at("setup", "initial")
	if enrolled, _ := s.mfa.Enrolled(t.Context(), "s-ana"); enrolled {
		t.Error("an expired set-up counts")
	}
}

func TestTooManyAuthenticators(t *testing.T) {
	s := newSite(t)
	s.mfa.Limits.Authenticators = 1
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	b.open("/account").password("ana").press("Continue", "code", a.code(0)).at("security", "on")
	b.open("/account/authenticators/new").at("setup", "maximum").says("You can have 1 authenticator. Remove it first.")
}

func TestQRCode(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	p := b.open("/account/authenticators/new").password("ana")
	if !strings.Contains(p.body, `role="img" aria-label="QR code for your authenticator app"`) || !strings.Contains(p.body, `fill="#fff"`) {
		t.Error("the drawing has no name or no ground")
	}
	picture := b.open("/account/authenticators/new/qr.png")
	if picture.header.Get("Content-Type") != "image/png" || picture.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the picture has the headers %v", picture.header)
	}
	if _, err := png.Decode(strings.NewReader(picture.body)); err != nil {
		t.Errorf("the picture: %v", err)
	}
	p.press("Continue", "code", p.phone().code(0)).at("codes", "initial")
	b.open("/account/authenticators/new/qr.png").at("error", "not-found").answers(404)
	uri, err := url.Parse(attr(p.all("a")[len(p.all("a"))-1], "href"))
	if err == nil && uri.Scheme == "otpauth" && strings.Contains(uri.RawQuery, "+") {
		t.Errorf("the address has a plus sign: %s", uri)
	}
}

// TestOldSessionCannotEnrol has an unattended browser meet a request for two steps.
func TestOldSessionCannotEnrol(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	s.clock.forward(30 * time.Minute)
	p := b.open(s.authorize("acr_values", "aal2")).at("login", "initial").says("Signing in as ana@example.com")
	p = p.press("Sign in", "password", secret).at("setup", "initial")
	a := p.phone()
	s.clock.forward(12 * time.Minute) // a set-up may take longer than that
	p.press("Continue", "code", a.code(0)).at("codes", "initial").press("Turn on two-step verification", "saved", "yes").at("consent", "initial")
}
