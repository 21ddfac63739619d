package signin

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"vestibule/cmd/vestibule/servertest"
)

// TestWalk goes the way of a user who turns two-step verification on, and asks at every corner what the
// client was told.
func TestWalk(t *testing.T) {
	t.Parallel()
	servertest.Each(t, walk)
}

func walk(t *testing.T, s *servertest.Site) {
	ana := s.AddUser("ana")
	c := s.NewClient(t, "shop")
	b := s.NewBrowser(t)

	v := c.BeginOffline()
	p := v.SignIn(b, "ana").At("consent", "initial").Says("The shop")
	first := v.Finish(p.Allow()).Authenticated(t, "aal1", s.Clock.Now(), "pwd")
	if first.Subject != ana.Subject {
		t.Errorf("sub is %q, want %q", first.Subject, ana.Subject)
	}

	a, codes := b.Enrol("ana")

	b = s.NewBrowser(t)
	s.Clock.Advance(servertest.Step)
	v = c.BeginOffline()
	p = v.SignIn(b, "ana").At("totp", "initial").Says("ana@example.com")
	password := s.Clock.Now()
	s.Clock.Advance(2 * time.Second)
	second := v.Finish(p.GiveCode(a.Code(0))).Authenticated(t, "aal2", password, "pwd", "otp", "mfa")
	if second.Session == first.Session {
		t.Errorf("two sign-ins share the sid %q", second.Session)
	}

	s.Clock.Advance(5 * time.Minute)
	renewed, err := c.Refresh(second.Token.RefreshToken)
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	c.Read(renewed).Same(t, second)

	v = c.Begin() // single sign-on: no page, nothing new was proved
	v.Finish(b.Open(v.Address)).Same(t, second)
	v = c.Begin("prompt", "none")
	v.Finish(b.Open(v.Address)).Same(t, second)

	v = c.Begin()
	p = v.SignIn(s.NewBrowser(t), "ana").Click("Use a recovery code").At("recovery", "initial")
	p = p.Press("Continue", "recovery", strings.ToLower(strings.ReplaceAll(codes[0], "-", " "))).
		At("recovery-used", "initial").Says("9 left")
	v.Finish(p.Press("Continue")).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "mfa")

	v = c.Begin()
	p = v.SignIn(s.NewBrowser(t), "ana").Click("Use a recovery code")
	p.Press("Continue", "recovery", codes[0]).At("recovery", "wrong").Says("not right, or it has been used")
}

// TestCodes gives codes of every kind; each has its own answer, and none of the bad ones goes on.
func TestCodes(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(20 * servertest.Step)
		last := c.Phone.Code(0)
		v := c.Begin("prompt", "login")
		v.Finish(v.SignIn(s.NewBrowser(t), "ana").GiveCode(last).Allow())

		for _, tt := range []struct {
			name, typed, state, words string
		}{
			{"nothing", "", "required", "Enter the code from your authenticator app"},
			{"blanks", "  ", "required", "Enter the code from your authenticator app"},
			{"too short", "12345", "format", "The code is 6 digits, like 123 456"},
			{"too long", "1234567", "format", "The code is 6 digits, like 123 456"},
			{"a recovery code", c.Codes[0], "recovery", "That looks like a recovery code. Use a recovery code instead."},
			{"wrong", c.Phone.Wrong(), "wrong", "That code is not right. Check your app and enter the newest code."},
			{"expired", c.Phone.Code(-4), "expired", "That code has expired. Enter the newest code from your app."},
			{"used", last, "used", "That code was already used. Wait for the next one"},
			{"of the future", c.Phone.Code(3), "few", "That code is not right. 1 try left before a 15-minute wait."},
		} {
			p := c.Begin("prompt", "login").SignIn(s.NewBrowser(t), "ana").At("totp", "initial")
			again := p.GiveCode(tt.typed).At("totp", tt.state).Says(tt.words).HasStatus(http.StatusOK)
			again.Reload().At("totp", tt.state).Says(tt.words)
		}
	})
}

