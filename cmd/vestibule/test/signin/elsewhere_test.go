package signin

import (
	"context"
	"sync"
	"testing"
	"time"

	"vestibule/cmd/vestibule/servertest"
	"vestibule/config"
	"vestibule/provider/account"
	"vestibule/provider/store"
)

// staff are the users of another program, by user name. All have the password of tests.
type staff struct {
	mu   sync.Mutex
	rows map[string]account.Account
}

func (s *staff) find(match func(account.Account) bool) (account.Account, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.rows {
		if match(row) {
			return row, true
		}
	}
	return account.Account{}, false
}

func (s *staff) change(name string, f func(*account.Account)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row := s.rows[name]
	f(&row)
	s.rows[name] = row
}

// Account implements account.Accounts.
func (s *staff) Account(_ context.Context, subject string) (account.Account, error) {
	if row, ok := s.find(func(a account.Account) bool { return a.Subject == subject }); ok {
		return row, nil
	}
	return account.Account{}, store.ErrNotFound
}

// Authenticate implements account.Accounts.
func (s *staff) Authenticate(ctx context.Context, name, password string, count account.Count) (account.Account, error) {
	row, ok := s.find(func(a account.Account) bool { return a.Username == name })
	if err := count(ctx, account.Guess{Key: name, Subject: row.Subject, Epoch: row.Epoch}); err != nil {
		return account.Account{}, err
	}
	if !ok || row.Disabled || password != servertest.Password {
		return account.Account{}, account.ErrPassword
	}
	return row, nil
}

// NoteSignIn implements account.Accounts.
func (s *staff) NoteSignIn(ctx context.Context, subject string, epoch int64, _ time.Time) error {
	return s.RequireAccount(ctx, subject, epoch)
}

// RequireAccount implements account.Accounts.
func (s *staff) RequireAccount(_ context.Context, subject string, epoch int64) error {
	_, ok := s.find(func(a account.Account) bool { return a.Subject == subject && a.Epoch == epoch && !a.Disabled })
	if !ok {
		return account.ErrPassword
	}
	return nil
}

// TestAccountsElsewhere: the users may be another program's. They get the second step, its pages and its mail all the same,
// and what that program ends is over here.
func TestAccountsElsewhere(t *testing.T) {
	t.Parallel()
	servertest.EachDatabase(t, func(t *testing.T, database string) {
		mail := servertest.NewMailbox(t, "starttls")
		s := servertest.NewWithMail(t, database, mail)
		s.Config.TwoSteps = []config.TwoSteps{{Must: "required"}}
		others := &staff{rows: map[string]account.Account{"ana": {Subject: "s-ana", Username: "ana", Name: "Ana", Email: "ana@example.com"}}}
		s.Accounts = others
		s.Start(2)
		c := s.NewClient(t, "shop")

		v := c.BeginOffline()
		p := v.SignIn(s.NewBrowser(t), "ana").At("setup", "initial")
		phone := p.Phone()
		p = p.Press("Continue", "code", phone.Code(0)).At("codes", "initial").Press("Turn on two-step verification", "saved", "yes")
		tokens := v.Finish(p.Allow())
		s.SendNotices()
		mail.Arrived("An authenticator was added")
		tokens.Authenticated(t, "aal2", s.Clock.Now(), "pwd", "otp", "mfa")
		if tokens.Subject != "s-ana" {
			t.Errorf("sub is %q, want that of the other program", tokens.Subject)
		}
		if got := s.UserInfo(tokens.Token.AccessToken); got != 200 {
			t.Errorf("userinfo answers %d", got)
		}

		s.Clock.Advance(servertest.Step)
		b := s.NewBrowser(t)
		v = c.Begin("prompt", "login")
		v.SignIn(b, "ben").At("login", "wrong")
		v = c.Begin("prompt", "login")
		v.Finish(v.SignIn(b, "ana").At("totp", "initial").GiveCode(phone.Code(0)))

		others.change("ana", func(a *account.Account) { a.Epoch++ })
		v = c.Begin()
		b.Open(v.Address).At("login", "again").Says("Something has changed since you gave your password")
		others.change("ana", func(a *account.Account) { a.Disabled = true })
		v.SignIn(s.NewBrowser(t), "ana").At("login", "wrong")
		if _, err := c.Refresh(tokens.Token.RefreshToken); err == nil {
			t.Error("a user whom the other program has disabled gets tokens")
		}
	})
}
