package main

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

const oneStep = 30 * time.Second

// TestWalk goes the way of a user who turns two-step verification on, and asks at every corner what the
// client was told.
func TestWalk(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		ana := s.addUser("ana")
		c := s.newClient(t, "shop")
		b := s.newBrowser(t)

		v := c.beginOffline()
		p := v.signIn(b, "ana").at("consent", "initial").says("The shop")
		first := v.finish(p.allow()).authenticated(t, "aal1", s.clock.now(), "pwd")
		if first.Subject != ana.Subject {
			t.Errorf("sub is %q, want %q", first.Subject, ana.Subject)
		}

		a, codes := b.enrol("ana")

		b = s.newBrowser(t)
		s.clock.advance(oneStep)
		v = c.beginOffline()
		p = v.signIn(b, "ana").at("totp", "initial").says("ana@example.com")
		password := s.clock.now()
		s.clock.advance(2 * time.Second)
		second := v.finish(p.giveCode(a.code(0))).authenticated(t, "aal2", password, "pwd", "otp", "mfa")
		if second.Session == first.Session {
			t.Errorf("two sign-ins share the sid %q", second.Session)
		}

		s.clock.advance(5 * time.Minute)
		renewed, err := c.refresh(second.tokens.RefreshToken)
		if err != nil {
			t.Fatalf("refresh: %v", err)
		}
		c.read(renewed).same(t, second)

		v = c.begin() // single sign-on: no page, nothing new was proved
		v.finish(b.open(v.address)).same(t, second)
		v = c.begin("prompt", "none")
		v.finish(b.open(v.address)).same(t, second)

		v = c.begin()
		p = v.signIn(s.newBrowser(t), "ana").click("Use a recovery code").at("recovery", "initial")
		p = p.press("Continue", "recovery", strings.ToLower(strings.ReplaceAll(codes[0], "-", " "))).
			at("recovery-used", "initial").says("9 left")
		v.finish(p.press("Continue")).authenticated(t, "aal2", s.clock.now(), "pwd", "mfa")

		v = c.begin()
		p = v.signIn(s.newBrowser(t), "ana").click("Use a recovery code")
		p.press("Continue", "recovery", codes[0]).at("recovery", "wrong").says("not right, or it has been used")
	})
}

// TestCodes gives codes of every kind; each has its own answer, and none of the bad ones goes on.
func TestCodes(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		s.clock.advance(20 * oneStep)
		last := c.phone.code(0)
		v := c.begin("prompt", "login")
		v.finish(v.signIn(s.newBrowser(t), "ana").giveCode(last).allow())

		for _, tt := range []struct {
			name, typed, state, words string
		}{
			{"nothing", "", "required", "Enter the code from your authenticator app"},
			{"blanks", "  ", "required", "Enter the code from your authenticator app"},
			{"too short", "12345", "format", "The code is 6 digits, like 123 456"},
			{"too long", "1234567", "format", "The code is 6 digits, like 123 456"},
			{"a recovery code", c.codes[0], "recovery", "That looks like a recovery code. Use a recovery code instead."},
			{"wrong", c.phone.wrong(), "wrong", "That code is not right. Check your app and enter the newest code."},
			{"expired", c.phone.code(-4), "expired", "That code has expired. Enter the newest code from your app."},
			{"used", last, "used", "That code was already used. Wait for the next one"},
			{"of the future", c.phone.code(3), "few", "That code is not right. 1 try left before a 15-minute wait."},
		} {
			p := c.begin("prompt", "login").signIn(s.newBrowser(t), "ana").at("totp", "initial")
			again := p.giveCode(tt.typed).at("totp", tt.state).says(tt.words).hasStatus(http.StatusOK)
			again.reload().at("totp", tt.state).says(tt.words)
		}
	})
}

// TestCodeSpellings accepts a code however people and their programs write it.
func TestCodeSpellings(t *testing.T) {
	t.Parallel()
	s := newSite(t, sqliteDatabase(t))
	c := enrolledClient(t, s, 1)
	for _, spell := range []func(code string) string{
		func(code string) string { return code[:3] + " " + code[3:] },
		func(code string) string { return " " + code[:3] + "\u00a0" + code[3:] + "\n" },
		func(code string) string { return code[:2] + "-" + code[2:4] + "–" + code[4:] },
		func(code string) string { return otherDigits(code, '０') },
		func(code string) string { return otherDigits(code, '٠') },
		func(code string) string { return otherDigits(code, '۰') },
	} {
		s.clock.advance(oneStep)
		v := c.begin("prompt", "login consent")
		typed := spell(c.phone.code(0))
		v.finish(v.signIn(s.newBrowser(t), "ana").at("totp", "initial").giveCode(typed).allow())
	}
}

func otherDigits(code string, zero rune) string {
	return strings.Map(func(r rune) rune { return r - '0' + zero }, code)
}