// TestCodeSpellings accepts a code however people and their programs write it.
func TestCodeSpellings(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	c := servertest.NewEnrolled(t, s, 1)
	for _, spell := range []func(code string) string{
		func(code string) string { return code[:3] + " " + code[3:] },
		func(code string) string { return " " + code[:3] + "\u00a0" + code[3:] + "\n" },
		func(code string) string { return code[:2] + "-" + code[2:4] + "–" + code[4:] },
		func(code string) string { return otherDigits(code, '０') },
		func(code string) string { return otherDigits(code, '٠') },
		func(code string) string { return otherDigits(code, '۰') },
	} {
		s.Clock.Advance(servertest.Step)
		v := c.Begin("prompt", "login consent")
		typed := spell(c.Phone.Code(0))
		v.Finish(v.SignIn(s.NewBrowser(t), "ana").At("totp", "initial").GiveCode(typed).Allow())
	}
}

func otherDigits(code string, zero rune) string {
	return strings.Map(func(r rune) rune { return r - '0' + zero }, code)
}

// TestDrift accepts the previous and the next code and no other.
func TestDrift(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	c := servertest.NewEnrolled(t, s, 1)
	for _, tt := range []struct {
		steps int
		page  string
	}{{-2, "totp"}, {-1, "consent"}, {0, "consent"}, {1, "consent"}, {2, "totp"}} {
		s.Clock.Advance(time.Hour)
		p := c.Begin("prompt", "login consent").SignIn(s.NewBrowser(t), "ana").GiveCode(c.Phone.Code(tt.steps))
		if p.Name != tt.page {
			t.Errorf("a code %d steps away leads to page %q, want %q", tt.steps, p.Name, tt.page)
		}
	}
}

// TestLock gives five wrong codes: the right one is then refused too, in every session, while a recovery
// code still helps; and the lock ends by itself.
func TestLock(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 2)
		s.Clock.Advance(servertest.Step)
		p := c.Begin().SignIn(s.NewBrowser(t), "ana")
		for range 4 {
			p = p.GiveCode(c.Phone.Wrong())
		}
		p.At("totp", "few").Says("1 try left")
		s.Clock.Advance(10 * time.Second)
		p = p.GiveCode(c.Phone.Wrong()).At("totp", "locked").HasStatus(http.StatusTooManyRequests).Says("Too many wrong codes")
		if seconds, err := strconv.Atoi(p.Header.Get("Retry-After")); err != nil || seconds < 840 || seconds > 900 {
			t.Errorf("Retry-After is %q, want about 900", p.Header.Get("Retry-After"))
		}

		other := c.Begin().SignIn(s.NewBrowser(t), "ana")
		if other.State != "locked" {
			other = other.GiveCode(c.Phone.Code(0))
		}
		other.At("totp", "locked").HasStatus(http.StatusTooManyRequests)
		v := c.Begin()
		rescue := v.SignIn(s.NewBrowser(t), "ana").Click("Use a recovery code").Press("Continue", "recovery", c.Codes[0])
		v.Finish(rescue.At("recovery-used", "initial").Press("Continue").Allow())
	})
}

// TestLockEnds waits for the end of the lock, which tries during it do not put off.
func TestLockEnds(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		p := c.Begin().SignIn(s.NewBrowser(t), "ana")
		for range 5 {
			s.Clock.Advance(11 * time.Second) // the same code within 10 s is a double click
			p = p.GiveCode(c.Phone.Wrong())
		}
		p.At("totp", "locked")
		s.Clock.Advance(14 * time.Minute)
		b := s.NewBrowser(t)
		v := c.Begin()
		p = v.SignIn(b, "ana")
		if p.State != "locked" {
			p = p.GiveCode(c.Phone.Code(0))
		}
		p.At("totp", "locked")
		s.Clock.Advance(time.Minute + time.Second)
		p = p.Reload().At("login", "again").GiveName("ana", servertest.Password).At("totp", "initial")
		v.Finish(p.GiveCode(c.Phone.Code(0)).Allow())
	})
}

// TestGuessesAreShared counts wrong codes over sign-ins, the pages of the account and both servers.
func TestGuessesAreShared(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 2)
		s.Clock.Advance(servertest.Step)
		for range 4 {
			c.Begin().SignIn(s.NewBrowser(t), "ana").GiveCode(c.Phone.Wrong())
		}
		c.Begin().SignIn(s.NewBrowser(t), "ana").GiveCode(c.Phone.Wrong()).At("totp", "locked")
	})
}

