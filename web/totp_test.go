package web

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"vestibule/mfa"
)

// totpAt returns the page of the code, after the password.
func (s *site) totpAt(b *visitor) *screen {
	s.t.Helper()
	return b.open(s.authorize()).password("ana").at("totp", "initial")
}

func TestCodeStates(t *testing.T) {
	for _, tt := range []struct {
		name  string
		code  func(a phone) string
		state string
		says  string
	}{
		{"empty", func(phone) string { return "  " }, "required", "Enter the code from your authenticator app"},
		{"short", func(phone) string { return "12345" }, "format", "The code is 6 digits, like 123 456"},
		{"letters", func(phone) string { return "K7QF2-M9XPT-4D8WH" }, "recovery", "That looks like a recovery code. Use a recovery code instead."},
		{"wrong", func(a phone) string { return a.wrong() }, "wrong", "That code is not right. Check your app"},
		{"old", func(a phone) string { return a.code(-4) }, "expired", "That code has expired."},
		{"spent", func(a phone) string { return a.code(-1) }, "used", "That code was already used. Wait for the next one, up to 20 seconds."},
		{"of the future", func(a phone) string { return a.code(4) }, "wrong", "That code is not right. Check your app"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(t)
			a := s.enrolled("s-ana")
			p := s.totpAt(s.newBrowser()).press("Continue", "code", tt.code(a)).at("totp", tt.state).answers(200).says(tt.says)
			p.reload().at("totp", tt.state)
			if !has(p.input("code"), "aria-invalid") {
				t.Error("the field is not marked")
			}
			if tt.state == "recovery" {
				p.click("Use a recovery code instead").at("recovery", "initial")
			}
			p.press("Continue", "code", " "+a.code(0)[:3]+" "+a.code(0)[3:]+" ").at("consent", "initial")
		})
	}
}

func TestCodeLock(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	p := s.totpAt(b)
	for i, code := range a.wrongs(5) {
		want := []string{"wrong", "wrong", "few", "few", "locked"}[i]
		p = p.press("Continue", "code", code).at("totp", want)
		if helped := strings.Contains(p.text(), "Codes still not working?"); want != "locked" && helped != (i > 0) {
			t.Errorf("after %d wrong codes, help with clocks: %v", i+1, helped)
		}
		switch i {
		case 2:
			p.says("2 tries left before a 15-minute wait")
		case 3:
			p.says("1 try left before a 15-minute wait")
		}
		s.clock.forward(time.Second)
	}
	p.answers(http.StatusTooManyRequests).says("Too many wrong codes", "You can try again in 15 minutes, at 14:20 UTC", "someone may know your password")
	if p.header.Get("Retry-After") == "" || len(p.all("input")) > 3 {
		t.Error("the locked page has no Retry-After, or a form")
	}
	p.click("Try again").at("totp", "locked")
	other := s.totpAt(s.newBrowser()).press("Continue", "code", a.code(0)).at("totp", "locked")
	other.click("Use a recovery code").at("recovery", "initial").press("Continue", "recovery", strings.ToLower(a.codes[3])).at("recovery-used", "initial")
	p.click("Try again").at("totp", "locked")
	s.clock.forward(time.Minute)
	s.totpAt(s.newBrowser()).press("Continue", "code", a.code(0)).at("totp", "locked") // a recovery code says nothing about codes
	s.clock.forward(14 * time.Minute)
	s.totpAt(s.newBrowser()).press("Continue", "code", a.code(0)).at("consent", "initial")
}

func TestLockEnds(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	p := s.totpAt(s.newBrowser())
	for _, code := range a.wrongs(5) {
		p = p.press("Continue", "code", code)
		s.clock.forward(11 * time.Second)
	}
	p.at("totp", "locked")
	s.clock.forward(16 * time.Minute)
	p = p.reload().at("login", "again").says("There were too many wrong tries.").password("ana").at("totp", "initial")
	p.press("Continue", "code", a.code(0)).at("consent", "initial")
}

// TestCodeDuringLockIsNotRemembered gives a good code just before the lock ends, and again just after, when the password
// has to be given first.
func TestCodeDuringLockIsNotRemembered(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	p := s.totpAt(s.newBrowser())
	for _, code := range a.wrongs(5) {
		p = p.press("Continue", "code", code)
	}
	s.clock.forward(15*time.Minute - 3*time.Second)
	p = s.totpAt(s.newBrowser())
	action, form := p.form("Continue", "code", a.code(0))
	p.post(action, form).at("totp", "locked")
	s.clock.forward(4 * time.Second)
	p = p.post(action, form).at("login", "again").password("ana").at("totp", "initial")
	p.press("Continue", "code", form.Get("code")).at("consent", "initial")
}