// TestDrift accepts the previous and the next code and no other.
func TestDrift(t *testing.T) {
	t.Parallel()
	s := newSite(t, sqliteDatabase(t))
	c := enrolledClient(t, s, 1)
	for _, tt := range []struct {
		steps int
		page  string
	}{{-2, "totp"}, {-1, "consent"}, {0, "consent"}, {1, "consent"}, {2, "totp"}} {
		s.clock.advance(time.Hour)
		p := c.begin("prompt", "login consent").signIn(s.newBrowser(t), "ana").giveCode(c.phone.code(tt.steps))
		if p.name != tt.page {
			t.Errorf("a code %d steps away leads to page %q, want %q", tt.steps, p.name, tt.page)
		}
	}
}

// TestLock gives five wrong codes: the right one is then refused too, in every session, while a recovery
// code still helps; and the lock ends by itself.
func TestLock(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 2)
		s.clock.advance(oneStep)
		p := c.begin().signIn(s.newBrowser(t), "ana")
		for range 4 {
			p = p.giveCode(c.phone.wrong())
		}
		p.at("totp", "few").says("1 try left")
		s.clock.advance(10 * time.Second)
		p = p.giveCode(c.phone.wrong()).at("totp", "locked").hasStatus(http.StatusTooManyRequests).says("Too many wrong codes")
		if seconds, err := strconv.Atoi(p.header.Get("Retry-After")); err != nil || seconds < 840 || seconds > 900 {
			t.Errorf("Retry-After is %q, want about 900", p.header.Get("Retry-After"))
		}

		other := c.begin().signIn(s.newBrowser(t), "ana")
		if other.state != "locked" {
			other = other.giveCode(c.phone.code(0))
		}
		other.at("totp", "locked").hasStatus(http.StatusTooManyRequests)
		v := c.begin()
		rescue := v.signIn(s.newBrowser(t), "ana").click("Use a recovery code").press("Continue", "recovery", c.codes[0])
		v.finish(rescue.at("recovery-used", "initial").press("Continue").allow())
	})
}

// TestLockEnds waits for the end of the lock, which tries during it do not put off.
func TestLockEnds(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		p := c.begin().signIn(s.newBrowser(t), "ana")
		for range 5 {
			s.clock.advance(11 * time.Second) // the same code within 10 s is a double click
			p = p.giveCode(c.phone.wrong())
		}
		p.at("totp", "locked")
		s.clock.advance(14 * time.Minute)
		b := s.newBrowser(t)
		v := c.begin()
		p = v.signIn(b, "ana")
		if p.state != "locked" {
			p = p.giveCode(c.phone.code(0))
		}
		p.at("totp", "locked")
		s.clock.advance(time.Minute + time.Second)
		p = p.reload().at("login", "again").giveName("ana", password).at("totp", "initial")
		v.finish(p.giveCode(c.phone.code(0)).allow())
	})
}

// TestGuessesAreShared counts wrong codes over sign-ins, the pages of the account and both servers.
func TestGuessesAreShared(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 2)
		s.clock.advance(oneStep)
		for range 4 {
			c.begin().signIn(s.newBrowser(t), "ana").giveCode(c.phone.wrong())
		}
		c.begin().signIn(s.newBrowser(t), "ana").giveCode(c.phone.wrong()).at("totp", "locked")
	})
}

// TestRecoveryCodes checks their own messages and their own lock.
func TestRecoveryCodes(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		p := c.begin().signIn(s.newBrowser(t), "ana").click("Use a recovery code").at("recovery", "initial")
		p = p.press("Continue", "recovery", "").at("recovery", "required").says("Enter one of your recovery codes")
		p = p.press("Continue", "recovery", "123456").at("recovery", "format").says("A recovery code has 15 letters and numbers")
		wrong := []string{"22222-22222-22222", "33333-33333-33333", "44444-44444-44444", "55555-55555-55555", "66666-66666-66666"}
		for _, code := range wrong[:4] {
			p = p.press("Continue", "recovery", code).at("recovery", "wrong")
		}
		p = p.press("Continue", "recovery", wrong[4]).at("recovery", "locked").hasStatus(http.StatusTooManyRequests)
		s.clock.advance(oneStep)
		p.click("Use your authenticator app").at("totp", "initial").giveCode(c.phone.code(0)).at("consent", "initial")
	})
}

// TestEnrolWithinSignIn asks for two steps of a user who has one: the user enrols on the way and comes out
// at the client.
func TestEnrolWithinSignIn(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		c := s.newClient(t, "shop")
		b := s.newBrowser(t)
		v := c.begin("acr_values", "aal2")
		p := v.signIn(b, "ana").at("setup", "initial")
		a := p.phone()
		p = p.press("Continue", "code", a.code(0)).at("codes", "initial")
		codes := p.recoveryCodes()
		p = p.press("Turn on two-step verification").at("codes", "ack").says("Confirm that you have saved your codes")
		if got := p.recoveryCodes(); !slices.Equal(got, codes) {
			t.Errorf("the codes changed from %q to %q", codes, got)
		}
		p = p.press("Turn on two-step verification", "saved", "on")
		v.finish(p.allow()).authenticated(t, "aal2", s.clock.now(), "pwd", "otp", "mfa")

		v = c.begin("acr_values", "aal2")
		p = v.signIn(s.newBrowser(t), "ana").at("totp", "initial")
		p.giveCode(a.code(0)).at("totp", "used")

		s.addUser("bob")
		v = c.begin("claims", essential("aal2"))
		v.refused(v.signIn(s.newBrowser(t), "bob").at("setup", "initial").press("Cancel"), "unmet_authentication_requirements")
	})
}