// TestRecoveryCodes checks their own messages and their own lock.
func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		p := c.Begin().SignIn(s.NewBrowser(t), "ana").Click("Use a recovery code").At("recovery", "initial")
		p = p.Press("Continue", "recovery", "").At("recovery", "required").Says("Enter one of your recovery codes")
		p = p.Press("Continue", "recovery", "123456").At("recovery", "format").Says("A recovery code has 15 letters and numbers")
		wrong := []string{"22222-22222-22222", "33333-33333-33333", "44444-44444-44444", "55555-55555-55555", "66666-66666-66666"}
		for _, code := range wrong[:4] {
			p = p.Press("Continue", "recovery", code).At("recovery", "wrong")
		}
		p = p.Press("Continue", "recovery", wrong[4]).At("recovery", "locked").HasStatus(http.StatusTooManyRequests)
		s.Clock.Advance(servertest.Step)
		p.Click("Use your authenticator app").At("totp", "initial").GiveCode(c.Phone.Code(0)).At("consent", "initial")
	})
}

// TestEnrolWithinSignIn asks for two steps of a user who has one: the user enrols on the way and comes out
// at the client.
func TestEnrolWithinSignIn(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		b := s.NewBrowser(t)
		v := c.Begin("acr_values", "aal2")
		p := v.SignIn(b, "ana").At("setup", "initial")
		a := p.Phone()
		p = p.Press("Continue", "code", a.Code(0)).At("codes", "initial")
		codes := p.RecoveryCodes()
		p = p.Press("Turn on two-step verification").At("codes", "ack").Says("Confirm that you have saved your codes")
		if got := p.RecoveryCodes(); !slices.Equal(got, codes) {
			t.Errorf("the codes changed from %q to %q", codes, got)
		}
		p = p.Press("Turn on two-step verification", "saved", "on")
		v.Finish(p.Allow()).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")

		v = c.Begin("acr_values", "aal2")
		p = v.SignIn(s.NewBrowser(t), "ana").At("totp", "initial")
		p.GiveCode(a.Code(0)).At("totp", "used")

		s.AddUser("bob")
		v = c.Begin("claims", servertest.Essential("aal2"))
		v.Refused(v.SignIn(s.NewBrowser(t), "bob").At("setup", "initial").Press("Cancel"), "unmet_authentication_requirements")
	})
}

// TestStepUp asks for two steps in a session that has one.
func TestStepUp(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		_ = c
		s.AddUser("bob")
		b := s.NewBrowser(t)
		v := c.Begin()
		password := s.Clock.Now()
		one := v.Finish(v.SignIn(b, "bob").Allow()).Authenticated(t, "aal1", password, "pwd")

		s.Clock.Advance(time.Minute)
		v = c.Begin("acr_values", "aal2", "prompt", "none")
		v.Refused(b.Open(v.Address), "interaction_required")
		v = c.Begin("acr_values", "aal2")
		p := b.Open(v.Address).At("setup", "initial")
		a := p.Phone()
		p = p.Press("Continue", "code", a.Code(0)).At("codes", "initial").Press("Turn on two-step verification", "saved", "on")
		two := v.Finish(p).Authenticated(t, "aal2", password, "pwd", "otp", "mfa")
		if one.Session != two.Session {
			t.Errorf("the step-up changed the sid from %q to %q", one.Session, two.Session)
		}
	})
}

