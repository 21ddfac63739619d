package web

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
)

// passwords has users change their passwords, which all go on to be the same one, and counts how often that was.
type passwords struct {
	*accounts
	*sessions
	rules  account.PasswordRules
	refuse error // of CheckPassword, unless nil
	hash   error // of HashPassword
	factor error // of RequireNoFactor
	guess  error // of Authenticate, unless nil
	set    atomic.Int64
}

func (p *passwords) LeastLength() int { return 8 }

func (p *passwords) CheckPassword(user account.Account, password string) error {
	if p.refuse != nil {
		return p.refuse
	}
	return p.rules.Check(user, password)
}

func (p *passwords) HashPassword(context.Context, string) (string, error) { return "hash", p.hash }

func (p *passwords) SetPassword(context.Context, string, string, time.Time) error {
	p.set.Add(1)
	return nil
}

func (p *passwords) RequireNoFactor(context.Context, string) error { return p.factor }

func (p *passwords) EndAllElse(ctx context.Context, subject string, epoch int64, sid string, _ bool) (int64, error) {
	return p.sessions.EndOthers(ctx, subject, epoch, sid)
}

func (p *passwords) Authenticate(ctx context.Context, name, password string, count account.Count) (account.Account, error) {
	if p.guess != nil {
		return account.Account{}, p.guess
	}
	return p.accounts.Authenticate(ctx, name, password, count)
}

// TestChangePasswordFaults: whatever goes wrong on the way, no password is set that was not asked for by who knows the one before.
func TestChangePasswordFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		fault       func(p *passwords)
		page, state string
		sets        int64 // how often SetPassword is called, whose commit may fail
		current     string
	}{
		"all is well":             {func(*passwords) {}, "security", "off", 1, secret},
		"a wrong password":        {func(*passwords) {}, "password", "wrong", 0, "not it at all"},
		"too many passwords":      {func(p *passwords) { p.guess = account.ErrBusy }, "error", "busy", 0, secret},
		"too many to hash":        {func(p *passwords) { p.hash = account.ErrBusy }, "error", "busy", 0, secret},
		"rules that fail":         {func(p *passwords) { p.refuse = errors.New("no list") }, "error", "server", 0, secret},
		"rules of another's":      {func(p *passwords) { p.refuse = account.ErrPasswordCommon }, "password", "common", 0, secret},
		"a factor at that moment": {func(p *passwords) { p.factor = mfa.ErrChanged }, "security", "off", 1, secret},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			log := s.withLog()
			p := &passwords{accounts: s.accounts, sessions: s.sessions}
			s.configure(func(c *Config) {
				c.Accounts, c.Passwords.Changer, c.Stores.Passwords = p, p, p
			})
			b := s.newBrowser()
			page := b.open("/account/password").password("ana").at("password", "initial")
			tt.fault(p)
			page.press("Change password", "password", tt.current, "new-password", "a field of tall barley").at(tt.page, tt.state)
			if got := p.set.Load(); got != tt.sets {
				t.Errorf("%d passwords were set, want %d", got, tt.sets)
			}
			events, err := log.Activity(t.Context(), "s-ana", []string{audit.EventPasswordChanged}, "", 10)
			if want := name == "all is well"; err != nil || (len(events) == 1) != want {
				t.Errorf("the log has %+v (%v)", events, err)
			}
		})
	}
}