// TestStepUp asks for two steps in a session that has one.
func TestStepUp(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		_ = c
		s.addUser("bob")
		b := s.newBrowser(t)
		v := c.begin()
		password := s.clock.now()
		one := v.finish(v.signIn(b, "bob").allow()).authenticated(t, "aal1", password, "pwd")

		s.clock.advance(time.Minute)
		v = c.begin("acr_values", "aal2", "prompt", "none")
		v.refused(b.open(v.address), "interaction_required")
		v = c.begin("acr_values", "aal2")
		p := b.open(v.address).at("setup", "initial")
		a := p.phone()
		p = p.press("Continue", "code", a.code(0)).at("codes", "initial").press("Turn on two-step verification", "saved", "on")
		two := v.finish(p).authenticated(t, "aal2", password, "pwd", "otp", "mfa")
		if one.Session != two.Session {
			t.Errorf("the step-up changed the sid from %q to %q", one.Session, two.Session)
		}
	})
}

// TestEnrolment gives the set-up everything but what it asks for.
func TestEnrolment(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		b := s.newBrowser(t)
		p := b.open("/account/authenticators/new").giveName("ana", password).at("setup", "initial")
		a := p.phone()
		for _, tt := range []struct{ typed, state, words string }{
			{"", "required", "Enter the code"},
			{"12345", "format", "The code is 6 digits"},
			{a.wrong(), "wrong", "That code is not right. Your key has not changed, so try the next code."},
			{a.code(-3), "slow", "Your authenticator’s clock is about 90 seconds slow."},
			{a.code(4), "fast", "Your authenticator’s clock is about 120 seconds fast."},
		} {
			p = p.press("Continue", "code", tt.typed).at("setup", tt.state).says(tt.words)
			if got := p.reload().phone(); got != a {
				t.Fatalf("after code %q the key is another", tt.typed)
			}
		}
		p = p.press("Continue", "name", strings.Repeat("n", 65), "code", a.code(0)).at("setup", "long").says("Use 64 characters or fewer")
		b.open("/account/security").at("security", "off")

		p.press("Cancel").says("Nothing changed.")
		p = b.open("/account/authenticators/new").at("setup", "initial")
		if p.phone() == a {
			t.Error("a set-up that was cancelled came back")
		}
		a = p.phone()
		p = p.press("Continue", "name", "My phone", "code", a.code(0)).at("codes", "initial")
		b.open("/account/security").at("security", "off").says("Two-step verification is not on yet")
		if got := newPhonePage(s, "ana"); got.name != "consent" {
			t.Errorf("a set-up that is not finished asks for its code: page %q", got.name)
		}
		p.press("Turn on two-step verification", "saved", "on").at("security", "on").says("My phone")
		p.reload() // the codes are not shown a second time
		if got := b.open(p.address.String()); strings.Contains(got.text(), p.recoveryCodes()[0]) {
			t.Error("the recovery codes are shown again")
		}
	})
}

// newPhonePage is where somebody gets to with the password alone.
func newPhonePage(s *site, name string) *page {
	s.t.Helper()
	return s.newClient(s.t, "probe-"+name).begin().signIn(s.newBrowser(s.t), name)
}

// TestEnrolmentExpires comes back to a set-up too late.
func TestEnrolmentExpires(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		b := s.newBrowser(t)
		first := b.open("/account/authenticators/new").giveName("ana", password).at("setup", "initial")
		a := first.phone()
		second := first.press("Continue", "code", a.code(0)).at("codes", "initial")
		s.clock.advance(15*time.Minute + time.Second)
		p := second.press("Turn on two-step verification", "saved", "on")
		if p.name == "login" {
			p = p.press("Continue", "password", password) // the proof is too old as well
		}
		p.says("This set-up expired. Nothing changed.")
		b.open("/account/security").at("security", "off")
	})
}