// TestNoWayPastTheCode has the password and tries everything but the code.
func TestNoWayPastTheCode(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 2)
		v := c.Begin()
		b := s.NewBrowser(t)
		p := v.SignIn(b, "ana").At("totp", "initial")
		flow := p.Value("flow")
		for _, path := range []string{"/consent", "/login/recovery/used", "/login/setup", "/login/setup/totp", "/login/continue", "/login"} {
			p := b.Open(path + "?flow=" + url.QueryEscape(flow))
			if p.Left != nil || p.Name != "totp" && p.Name != "login" {
				t.Errorf("GET %s leads to %v, page %q", path, p.Left, p.Name)
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
			if p := b.Post(form.path, form.Values); p.Left != nil || p.Name != "totp" {
				t.Errorf("POST %s leads to %v, page %q in state %q; want back to the code", form.path, p.Left, p.Name, p.State)
			}
		}

		// The session is not open, neither for the client nor for the account.
		silent := c.Begin("prompt", "none")
		silent.Refused(b.Open(silent.Address), "login_required")
		if p := b.Open("/account/security"); p.Name != "login" {
			t.Errorf("the account is open without the code: page %q in state %q", p.Name, p.State)
		}
		if p := b.Open("/account/authenticators/new"); p.Name != "login" {
			t.Errorf("enrolment is open without the code: page %q in state %q", p.Name, p.State)
		}

		// A sign-in that is over cannot be used again, nor one from another browser.
		s.Clock.Advance(servertest.Step)
		v.Finish(p.GiveCode(c.Phone.Code(0)).Allow())
		for _, path := range []string{"/consent", "/login/totp", "/login"} {
			if p := b.Open(path + "?flow=" + url.QueryEscape(flow)); p.Left != nil && p.Left.Query().Get("code") != "" {
				t.Errorf("GET %s of a sign-in that is over leads to %v", path, p.Left)
			}
		}
	})
}

// TestOtherBrowser passes the address of a sign-in to somebody else's browser.
func TestOtherBrowser(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		login := s.NewBrowser(t).Open(c.Begin().Address).At("login", "initial")
		v := c.Begin()
		p := v.SignIn(s.NewBrowser(t), "ana").At("totp", "initial")
		s.Clock.Advance(servertest.Step)
		address, form := p.Fill("Continue", "code", c.Phone.Code(0))

		thief := s.NewBrowser(t)
		thief.Open(p.Address.String()).At("error", "unknown").HasStatus(http.StatusBadRequest)
		thief.Post(address, form).At("error", "cookies").HasStatus(http.StatusBadRequest)
		thief.Open(c.Begin().Address) // has a cookie of its own now
		thief.Open(login.Address.String()).At("error", "unknown").HasStatus(http.StatusBadRequest)
		thief.Open(p.Address.String()).At("error", "unknown").HasStatus(http.StatusBadRequest)
		thief.Post(address, form).At("error", "unknown").HasStatus(http.StatusBadRequest)
		v.Finish(p.GiveCode(c.Phone.Code(0)).Allow())
	})
}

// TestNoCookies signs in with a browser that keeps no cookies.
func TestNoCookies(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	s.AddUser("ana")
	c := s.NewClient(t, "shop")
	b := s.NewBrowser(t)
	b.HTTP.Jar = nil
	p := b.Open(c.Begin().Address).At("login", "initial").GiveName("ana", servertest.Password)
	if p.Name != "error" || p.Status != http.StatusBadRequest {
		t.Errorf("without cookies the password leads to page %q in state %q (%d)", p.Name, p.State, p.Status)
	}
	p.Says("cookies")
}

// TestOtherSite sends our forms from a page of another site.
func TestOtherSite(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	s.AddUser("ana")
	b := s.NewBrowser(t)
	address, form := b.Open(s.NewClient(t, "shop").Begin().Address).At("login", "initial").
		Fill("Sign in", "username", "ana", "password", servertest.Password)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", "https://evil.example")
	p, _ := b.Once(request)
	p.At("error", "cross-site").HasStatus(http.StatusForbidden)
}

// TestTabs signs in to two clients side by side.
func TestTabs(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 2)
		d := s.NewClient(t, "other")
		s.Clock.Advance(servertest.Step)
		b := s.NewBrowser(t)
		v1, v2 := c.Begin(), d.Begin()
		p1, p2 := b.Open(v1.Address), b.Open(v2.Address)
		p1, p2 = p1.GiveName("ana", servertest.Password), p2.GiveName("ana", servertest.Password)
		p2 = p2.GiveCode(c.Phone.Code(0)).At("consent", "initial").Says("The other")
		p1 = p1.GiveCode(c.Phone.Code(1)).At("consent", "initial").Says("The shop")
		v2.Finish(p2.Allow())
		v1.Finish(p1.Allow())
	})
}

