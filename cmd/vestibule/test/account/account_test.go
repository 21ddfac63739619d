package account

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
)

// TestEnrolment gives the set-up everything but what it asks for.
func TestEnrolment(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		b := s.NewBrowser(t)
		p := b.Open("/account/authenticators/new").GiveName("ana", servertest.Password).At("setup", "initial")
		a := p.Phone()
		for _, tt := range []struct{ typed, state, words string }{
			{"", "required", "Enter the code"},
			{"12345", "format", "The code is 6 digits"},
			{a.Wrong(), "wrong", "That code is not right. Your key has not changed, so try the next code."},
			{a.Code(-3), "slow", "Your authenticator’s clock is about 90 seconds slow."},
			{a.Code(4), "fast", "Your authenticator’s clock is about 120 seconds fast."},
		} {
			p = p.Press("Continue", "code", tt.typed).At("setup", tt.state).Says(tt.words)
			if got := p.Reload().Phone(); got != a {
				t.Fatalf("after code %q the key is another", tt.typed)
			}
		}
		p = p.Press("Continue", "name", strings.Repeat("n", 65), "code", a.Code(0)).At("setup", "long").Says("Use 64 characters or fewer")
		b.Open("/account/security").At("security", "off")

		p.Press("Cancel").Says("Nothing changed.")
		p = b.Open("/account/authenticators/new").At("setup", "initial")
		if p.Phone() == a {
			t.Error("a set-up that was cancelled came back")
		}
		a = p.Phone()
		p = p.Press("Continue", "name", "My phone", "code", a.Code(0)).At("codes", "initial")
		b.Open("/account/security").At("security", "off").Says("Two-step verification is not on yet")
		if got := newPhonePage(s, "ana"); got.Name != "consent" {
			t.Errorf("a set-up that is not finished asks for its code: page %q", got.Name)
		}
		p.Press("Turn on two-step verification", "saved", "on").At("security", "on").Says("My phone")
		p.Reload() // the codes are not shown a second time
		if got := b.Open(p.Address.String()); strings.Contains(got.Text(), p.RecoveryCodes()[0]) {
			t.Error("the recovery codes are shown again")
		}
	})
}

// newPhonePage is where somebody gets to with the password alone.
func newPhonePage(s *servertest.Site, name string) *servertest.Page {
	s.T.Helper()
	return s.NewClient(s.T, "probe-"+name).Begin().SignIn(s.NewBrowser(s.T), name)
}

// TestEnrolmentExpires comes back to a set-up too late.
func TestEnrolmentExpires(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		b := s.NewBrowser(t)
		first := b.Open("/account/authenticators/new").GiveName("ana", servertest.Password).At("setup", "initial")
		a := first.Phone()
		second := first.Press("Continue", "code", a.Code(0)).At("codes", "initial")
		s.Clock.Advance(15*time.Minute + time.Second)
		p := second.Press("Turn on two-step verification", "saved", "on")
		if p.Name == "login" {
			p = p.Press("Continue", "password", servertest.Password) // the proof is too old as well
		}
		p.Says("This set-up expired. Nothing changed.")
		b.Open("/account/security").At("security", "off")
	})
}

// TestSecondAuthenticator adds one, signs in with it and removes both.
func TestSecondAuthenticator(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		b := s.NewBrowser(t)
		one, codes := b.Enrol("ana")

		p := b.Open("/account/authenticators/new").At("setup", "initial")
		if got := p.Value("name"); got != "Authenticator app 2" {
			t.Errorf("the second authenticator is to be called %q", got)
		}
		two := p.Phone()
		p.Press("Continue", "name", "Authenticator app", "code", two.Code(0)).At("setup", "taken")
		p.Press("Continue", "name", "Tablet", "code", two.Code(0)).At("security", "on").Says("Tablet")

		s.Clock.Advance(servertest.Step)
		v := c.Begin()
		v.Finish(v.SignIn(s.NewBrowser(t), "ana").GiveCode(two.Code(0)).Allow())

		p = b.Open("/account/security").Click("Remove Tablet").At("remove", "initial")
		p = p.Press("Remove Tablet", "password", "not this", "code", one.Code(0)).At("remove", "wrong")
		p = p.Press("Remove Tablet", "password", servertest.Password, "code", one.Wrong()).At("remove", "wrong")
		p = p.Press("Remove Tablet", "password", servertest.Password, "code", one.Code(0)).At("security", "on").Says("Tablet was removed.")
		p = p.Click("Remove Authenticator app").At("remove", "initial").Says("Two-step verification will be off")
		p = p.Click("Use a recovery code").At("remove", "initial")
		p.Press("Remove Authenticator app", "password", servertest.Password, "recovery", codes[0]).At("security", "off").Says("Two-step verification is off, and you are signed out everywhere else.")

		v = c.Begin("prompt", "login")
		v.Finish(v.SignIn(s.NewBrowser(t), "ana")).Authenticated(t, "aal1", s.Clock.Now(), "pwd")
	})
}

