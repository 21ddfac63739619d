package web

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/provider/account"
	"vestibule/web/enrol"
)

// signedIn returns a browser that is signed in as ana, with a code if she has an authenticator.
func (s *site) signedIn(a *phone) *visitor {
	s.t.Helper()
	b := s.newBrowser()
	p := b.open("/account").at("login", "initial").password("ana")
	if a != nil {
		p = p.at("totp", "initial").press("Continue", "code", a.code(0))
		s.clock.forward(30 * time.Second)
	}
	if p.name != "security" {
		s.t.Fatalf("signing in ends at %s (%s)", p.name, p.state)
	}
	return b
}

func TestStart(t *testing.T) {
	s := newSite(t)
	b := s.newBrowser()
	b.open("/").at("login", "initial").password("ana").at("security", "off").says("Set up two-step verification")
	if p := b.open("/"); p.address.Path != "/account/security" {
		t.Errorf("the start page is %s", p.address)
	}
}

func TestAccountOwesTheCode(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	a := s.enrolled("s-ana") // in another browser
	for _, path := range []string{"/account/security", "/account/authenticators/new", "/account/recovery-codes"} {
		b.open(path).at("totp", "initial")
	}
	b.post("/account/authenticators/x/remove", map[string][]string{"password": {secret}}).at("totp", "initial")
	b.open("/account/security").press("Continue", "code", a.code(0)).at("security", "on")
}

func TestSudo(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.signedIn(&a)
	b.open("/account/authenticators/new").at("setup", "initial")
	s.clock.forward(11 * time.Minute)
	b.open("/account/security").at("security", "on")
	p := b.open("/account/authenticators/new").at("totp", "initial").says("Confirm it’s you")
	p = p.press("Continue", "code", a.wrong()).at("totp", "wrong")
	p.press("Continue", "code", a.code(0)).at("setup", "initial")
	s.clock.forward(11 * time.Minute)
	p = b.open("/account/recovery-codes").at("totp", "initial").click("Use a recovery code").press("Continue", "recovery", a.codes[0])
	p.at("recovery-used", "initial").press("Continue").at("codes", "none")
}

func TestSudoWithPassword(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	s.clock.forward(11 * time.Minute)
	p := b.open("/account/authenticators/new").at("login", "initial").says("Confirm it’s you", "Signed in as ana@example.com")
	p = p.press("Continue", "password", "wrong").at("login", "wrong")
	p.press("Continue", "password", secret).at("setup", "initial")
}

func TestRemove(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.signedIn(&a)
	p := b.open("/account").click("Remove").at("remove", "initial").says("Remove Authenticator app?", "Two-step verification will be off and your recovery codes stop working.")
	p.click("Keep it").at("security", "on")
	p = p.press("Remove Authenticator app").at("remove", "required").says("Enter your password", "Enter the code")
	p = p.press("Remove Authenticator app", "password", "wrong", "code", a.code(0)).at("remove", "wrong").says("That password is not right")
	p = p.press("Remove Authenticator app", "password", secret, "code", a.wrong()).at("remove", "wrong").says("That code is not right").reload().at("remove", "wrong")
	before := b.cookie("vestibule-s")
	p.press("Remove Authenticator app", "password", secret, "code", a.code(0)).at("security", "off").says("Authenticator app was removed. Two-step verification is off, and you are signed out everywhere else.")
	if b.cookie("vestibule-s") == before {
		t.Error("the session's id did not change")
	}
	p.press("Remove Authenticator app", "password", secret, "code", a.code(1)).at("security", "off").says("already removed")
	s.newBrowser().open("/account").password("ana").at("security", "off")
}

func TestRemoveWithRecoveryCode(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.signedIn(&a)
	p := b.open("/account").click("Remove").click("Use a recovery code").at("remove", "initial")
	p = p.press("Remove Authenticator app", "password", secret, "recovery", "AAAAA-AAAAA-AAAAA").at("remove", "wrong").says("not right, or it has been used")
	if p.input("recovery") == nil {
		t.Error("the field for the recovery code is gone")
	}
	p.click("Use a code from an authenticator app").at("remove", "initial").press("Remove Authenticator app", "password", secret, "code", strings.ToLower(a.codes[1])).at("security", "off")
}

func TestRemoveCountsGuesses(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.signedIn(&a)
	p := b.open("/account").click("Remove")
	for _, code := range a.wrongs(5) {
		p = p.press("Remove Authenticator app", "password", secret, "code", code)
	}
	p = p.at("remove", "locked").press("Remove Authenticator app", "password", secret, "code", a.code(0)).at("remove", "locked")
	for range 10 {
		p = p.press("Remove Authenticator app", "password", "wrong", "code", a.code(0))
	}
	p.at("remove", "locked").says("Too many tries")
}

func TestNewRecoveryCodes(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.signedIn(&a)
	p := b.open("/account").click("Make new codes").at("codes", "initial").says("Old codes that are left keep working until you confirm these.")
	codes := p.codes()
	if file := p.press("Download as text"); !strings.Contains(file.body, codes[4]) {
		t.Errorf("the file is %s", file.body)
	}
	p = p.reload().at("codes", "initial").press("Use these new codes").at("codes", "ack")
	s.totpAt(s.newBrowser()).click("Use a recovery code").press("Continue", "recovery", a.codes[0]).at("recovery-used", "initial") // an old one
	p.press("Use these new codes", "saved", "yes").at("security", "on").says("10 of 10 left", "The old ones no longer work.")
	p.press("Use these new codes", "saved", "yes").at("security", "on").says("already saved")
	b.open("/account/recovery-codes").at("codes", "none").says("shown only once").press("Make new recovery codes").at("codes", "initial").press("Keep the old codes").at("security", "on").says("Nothing changed.")
	q := s.totpAt(s.newBrowser()).click("Use a recovery code").press("Continue", "recovery", a.codes[1]).at("recovery", "wrong")
	q.press("Continue", "recovery", codes[0]).at("recovery-used", "initial")
}