// TestBackAndReload goes back, reloads and keeps bookmarks of pages in the middle.
func TestBackAndReload(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		b := s.NewBrowser(t)
		v := c.Begin()
		login := b.Open(v.Address).At("login", "initial")
		login.Reload().At("login", "initial")
		totp := login.GiveName("ana", servertest.Password).At("totp", "initial").Reload().At("totp", "initial")
		code := c.Phone.Code(0)
		consent := totp.GiveCode(code).At("consent", "initial").Reload().At("consent", "initial")

		totp.Reload().At("consent", "initial")       // Back to the code
		totp.GiveCode(code).At("consent", "initial") // a second click that was late
		consent.Reload().At("consent", "initial")
		v.Finish(consent.Press("Allow"))

		for _, p := range []*servertest.Page{totp, consent} {
			if got := p.Reload(); got.Left == nil && got.Name != "error" && got.Name != "login" {
				t.Errorf("the bookmark %s leads to page %q in state %q", p.Address.Path, got.Name, got.State)
			}
		}
		for _, path := range []string{"/consent", "/login/totp", "/login/recovery", "/login/setup", "/login/setup/totp", "/login/totp?flow=nonsense"} {
			b.Open(path).At("error", "unknown").HasStatus(http.StatusBadRequest)
		}
		b.Open("/nowhere").At("error", "not-found").HasStatus(http.StatusNotFound)
	})
}

// TestDoubleSubmit sends the same right code twice: both get the same answer, and the client one code.
func TestDoubleSubmit(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 2)
		s.Clock.Advance(servertest.Step)
		v := c.Begin()
		p := v.SignIn(s.NewBrowser(t), "ana").At("totp", "initial")
		address, form := p.Fill("Continue", "code", c.Phone.Code(0))
		servertest.AtOnce(4, func(int) error { return p.TrySend(address, form) })
		consent := p.Reload().At("consent", "initial")
		code := v.Code(consent.Allow())
		if again := v.Code(consent.Press("Allow")); again != code {
			t.Errorf("a second consent got a second code")
		}
		if _, err := v.Exchange(code); err != nil {
			t.Errorf("exchange: %v", err)
		}
		s.Clock.Advance(11 * time.Second)
		consent.Press("Allow").At("error", "elsewhere")
	})
}

// TestTimeouts waits too long at each stage.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		b := s.NewBrowser(t)
		v := c.Begin()
		p := v.SignIn(b, "ana").At("totp", "initial")
		s.Clock.Advance(10*time.Minute + time.Second)
		p = p.GiveCode(c.Phone.Code(0)).At("login", "timeout").Says("please enter your password again")
		p = p.Press("Sign in", "password", servertest.Password).At("totp", "initial")
		v.Finish(p.GiveCode(c.Phone.Code(1)).Allow())

		p = s.NewBrowser(t).Open(c.Begin().Address).At("login", "initial")
		s.Clock.Advance(time.Hour + time.Second)
		p = p.GiveName("ana", servertest.Password).At("error", "expired").HasStatus(http.StatusGone).Says("This sign-in took too long")
		p.Press("Start again").At("login", "initial")
	})
}