// TestSecondAuthenticator adds one, signs in with it and removes both.
func TestSecondAuthenticator(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		c := s.newClient(t, "shop")
		b := s.newBrowser(t)
		one, codes := b.enrol("ana")

		p := b.open("/account/authenticators/new").at("setup", "initial")
		if got := p.value("name"); got != "Authenticator app 2" {
			t.Errorf("the second authenticator is to be called %q", got)
		}
		two := p.phone()
		p.press("Continue", "name", "Authenticator app", "code", two.code(0)).at("setup", "taken")
		p.press("Continue", "name", "Tablet", "code", two.code(0)).at("security", "on").says("Tablet")

		s.clock.advance(oneStep)
		v := c.begin()
		v.finish(v.signIn(s.newBrowser(t), "ana").giveCode(two.code(0)).allow())

		p = b.open("/account/security").click("Remove Tablet").at("remove", "initial")
		p = p.press("Remove Tablet", "password", "not this", "code", one.code(0)).at("remove", "wrong")
		p = p.press("Remove Tablet", "password", password, "code", one.wrong()).at("remove", "wrong")
		p = p.press("Remove Tablet", "password", password, "code", one.code(0)).at("security", "on").says("Tablet was removed.")
		p = p.click("Remove Authenticator app").at("remove", "initial").says("Two-step verification will be off")
		p = p.click("Use a recovery code").at("remove", "initial")
		p.press("Remove Authenticator app", "password", password, "recovery", codes[0]).at("security", "off").says("Two-step verification is off, and you are signed out everywhere else.")

		v = c.begin("prompt", "login")
		v.finish(v.signIn(s.newBrowser(t), "ana")).authenticated(t, "aal1", s.clock.now(), "pwd")
	})
}

// TestNewRecoveryCodes makes a new set: the old one is good until the new one is acknowledged, and not after.
func TestNewRecoveryCodes(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		c := s.newClient(t, "shop")
		b := s.newBrowser(t)
		_, old := b.enrol("ana")
		p := b.open("/account/security").click("Make new codes").at("codes", "initial")
		fresh := p.recoveryCodes()
		if got := p.reload().recoveryCodes(); !slices.Equal(got, fresh) {
			t.Errorf("the codes changed from %q to %q", fresh, got)
		}
		use := func(code string) *page {
			return c.begin("prompt", "login").signIn(s.newBrowser(t), "ana").click("Use a recovery code").press("Continue", "recovery", code)
		}
		use(old[0]).at("recovery-used", "initial")
		use(fresh[0]).at("recovery", "wrong")
		p.press("Use these new codes", "saved", "on").at("security", "on").says("10 of 10 left")
		use(old[1]).at("recovery", "wrong")
		use(fresh[1]).at("recovery-used", "initial")
	})
}

// TestDownload fetches the codes as a file.
func TestDownload(t *testing.T) {
	t.Parallel()
	s := newSite(t, sqliteDatabase(t))
	s.addUser("ana")
	p := s.newBrowser(t).open("/account/authenticators/new").giveName("ana", password).at("setup", "initial")
	a := p.phone()
	p = p.press("Continue", "code", a.code(0)).at("codes", "initial")
	file := p.press("Download")
	if kind, name := file.header.Get("Content-Type"), file.header.Get("Content-Disposition"); !strings.HasPrefix(kind, "text/plain") || !strings.HasPrefix(name, "attachment") {
		t.Errorf("the file comes as %q, %q", kind, name)
	}
	for _, code := range p.recoveryCodes() {
		if !strings.Contains(file.body, code) {
			t.Errorf("the file has not the code %s:\n%s", code, file.body)
		}
	}
	p.press("Turn on two-step verification", "saved", "on").at("security", "on")
}

// TestNoWayPastTheCode has the password and tries everything but the code.
func TestNoWayPastTheCode(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 2)
		v := c.begin()
		b := s.newBrowser(t)
		p := v.signIn(b, "ana").at("totp", "initial")
		flow := p.value("flow")
		for _, path := range []string{"/consent", "/login/recovery/used", "/login/setup", "/login/setup/totp", "/login/continue", "/login"} {
			p := b.open(path + "?flow=" + url.QueryEscape(flow))
			if p.left != nil || p.name != "totp" && p.name != "login" {
				t.Errorf("GET %s leads to %v, page %q", path, p.left, p.name)
			}
		}
		for _, form := range []struct {
			path string
			url.Values
		}{
			{"/consent", url.Values{"decision": {"allow"}, "allow": {"allow"}, "choice": {"allow"}}},
			{"/login/recovery/used", url.Values{"then": {"continue"}}},
			{"/login/setup", url.Values{"code": {"123456"}, "saved": {"on"}}},
			{"/login/setup/totp", url.Values{"code": {"123456"}, "saved": {"on"}}},
			{"/login/continue", url.Values{"choice": {"continue"}}},
			{"/login/totp", url.Values{"code": {""}}},
			{"/login/totp", url.Values{"code": {"000000\x00"}}},
			{"/login/totp", url.Values{}},
		} {
			form.Set("flow", flow)
			if p := b.post(form.path, form.Values); p.left != nil || p.name != "totp" {
				t.Errorf("POST %s leads to %v, page %q in state %q; want back to the code", form.path, p.left, p.name, p.state)
			}
		}

		// The session is not open, neither for the client nor for the account.
		silent := c.begin("prompt", "none")
		silent.refused(b.open(silent.address), "login_required")
		if p := b.open("/account/security"); p.name != "login" {
			t.Errorf("the account is open without the code: page %q in state %q", p.name, p.state)
		}
		if p := b.open("/account/authenticators/new"); p.name != "login" {
			t.Errorf("enrolment is open without the code: page %q in state %q", p.name, p.state)
		}

		// A sign-in that is over cannot be used again, nor one from another browser.
		s.clock.advance(oneStep)
		v.finish(p.giveCode(c.phone.code(0)).allow())
		for _, path := range []string{"/consent", "/login/totp", "/login"} {
			if p := b.open(path + "?flow=" + url.QueryEscape(flow)); p.left != nil && p.left.Query().Get("code") != "" {
				t.Errorf("GET %s of a sign-in that is over leads to %v", path, p.left)
			}
		}
	})
}