func TestNewRecoveryCodesExpire(t *testing.T) {
	s := newSite(t)
	a := s.enrolled("s-ana")
	b := s.signedIn(&a)
	p := b.open("/account").click("Make new codes").at("codes", "initial")
	s.clock.forward(16 * time.Minute)
	p = p.press("Use these new codes", "saved", "yes").at("totp", "initial").press("Continue", "code", a.code(0)).at("codes", "none")
	p.says("10 of 10 left")
	b.open("/account/recovery-codes").at("codes", "none")
}

func TestRecoveryCodesWithoutAuthenticator(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	b.open("/account/recovery-codes").at("codes", "none").says("which is off")
	b.open("/account/recovery-codes?new=1").at("security", "off")
}

func TestAccountGone(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	s.accounts.set(func(rows map[string]account.Account) {
		row := rows["ana"]
		row.Disabled = true
		rows["ana"] = row
	})
	b.open("/account").at("logged-out", "initial")
	if len(s.sessions.rows) != 0 {
		t.Error("the session of a disabled account lives")
	}
}

func TestNoticesAreForOneBrowser(t *testing.T) {
	s := newSite(t)
	b := s.signedIn(nil)
	p := b.open("/account/authenticators/new").press("Cancel").at("security", "off").says("Nothing changed.")
	if other := s.signedIn(nil).open(p.address.String()); strings.Contains(other.text(), "Nothing changed.") {
		t.Error("a notice shows in another browser")
	}
	s.clock.forward(30 * time.Minute)
	b.open("/account")
	s.clock.forward(31 * time.Minute)
	if p := b.open(p.address.String()); strings.Contains(p.text(), "Nothing changed.") {
		t.Error("a notice shows for ever")
	}
}

// blockedLinks is enrol.Links of an operator who has reset everybody.
type blockedLinks struct{ enrol.Links }

func (blockedLinks) EnrolmentBlocked(context.Context, string) (bool, error) { return true, nil }

// TestHeldSaysWhomToAsk: the contact is named where there is one.
func TestHeldSaysWhomToAsk(t *testing.T) {
	s := newSite(t)
	s.configure(func(c *Config) { c.Stores.EnrolLinks = blockedLinks{} })
	b := s.signedIn(nil)
	b.open("/account/security").at("security", "off").says("you need a link from help@example.com.")
	b.open("/account/authenticators/new").at("held", "initial").says("Ask help@example.com for it.")
	s.configure(func(c *Config) { c.Site.Contact = "" })
	b.open("/account/security").at("security", "off").says("you need a link from the people who run this service.")
}

// An account that is kept in a directory of the host's own has an epoch that nobody here raises: its user ends what is
// open elsewhere all the same, and stays signed in.
func TestAccountKeptElsewhere(t *testing.T) {
	s := newSite(t)
	s.sessions.accounts = nil
	s.accounts.set(func(rows map[string]account.Account) {
		ana := rows["ana"]
		ana.Epoch = 7
		rows["ana"] = ana
	})
	a := s.enrolled("s-ana")
	other := s.signedIn(&a)
	s.clock.forward(time.Minute)
	b := s.signedIn(&a)
	p := b.open("/account/security").at("security", "on")
	p.press("Sign out everywhere else").at("security", "on").says("You are signed out everywhere else")
	other.open("/account/security").at("login", "initial")

	s.clock.forward(time.Minute)
	p = b.open("/account").click("Remove").at("remove", "initial")
	p.press("Remove Authenticator app", "password", secret, "code", a.code(0)).at("security", "off").says("Authenticator app was removed.")
	b.open("/account/security").at("security", "off")
}

// meanwhile are accounts that something happens to when one is read next.
type meanwhile struct {
	account.Accounts
	do atomic.Pointer[func()]
}

// Account implements account.Accounts.
func (m *meanwhile) Account(ctx context.Context, subject string) (account.Account, error) {
	if do := m.do.Swap(nil); do != nil {
		(*do)()
	}
	return m.Accounts.Account(ctx, subject)
}

// TestSessionOfAnotherEpoch: where the account is kept elsewhere a higher epoch ends no session, and the pages of the account
// do. Where it is ours the session was renewed between two reads, and goes on.
func TestSessionOfAnotherEpoch(t *testing.T) {
	s := newSite(t)
	accounts := &meanwhile{Accounts: s.accounts}
	s.configure(func(c *Config) { c.Accounts = accounts })
	b := s.signedIn(nil)
	p := b.open("/account/security").at("security", "off")
	renew := func() { p.press("Sign out everywhere else").at("security", "off") }
	accounts.do.Store(&renew)
	b.open("/account/security").at("security", "off")
	b.open("/account/security").at("security", "off")

	s.accounts.set(func(rows map[string]account.Account) {
		ana := rows["ana"]
		ana.Epoch++
		rows["ana"] = ana
	})
	b.open("/account/security").at("logged-out", "initial")
	if rows := s.sessions.snapshot(); len(rows) != 0 {
		t.Errorf("%d sessions are left", len(rows))
	}
}