// TestPrompts holds prompt, max_age and the hints to OpenID Connect Core 3.1.2.1.
func TestPrompts(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		b := s.NewBrowser(t)
		v := c.Begin("prompt", "none")
		v.Refused(b.Open(v.Address), "login_required")

		s.Clock.Advance(time.Hour)
		v = c.Begin()
		p := v.SignIn(b, "ana").GiveCode(c.Phone.Code(0)).At("consent", "initial")
		silent := c.Begin("prompt", "none")
		silent.Refused(b.Open(silent.Address), "consent_required")
		first := v.Finish(p.Allow())
		began := s.Clock.Now()

		s.Clock.Advance(time.Minute)
		for _, again := range [][]string{{"prompt", "login"}, {"max_age", "0"}, {"max_age", "59"}} {
			v = c.Begin(append(again, "prompt", "none")...)
			if again[0] != "prompt" {
				v.Refused(b.Open(v.Address), "login_required")
			}
			v = c.Begin(again...)
			p = b.Open(v.Address).At("login", "initial")
			if p.Value("username") != "ana" && p.Value("username") != "ana@example.com" {
				t.Errorf("%q asks again for the name", again)
			}
			p = p.Press("Sign in", "password", servertest.Password).At("totp", "initial")
			r := v.Finish(p.GiveCode(c.Phone.Code(0))).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")
			if r.Session != first.Session {
				t.Errorf("%q changed the sid", again)
			}
			began = s.Clock.Now()
			s.Clock.Advance(time.Minute)
		}
		v = c.Begin("max_age", "3600")
		v.Finish(b.Open(v.Address)).Authenticated(t, "aal2", began, "pwd", "otp", "mfa")

		v = c.Begin("prompt", "consent")
		v.Finish(b.Open(v.Address).Allow())
		v = c.Begin("prompt", "select_account")
		v.Finish(b.Open(v.Address).At("continue", "initial").Press("Continue"))

		bob := s.AddUser("bob")
		v = c.Begin("login_hint", "bob")
		b.Open(v.Address).At("continue", "initial").Press("Use a different account").At("login", "initial")
		own := first.IDToken()
		for _, hint := range [][]string{{}, {"login_hint", "bob"}, {"login_hint", "bob", "prompt", "none"}} {
			v = c.Begin(append([]string{"id_token_hint", own}, hint...)...)
			v.Finish(b.Open(v.Address))
		}
		stranger := c.Begin("prompt", "login")
		hint := stranger.Finish(stranger.SignIn(s.NewBrowser(t), "bob").Allow()).Token.Extra("id_token").(string)
		v = c.Begin("id_token_hint", hint, "prompt", "none")
		v.Refused(b.Open(v.Address), "login_required")
		_ = bob
	})
}

// TestConsent remembers what was allowed, and asks again when more is wanted.
func TestConsent(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		b := s.NewBrowser(t)
		v := c.Begin("scope", "openid")
		v.Refused(v.SignIn(b, "ana").At("consent", "initial").Press("Don’t allow"), "access_denied")
		v = c.Begin("scope", "openid")
		v.Finish(b.Open(v.Address).Allow())
		v = c.Begin("scope", "openid")
		v.Finish(b.Open(v.Address))
		v = c.Begin("scope", "openid email")
		p := b.Open(v.Address)
		if p.Name != "consent" {
			t.Fatalf("more scopes lead to page %q, left %v; want consent", p.Name, p.Left)
		}
		v.Finish(p.Says("ana@example.com").Press("Allow"))
		v = c.Begin("scope", "email openid")
		v.Finish(b.Open(v.Address))
		d := s.NewClient(t, "other")
		b.Open(d.Begin("scope", "openid").Address).At("consent", "initial")
	})
}

// TestBadRequests shows a page when it is not safe to send the browser on, and sends errors to the client when it is.
func TestBadRequests(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	c := s.NewClient(t, "shop")
	for _, tt := range []struct{ name, value string }{
		{"client_id", "nobody"},
		{"redirect_uri", "https://evil.example/callback"},
		{"redirect_uri", servertest.ReturnURI + "/"},
	} {
		s.NewBrowser(t).Open(c.Begin(tt.name, tt.value).Address).At("error", "request").HasStatus(http.StatusBadRequest)
	}
	for _, tt := range []struct{ name, value, want string }{
		{"response_type", "token", "unsupported_response_type"},
		{"scope", "openid \"admin\"", "invalid_scope"},
		{"prompt", "none login", "invalid_request"},
		{"code_challenge_method", "plain", "invalid_request"},
		{"request", "e30.e30.", "invalid_request_object"},
	} {
		v := c.Begin(tt.name, tt.value)
		v.Refused(s.NewBrowser(t).Open(v.Address), tt.want)
	}
}