// TestOtherBrowser passes the address of a sign-in to somebody else's browser.
func TestOtherBrowser(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		login := s.newBrowser(t).open(c.begin().address).at("login", "initial")
		v := c.begin()
		p := v.signIn(s.newBrowser(t), "ana").at("totp", "initial")
		s.clock.advance(oneStep)
		address, form := p.fill("Continue", "code", c.phone.code(0))

		thief := s.newBrowser(t)
		thief.open(p.address.String()).at("error", "unknown").hasStatus(http.StatusBadRequest)
		thief.post(address, form).at("error", "cookies").hasStatus(http.StatusBadRequest)
		thief.open(c.begin().address) // has a cookie of its own now
		thief.open(login.address.String()).at("error", "unknown").hasStatus(http.StatusBadRequest)
		thief.open(p.address.String()).at("error", "unknown").hasStatus(http.StatusBadRequest)
		thief.post(address, form).at("error", "unknown").hasStatus(http.StatusBadRequest)
		v.finish(p.giveCode(c.phone.code(0)).allow())
	})
}

// TestNoCookies signs in with a browser that keeps no cookies.
func TestNoCookies(t *testing.T) {
	t.Parallel()
	s := newSite(t, sqliteDatabase(t))
	s.addUser("ana")
	c := s.newClient(t, "shop")
	b := s.newBrowser(t)
	b.http.Jar = nil
	p := b.open(c.begin().address).at("login", "initial").giveName("ana", password)
	if p.name != "error" || p.status != http.StatusBadRequest {
		t.Errorf("without cookies the password leads to page %q in state %q (%d)", p.name, p.state, p.status)
	}
	p.says("cookies")
}

// TestOtherSite sends our forms from a page of another site.
func TestOtherSite(t *testing.T) {
	t.Parallel()
	s := newSite(t, sqliteDatabase(t))
	s.addUser("ana")
	b := s.newBrowser(t)
	address, form := b.open(s.newClient(t, "shop").begin().address).at("login", "initial").
		fill("Sign in", "username", "ana", "password", password)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", "https://evil.example")
	p, _ := b.once(request)
	p.at("error", "cross-site").hasStatus(http.StatusForbidden)
}

// TestTabs signs in to two clients side by side.
func TestTabs(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 2)
		d := s.newClient(t, "other")
		s.clock.advance(oneStep)
		b := s.newBrowser(t)
		v1, v2 := c.begin(), d.begin()
		p1, p2 := b.open(v1.address), b.open(v2.address)
		p1, p2 = p1.giveName("ana", password), p2.giveName("ana", password)
		p2 = p2.giveCode(c.phone.code(0)).at("consent", "initial").says("The other")
		p1 = p1.giveCode(c.phone.code(1)).at("consent", "initial").says("The shop")
		v2.finish(p2.allow())
		v1.finish(p1.allow())
	})
}

// TestBackAndReload goes back, reloads and keeps bookmarks of pages in the middle.
func TestBackAndReload(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		s.clock.advance(oneStep)
		b := s.newBrowser(t)
		v := c.begin()
		login := b.open(v.address).at("login", "initial")
		login.reload().at("login", "initial")
		totp := login.giveName("ana", password).at("totp", "initial").reload().at("totp", "initial")
		code := c.phone.code(0)
		consent := totp.giveCode(code).at("consent", "initial").reload().at("consent", "initial")

		totp.reload().at("consent", "initial")       // Back to the code
		totp.giveCode(code).at("consent", "initial") // a second click that was late
		consent.reload().at("consent", "initial")
		v.finish(consent.press("Allow"))

		for _, p := range []*page{totp, consent} {
			if got := p.reload(); got.left == nil && got.name != "error" && got.name != "login" {
				t.Errorf("the bookmark %s leads to page %q in state %q", p.address.Path, got.name, got.state)
			}
		}
		for _, path := range []string{"/consent", "/login/totp", "/login/recovery", "/login/setup", "/login/setup/totp", "/login/totp?flow=nonsense"} {
			b.open(path).at("error", "unknown").hasStatus(http.StatusBadRequest)
		}
		b.open("/nowhere").at("error", "not-found").hasStatus(http.StatusNotFound)
	})
}