// TestNewRecoveryCodes makes a new set: the old one is good until the new one is acknowledged, and not after.
func TestNewRecoveryCodes(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		b := s.NewBrowser(t)
		_, old := b.Enrol("ana")
		p := b.Open("/account/security").Click("Make new codes").At("codes", "initial")
		fresh := p.RecoveryCodes()
		if got := p.Reload().RecoveryCodes(); !slices.Equal(got, fresh) {
			t.Errorf("the codes changed from %q to %q", fresh, got)
		}
		use := func(code string) *servertest.Page {
			return c.Begin("prompt", "login").SignIn(s.NewBrowser(t), "ana").Click("Use a recovery code").Press("Continue", "recovery", code)
		}
		use(old[0]).At("recovery-used", "initial")
		use(fresh[0]).At("recovery", "wrong")
		p.Press("Use these new codes", "saved", "on").At("security", "on").Says("10 of 10 left")
		use(old[1]).At("recovery", "wrong")
		use(fresh[1]).At("recovery-used", "initial")
	})
}

// TestDownload fetches the codes as a file.
func TestDownload(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	s.AddUser("ana")
	p := s.NewBrowser(t).Open("/account/authenticators/new").GiveName("ana", servertest.Password).At("setup", "initial")
	a := p.Phone()
	p = p.Press("Continue", "code", a.Code(0)).At("codes", "initial")
	file := p.Press("Download")
	if kind, name := file.Header.Get("Content-Type"), file.Header.Get("Content-Disposition"); !strings.HasPrefix(kind, "text/plain") || !strings.HasPrefix(name, "attachment") {
		t.Errorf("the file comes as %q, %q", kind, name)
	}
	for _, code := range p.RecoveryCodes() {
		if !strings.Contains(file.Body, code) {
			t.Errorf("the file has not the code %s:\n%s", code, file.Body)
		}
	}
	p.Press("Turn on two-step verification", "saved", "on").At("security", "on")
}

// TestSessionEnds leaves a session alone for too long.
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		b := s.NewBrowser(t)
		v := c.Begin()
		first := v.Finish(v.SignIn(b, "ana").Allow())
		for range 13 {
			s.Clock.Advance(55 * time.Minute)
			v = c.Begin()
			v.Finish(b.Open(v.Address)).Same(t, first)
		}
		s.Clock.Advance(6 * time.Minute) // 12 h have gone
		b.Open(c.Begin().Address).At("login", "expired").Says("You were signed out because you were away for a while.")

		b = s.NewBrowser(t)
		v = c.Begin()
		v.Finish(v.SignIn(b, "ana"))
		s.Clock.Advance(time.Hour)
		v = c.Begin("prompt", "none")
		v.Refused(b.Open(v.Address), "login_required")
	})
}

// TestSignOut ends the session.
func TestSignOut(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		b := s.NewBrowser(t)
		v := c.Begin()
		v.Finish(v.SignIn(b, "ana").Allow())
		b.Open("/logout").Click("Stay signed in").At("security", "off")
		b.Open("/logout").Press("Sign out").At("logged-out", "initial")
		v = c.Begin("prompt", "none")
		v.Refused(b.Open(v.Address), "login_required")
		if p := b.Open("/account/security"); p.Name != "login" {
			t.Errorf("after signing out the account shows page %q", p.Name)
		}
	})
}