// TestPasswords gives wrong ones: the answer tells nobody who exists.
func TestPasswords(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		s.AddUser("ana")
		c := s.NewClient(t, "shop")
		p := s.NewBrowser(t).Open(c.Begin().Address).At("login", "initial")
		p = p.GiveName("", "").At("login", "required").Says("Enter your email or username").Says("Enter your password")
		p = p.GiveName("ana", "wrong").At("login", "wrong").HasStatus(http.StatusOK)
		if p.Value("username") != "ana" || p.Value("password") != "" {
			t.Errorf("after a wrong password the page has the name %q and the password %q", p.Value("username"), p.Value("password"))
		}
		known := p.Text()
		stranger := p.GiveName("eve", "wrong").At("login", "wrong").Text()
		if known != stranger {
			t.Errorf("the page differs for a name that does not exist:\n%s\n%s", known, stranger)
		}
		p.GiveName("ANA@Example.com", servertest.Password).At("consent", "initial")
	})
}

// TestDatabaseDown cuts the server off its database in the middle of a sign-in: 503, and nothing is
// counted or lost.
func TestDatabaseDown(t *testing.T) {
	t.Parallel()
	way, database := servertest.NewProxy(t, servertest.PostgreSQL(t))
	s := servertest.New(t, database)
	c := servertest.NewEnrolled(t, s, 1)
	s.Clock.Advance(servertest.Step)
	b := s.NewBrowser(t)
	done := c.BeginOffline()
	signedIn := done.Finish(done.SignIn(b, "ana").GiveCode(c.Phone.Code(0)).Allow())
	waiting := c.Begin()
	code := waiting.Code(b.Open(waiting.Address))
	v := c.Begin()
	totp := v.SignIn(s.NewBrowser(t), "ana").GiveCode(c.Phone.Wrong()).At("totp", "wrong")
	login := s.NewBrowser(t).Open(c.Begin().Address).At("login", "initial")
	exchange := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {servertest.ReturnURI}, "code_verifier": {waiting.PKCE}}
	refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {signedIn.Token.RefreshToken}}

	way.Set(true)
	for range 6 { // more than the budget
		totp.GiveCode(c.Phone.Wrong()).At("error", "unavailable").HasStatus(http.StatusServiceUnavailable)
	}
	for range 11 {
		login.GiveName("ana", servertest.Password).At("error", "unavailable").HasStatus(http.StatusServiceUnavailable)
	}
	b.Open("/account/security").At("error", "unavailable").HasStatus(http.StatusServiceUnavailable)
	b.Open(c.Begin().Address).At("error", "unavailable").HasStatus(http.StatusServiceUnavailable)
	for _, form := range []url.Values{exchange, refresh} {
		if a := s.Token(c.Client, form); a.Status != http.StatusServiceUnavailable {
			t.Errorf("without a database %s gets %+v, want 503", form.Get("grant_type"), a)
		}
	}
	if status := s.UserInfo(signedIn.Token.AccessToken); status != http.StatusServiceUnavailable {
		t.Errorf("without a database userinfo answers %d, want 503", status)
	}

	way.Set(false)
	for _, form := range []url.Values{exchange, refresh} {
		if a := s.Token(c.Client, form); a.Status != http.StatusOK {
			t.Errorf("with the database back %s gets %+v, want tokens", form.Get("grant_type"), a)
		}
	}
	login.GiveName("ana", servertest.Password).At("totp", "initial")
	s.Clock.Advance(servertest.Step)
	totp = totp.Reload().At("totp", "wrong").GiveCode(c.Phone.Wrong()).At("totp", "wrong") // the second of five
	v.Finish(totp.GiveCode(c.Phone.Code(0)))
}

// TestTwoServers lets two processes on one PostgreSQL answer in turn.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.PostgreSQL(t))
	s.Start(2)
	for i := range 2 { // so that each request meets both
		s.Skip()
		c := servertest.NewEnrolledAs(t, s, "shop"+strconv.Itoa(i), "ana"+strconv.Itoa(i))
		s.Clock.Advance(servertest.Step)
		v := c.BeginOffline()
		b := s.NewBrowser(t)
		first := v.Finish(b.Open(v.Address).At("login", "initial").GiveName(c.User, servertest.Password).GiveCode(c.Phone.Code(0)).Allow())
		v = c.Begin("prompt", "none")
		v.Finish(b.Open(v.Address)).Same(t, first)
		renewed, err := c.Refresh(first.Token.RefreshToken)
		if err != nil {
			t.Fatalf("refresh: %v", err)
		}
		c.Read(renewed).Same(t, first)
	}
}