// TestDoubleSubmit sends the same right code twice: both get the same answer, and the client one code.
func TestDoubleSubmit(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 2)
		s.clock.advance(oneStep)
		v := c.begin()
		p := v.signIn(s.newBrowser(t), "ana").at("totp", "initial")
		address, form := p.fill("Continue", "code", c.phone.code(0))
		atOnce(4, func(int) error { return p.send(address, form) })
		consent := p.reload().at("consent", "initial")
		code := v.code(consent.allow())
		if again := v.code(consent.press("Allow")); again != code {
			t.Errorf("a second consent got a second code")
		}
		if _, err := v.exchange(code); err != nil {
			t.Errorf("exchange: %v", err)
		}
		s.clock.advance(11 * time.Second)
		consent.press("Allow").at("error", "elsewhere")
	})
}

// TestTimeouts waits too long at each stage.
func TestTimeouts(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		b := s.newBrowser(t)
		v := c.begin()
		p := v.signIn(b, "ana").at("totp", "initial")
		s.clock.advance(10*time.Minute + time.Second)
		p = p.giveCode(c.phone.code(0)).at("login", "timeout").says("please enter your password again")
		p = p.press("Sign in", "password", password).at("totp", "initial")
		v.finish(p.giveCode(c.phone.code(1)).allow())

		p = s.newBrowser(t).open(c.begin().address).at("login", "initial")
		s.clock.advance(time.Hour + time.Second)
		p = p.giveName("ana", password).at("error", "expired").hasStatus(http.StatusGone).says("This sign-in took too long")
		p.press("Start again").at("login", "initial")
	})
}

// TestSessionEnds leaves a session alone for too long.
func TestSessionEnds(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		c := s.newClient(t, "shop")
		b := s.newBrowser(t)
		v := c.begin()
		first := v.finish(v.signIn(b, "ana").allow())
		for range 13 {
			s.clock.advance(55 * time.Minute)
			v = c.begin()
			v.finish(b.open(v.address)).same(t, first)
		}
		s.clock.advance(6 * time.Minute) // 12 h have gone
		b.open(c.begin().address).at("login", "expired").says("You were signed out because you were away for a while.")

		b = s.newBrowser(t)
		v = c.begin()
		v.finish(v.signIn(b, "ana"))
		s.clock.advance(time.Hour)
		v = c.begin("prompt", "none")
		v.refused(b.open(v.address), "login_required")
	})
}

// TestPrompts holds prompt, max_age and the hints to OpenID Connect Core 3.1.2.1.
func TestPrompts(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		b := s.newBrowser(t)
		v := c.begin("prompt", "none")
		v.refused(b.open(v.address), "login_required")

		s.clock.advance(time.Hour)
		v = c.begin()
		p := v.signIn(b, "ana").giveCode(c.phone.code(0)).at("consent", "initial")
		silent := c.begin("prompt", "none")
		silent.refused(b.open(silent.address), "consent_required")
		first := v.finish(p.allow())
		began := s.clock.now()

		s.clock.advance(time.Minute)
		for _, again := range [][]string{{"prompt", "login"}, {"max_age", "0"}, {"max_age", "59"}} {
			v = c.begin(append(again, "prompt", "none")...)
			if again[0] != "prompt" {
				v.refused(b.open(v.address), "login_required")
			}
			v = c.begin(again...)
			p = b.open(v.address).at("login", "initial")
			if p.value("username") != "ana" && p.value("username") != "ana@example.com" {
				t.Errorf("%q asks again for the name", again)
			}
			p = p.press("Sign in", "password", password).at("totp", "initial")
			r := v.finish(p.giveCode(c.phone.code(0))).authenticated(t, "aal2", s.clock.now(), "pwd", "otp", "mfa")
			if r.Session != first.Session {
				t.Errorf("%q changed the sid", again)
			}
			began = s.clock.now()
			s.clock.advance(time.Minute)
		}
		v = c.begin("max_age", "3600")
		v.finish(b.open(v.address)).authenticated(t, "aal2", began, "pwd", "otp", "mfa")

		v = c.begin("prompt", "consent")
		v.finish(b.open(v.address).allow())
		v = c.begin("prompt", "select_account")
		v.finish(b.open(v.address).at("continue", "initial").press("Continue"))

		bob := s.addUser("bob")
		v = c.begin("login_hint", "bob")
		b.open(v.address).at("continue", "initial").press("Use a different account").at("login", "initial")
		v = c.begin("id_token_hint", first.tokens.Extra("id_token").(string))
		v.finish(b.open(v.address))
		stranger := c.begin("prompt", "login")
		hint := stranger.finish(stranger.signIn(s.newBrowser(t), "bob").allow()).tokens.Extra("id_token").(string)
		v = c.begin("id_token_hint", hint, "prompt", "none")
		v.refused(b.open(v.address), "login_required")
		_ = bob
	})
}