// TestImpatience has the button pressed twice: the second answer is the first one's.
func TestImpatience(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	p := s.totpAt(s.newBrowser())
	wrong := a.wrong()
	p.press("Continue", "code", wrong).at("totp", "wrong")
	for range 6 {
		p.press("Continue", "code", wrong).at("totp", "wrong") // counted once
	}
	s.clock.forward(11 * time.Second)
	p.press("Continue", "code", wrong).at("totp", "wrong") // counted again
	code := a.code(0)
	p.press("Continue", "code", code).at("consent", "initial")
	p.press("Continue", "code", code).at("consent", "initial")
}

func TestTwoClicksAtOnce(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	s.totpAt(b).press("Continue", "code", a.code(0)).press("Allow").client()
	s.clock.forward(time.Minute)
	other := s.newBrowser()
	action, form := s.totpAt(other).form("Continue", "code", a.code(0))
	var wait sync.WaitGroup
	places := make([]string, 8)
	for i := range places {
		wait.Go(func() {
			response := other.send(action, form)
			if places[i] = response.Header.Get("Location"); response.StatusCode != http.StatusSeeOther {
				t.Errorf("a click is answered with %s", response.Status)
			}
		})
	}
	wait.Wait()
	codes := map[string]bool{}
	for _, place := range places {
		p := other.open(place)
		if p.name != "client" {
			t.Errorf("a click led to %s in state %s: %s", p.name, p.state, p.address)
		}
		codes[p.address.Query().Get("code")] = true
	}
	if len(codes) != 1 || codes[""] || len(s.sessions.rows) != 2 {
		t.Errorf("8 clicks led to the client with %d codes and %d sessions, want 1 with 2", len(codes), len(s.sessions.rows))
	}
}

func TestAuthenticatorRemovedMeanwhile(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	p := s.totpAt(s.newBrowser())
	if _, err := s.mfa.Store.Reset(t.Context(), "s-ana"); err != nil {
		t.Fatal(err)
	}
	p.press("Continue", "code", a.code(0)).at("consent", "initial")
}

func TestSignInAsSomeoneElse(t *testing.T) {
	s := newSite(t)
	s.enrolled("s-ana")
	b := s.newBrowser()
	p := s.totpAt(b)
	p.press("Sign in as someone else").at("login", "initial").says("to continue to Demo Shop").password("ben").at("consent", "initial").says("ben@example.com")
	p.reload().at("error", "elsewhere")
}

func TestDatabaseDown(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	p := s.totpAt(s.newBrowser())
	s.store.Fail(errDown)
	action, form := p.form("Continue", "code", a.code(0))
	down := p.post(action, form).at("error", "unavailable").answers(http.StatusServiceUnavailable).says("It is not you", "Reference:")
	if down.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	s.store.Fail(nil)
	p.press("Continue", "code", a.code(0)).at("consent", "initial")
	s.accounts.fail(errDown)
	s.newBrowser().open(s.authorize()).password("ben").at("error", "unavailable")
	if !strings.Contains(s.log.String(), "connection refused") || strings.Contains(s.log.String(), secret) {
		t.Errorf("the log says:\n%s", s.log)
	}
}

// TestNothingIsKeptOfAFailedCommit spends a code while its session cannot be stored.
func TestNothingIsKeptOfAFailedCommit(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.newBrowser()
	p := s.totpAt(b)
	s.configure(func(c *Config) { c.Stores.Sessions = failing{s.sessions} })
	p.press("Continue", "code", a.code(0)).at("error", "server").answers(500)
	if b.cookie("vestibule-s") != "" || len(s.sessions.rows) != 0 {
		t.Error("there is a session without its row")
	}
	s.configure(func(c *Config) { c.Stores.Sessions = s.sessions })
	p.reload().at("totp", "initial").press("Continue", "code", a.code(0)).at("consent", "initial")
}

func TestHundredInARow(t *testing.T) {
	s := newSite(t)
	s.mfa.Limits.Attempts = mfa.Limit{Guesses: 50, Window: time.Minute, Lock: time.Minute, InARow: 6}
	a := s.enrolled("s-ana")
	p := s.totpAt(s.newBrowser())
	for _, code := range a.wrongs(6) {
		p = p.press("Continue", "code", code)
	}
	s.clock.forward(2 * time.Minute)
	p = p.click("Try again").at("login", "again").password("ana")
	p = p.press("Continue", "code", a.code(0)).at("totp", "disabled").says("until you use a recovery code")
	p.click("Use a recovery code").press("Continue", "recovery", a.codes[0]).at("recovery-used", "initial")
	s.clock.forward(time.Minute)
	s.totpAt(s.newBrowser()).press("Continue", "code", a.code(0)).at("consent", "initial")
}