// TestKilled drops the server in the middle of a sign-in and of an enrolment; its successor goes on.
func TestKilled(t *testing.T) {
	t.Parallel()
	servertest.Each(t, func(t *testing.T, s *servertest.Site) {
		c := servertest.NewEnrolled(t, s, 1)
		s.Clock.Advance(servertest.Step)
		b := s.NewBrowser(t)
		v := c.Begin()
		p := b.Open(v.Address).At("login", "initial")
		s.Start(1)
		p = p.GiveName("ana", servertest.Password).At("totp", "initial")
		s.Start(1)
		p = p.GiveCode(c.Phone.Code(0)).At("consent", "initial")
		s.Start(1)
		p = p.Press("Allow")
		s.Start(1)
		first := v.Finish(p)
		s.Start(1)
		v = c.Begin("prompt", "none")
		v.Finish(b.Open(v.Address)).Same(t, first)

		s.AddUser("bob")
		b = s.NewBrowser(t)
		p = b.Open("/account/authenticators/new").GiveName("bob", servertest.Password).At("setup", "initial")
		a := p.Phone()
		s.Start(1)
		if p.Reload().Phone() != a {
			t.Error("the key of a set-up changed when the server was killed")
		}
		p = p.Press("Continue", "code", a.Code(0)).At("codes", "initial")
		s.Start(1)
		v = c.Begin()
		v.Finish(v.SignIn(s.NewBrowser(t), "bob").Allow()).Authenticated(t, "aal1", s.Clock.Now(), "pwd")
		p.Press("Turn on two-step verification", "saved", "on").At("security", "on")
		s.Clock.Advance(servertest.Step)
		v = c.Begin()
		v.Finish(v.SignIn(s.NewBrowser(t), "bob").GiveCode(a.Code(0))).Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")
	})
}

// TestForms holds the fields that password managers fill in to the attributes that they look for.
func TestForms(t *testing.T) {
	t.Parallel()
	s := servertest.New(t, servertest.SQLite(t))
	c := servertest.NewEnrolled(t, s, 1)
	login := s.NewBrowser(t).Open(c.Begin().Address).At("login", "initial")
	totp := login.GiveName("ana", servertest.Password).At("totp", "initial")
	recovery := totp.Click("Use a recovery code").At("recovery", "initial")
	for _, tt := range []struct {
		page *servertest.Page
		name string
		want map[string]string
	}{
		{login, "username", map[string]string{"autocomplete": "username", "type": "text", "spellcheck": "false", "maxlength": "254"}},
		{login, "password", map[string]string{"autocomplete": "current-password", "type": "password", "maxlength": "1024"}},
		{totp, "username", map[string]string{"autocomplete": "username", "value": "ana"}},
		{totp, "code", map[string]string{"autocomplete": "one-time-code", "inputmode": "numeric", "type": "text", "maxlength": "20", "pattern": `[0-9\s\-]*`}},
		{recovery, "recovery", map[string]string{"autocomplete": "off", "type": "text", "maxlength": "40"}},
	} {
		field := tt.page.Find(servertest.Named(tt.name))
		if field == nil {
			t.Errorf("page %s has no field %s", tt.page.Name, tt.name)
			continue
		}
		for key, want := range tt.want {
			if got := servertest.Attribute(field, key); got != want {
				t.Errorf("field %s of page %s has %s=%q, want %q", tt.name, tt.page.Name, key, got, want)
			}
		}
	}
	for _, p := range []*servertest.Page{login, totp, recovery} {
		for _, input := range p.All(servertest.Element("input")) {
			if id := servertest.Attribute(input, "id"); servertest.Attribute(input, "type") != "hidden" && !servertest.HasAttribute("hidden")(input) &&
				p.Find(func(n *html.Node) bool { return n.Data == "label" && servertest.Attribute(n, "for") == id }) == nil {
				t.Errorf("field %s of page %s has no label", servertest.Attribute(input, "name"), p.Name)
			}
		}
	}
}