// TestConsent remembers what was allowed, and asks again when more is wanted.
func TestConsent(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		c := s.newClient(t, "shop")
		b := s.newBrowser(t)
		v := c.begin("scope", "openid")
		v.refused(v.signIn(b, "ana").at("consent", "initial").press("Don’t allow"), "access_denied")
		v = c.begin("scope", "openid")
		v.finish(b.open(v.address).allow())
		v = c.begin("scope", "openid")
		v.finish(b.open(v.address))
		v = c.begin("scope", "openid email")
		p := b.open(v.address)
		if p.name != "consent" {
			t.Fatalf("more scopes lead to page %q, left %v; want consent", p.name, p.left)
		}
		v.finish(p.says("ana@example.com").press("Allow"))
		v = c.begin("scope", "email openid")
		v.finish(b.open(v.address))
		d := s.newClient(t, "other")
		b.open(d.begin("scope", "openid").address).at("consent", "initial")
	})
}

// TestBadRequests shows a page when it is not safe to send the browser on, and sends errors to the client when it is.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	s := newSite(t, sqliteDatabase(t))
	c := s.newClient(t, "shop")
	for _, tt := range []struct{ name, value string }{
		{"client_id", "nobody"},
		{"redirect_uri", "https://evil.example/callback"},
		{"redirect_uri", returnURI + "/"},
	} {
		s.newBrowser(t).open(c.begin(tt.name, tt.value).address).at("error", "request").hasStatus(http.StatusBadRequest)
	}
	for _, tt := range []struct{ name, value, want string }{
		{"response_type", "token", "unsupported_response_type"},
		{"scope", "openid \"admin\"", "invalid_scope"},
		{"prompt", "none login", "invalid_request"},
		{"code_challenge_method", "plain", "invalid_request"},
		{"request", "e30.e30.", "request_not_supported"},
	} {
		v := c.begin(tt.name, tt.value)
		v.refused(s.newBrowser(t).open(v.address), tt.want)
	}
}

// TestSignOut ends the session.
func TestSignOut(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		c := s.newClient(t, "shop")
		b := s.newBrowser(t)
		v := c.begin()
		v.finish(v.signIn(b, "ana").allow())
		b.open("/logout").click("Stay signed in").at("security", "off")
		b.open("/logout").press("Sign out").at("logged-out", "initial")
		v = c.begin("prompt", "none")
		v.refused(b.open(v.address), "login_required")
		if p := b.open("/account/security"); p.name != "login" {
			t.Errorf("after signing out the account shows page %q", p.name)
		}
	})
}

// TestPasswords gives wrong ones: the answer tells nobody who exists.
func TestPasswords(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		s.addUser("ana")
		c := s.newClient(t, "shop")
		p := s.newBrowser(t).open(c.begin().address).at("login", "initial")
		p = p.giveName("", "").at("login", "required").says("Enter your email or username").says("Enter your password")
		p = p.giveName("ana", "wrong").at("login", "wrong").hasStatus(http.StatusOK)
		if p.value("username") != "ana" || p.value("password") != "" {
			t.Errorf("after a wrong password the page has the name %q and the password %q", p.value("username"), p.value("password"))
		}
		known := p.text()
		stranger := p.giveName("eve", "wrong").at("login", "wrong").text()
		if known != stranger {
			t.Errorf("the page differs for a name that does not exist:\n%s\n%s", known, stranger)
		}
		p.giveName("ANA@Example.com", password).at("consent", "initial")
	})
}

// TestDatabaseDown cuts the server off its database in the middle of a sign-in: 503, and nothing is
// counted or lost.
func TestDatabaseDown(t *testing.T) {
	t.Parallel()
	way, database := newProxy(t, postgresDatabase(t))
	s := newSite(t, database)
	c := enrolledClient(t, s, 1)
	s.clock.advance(oneStep)
	b := s.newBrowser(t)
	done := c.beginOffline()
	signedIn := done.finish(done.signIn(b, "ana").giveCode(c.phone.code(0)).allow())
	waiting := c.begin()
	code := waiting.code(b.open(waiting.address))
	v := c.begin()
	totp := v.signIn(s.newBrowser(t), "ana").giveCode(c.phone.wrong()).at("totp", "wrong")
	login := s.newBrowser(t).open(c.begin().address).at("login", "initial")
	exchange := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {returnURI}, "code_verifier": {waiting.pkce}}
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {signedIn.tokens.RefreshToken}}

	way.set(true)
	for range 6 { // more than the budget
		totp.giveCode(c.phone.wrong()).at("error", "unavailable").hasStatus(http.StatusServiceUnavailable)
	}
	for range 11 {
		login.giveName("ana", password).at("error", "unavailable").hasStatus(http.StatusServiceUnavailable)
	}
	b.open("/account/security").at("error", "unavailable").hasStatus(http.StatusServiceUnavailable)
	b.open(c.begin().address).at("error", "unavailable").hasStatus(http.StatusServiceUnavailable)
	for _, form := range []url.Values{exchange, refresh} {
		if a := s.token(c.client, form); a.Status != http.StatusServiceUnavailable {
			t.Errorf("without a database %s gets %+v, want 503", form.Get("grant_type"), a)
		}
	}
	if status := s.userInfo(signedIn.tokens.AccessToken); status != http.StatusServiceUnavailable {
		t.Errorf("without a database userinfo answers %d, want 503", status)
	}

	way.set(false)
	for _, form := range []url.Values{exchange, refresh} {
		if a := s.token(c.client, form); a.Status != http.StatusOK {
			t.Errorf("with the database back %s gets %+v, want tokens", form.Get("grant_type"), a)
		}
	}
	login.giveName("ana", password).at("totp", "initial")
	s.clock.advance(oneStep)
	totp = totp.reload().at("totp", "wrong").giveCode(c.phone.wrong()).at("totp", "wrong") // the second of five
	v.finish(totp.giveCode(c.phone.code(0)))
}

// TestTwoServers lets two processes on one PostgreSQL answer in turn.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	s := newSite(t, postgresDatabase(t))
	s.start(2)
	for range 2 { // so that each request meets both
		s.turn.Add(1)
		c := enrolledClientAs(t, s, "shop"+strconv.Itoa(int(s.turn.Load())), "ana"+strconv.Itoa(int(s.turn.Load())))
		s.clock.advance(oneStep)
		v := c.beginOffline()
		b := s.newBrowser(t)
		first := v.finish(b.open(v.address).at("login", "initial").giveName(c.user, password).giveCode(c.phone.code(0)).allow())
		v = c.begin("prompt", "none")
		v.finish(b.open(v.address)).same(t, first)
		renewed, err := c.refresh(first.tokens.RefreshToken)
		if err != nil {
			t.Fatalf("refresh: %v", err)
		}
		c.read(renewed).same(t, first)
	}
}

// TestKilled drops the server in the middle of a sign-in and of an enrolment; its successor goes on.
func TestKilled(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		c := enrolledClient(t, s, 1)
		s.clock.advance(oneStep)
		b := s.newBrowser(t)
		v := c.begin()
		p := b.open(v.address).at("login", "initial")
		s.start(1)
		p = p.giveName("ana", password).at("totp", "initial")
		s.start(1)
		p = p.giveCode(c.phone.code(0)).at("consent", "initial")
		s.start(1)
		p = p.press("Allow")
		s.start(1)
		first := v.finish(p)
		s.start(1)
		v = c.begin("prompt", "none")
		v.finish(b.open(v.address)).same(t, first)

		s.addUser("bob")
		b = s.newBrowser(t)
		p = b.open("/account/authenticators/new").giveName("bob", password).at("setup", "initial")
		a := p.phone()
		s.start(1)
		if p.reload().phone() != a {
			t.Error("the key of a set-up changed when the server was killed")
		}
		p = p.press("Continue", "code", a.code(0)).at("codes", "initial")
		s.start(1)
		v = c.begin()
		v.finish(v.signIn(s.newBrowser(t), "bob").allow()).authenticated(t, "aal1", s.clock.now(), "pwd")
		p.press("Turn on two-step verification", "saved", "on").at("security", "on")
		s.clock.advance(oneStep)
		v = c.begin()
		v.finish(v.signIn(s.newBrowser(t), "bob").giveCode(a.code(0))).authenticated(t, "aal2", s.clock.now(), "pwd", "otp", "mfa")
	})
}

// TestForms holds the fields that password managers fill in to the attributes that they look for.
func TestForms(t *testing.T) {
	t.Parallel()
	s := newSite(t, sqliteDatabase(t))
	c := enrolledClient(t, s, 1)
	login := s.newBrowser(t).open(c.begin().address).at("login", "initial")
	totp := login.giveName("ana", password).at("totp", "initial")
	recovery := totp.click("Use a recovery code").at("recovery", "initial")
	for _, tt := range []struct {
		page *page
		name string
		want map[string]string
	}{
		{login, "username", map[string]string{"autocomplete": "username", "type": "text", "spellcheck": "false", "maxlength": "254"}},
		{login, "password", map[string]string{"autocomplete": "current-password", "type": "password", "maxlength": "1024"}},
		{totp, "username", map[string]string{"autocomplete": "username", "value": "ana"}},
		{totp, "code", map[string]string{"autocomplete": "one-time-code", "inputmode": "numeric", "type": "text", "maxlength": "20", "pattern": `[0-9\s\-]*`}},
		{recovery, "recovery", map[string]string{"autocomplete": "off", "type": "text", "maxlength": "40"}},
	} {
		field := tt.page.find(named(tt.name))
		if field == nil {
			t.Errorf("page %s has no field %s", tt.page.name, tt.name)
			continue
		}
		for key, want := range tt.want {
			if got := attribute(field, key); got != want {
				t.Errorf("field %s of page %s has %s=%q, want %q", tt.name, tt.page.name, key, got, want)
			}
		}
	}
	for _, p := range []*page{login, totp, recovery} {
		for _, input := range p.all(element("input")) {
			if id := attribute(input, "id"); attribute(input, "type") != "hidden" && !has("hidden")(input) &&
				p.find(func(n *html.Node) bool { return n.Data == "label" && attribute(n, "for") == id }) == nil {
				t.Errorf("field %s of page %s has no label", attribute(input, "name"), p.name)
			}
		}
	}
}
