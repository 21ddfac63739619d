package servertest

import (
	"context"
	"sync"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/store"
)

// Staff are the users of another program, by user name. All have the password of tests.
type Staff struct {
	mu   sync.Mutex
	rows map[string]account.Account
}

func (s *Staff) find(match func(account.Account) bool) (account.Account, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.rows {
		if match(row) {
			return row, true
		}
	}
	return account.Account{}, false
}

// Add adds a user.
func (s *Staff) Add(row account.Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.rows == nil {
		s.rows = map[string]account.Account{}
	}
	s.rows[row.Username] = row
}

// Change changes the user with that name.
func (s *Staff) Change(name string, f func(*account.Account)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	row := s.rows[name]
	f(&row)
	s.rows[name] = row
}

// Account implements account.Accounts.
func (s *Staff) Account(_ context.Context, subject string) (account.Account, error) {
	if row, ok := s.find(func(a account.Account) bool { return a.Subject == subject }); ok {
		return row, nil
	}
	return account.Account{}, store.ErrNotFound
}

// Authenticate implements account.Accounts.
func (s *Staff) Authenticate(ctx context.Context, name, password string, count account.Count) (account.Account, error) {
	row, ok := s.find(func(a account.Account) bool { return a.Username == name })
	if err := count(ctx, account.Guess{Key: name, Subject: row.Subject, Epoch: row.Epoch}); err != nil {
		return account.Account{}, err
	}
	if !ok || row.Disabled || password != Password {
		return account.Account{}, account.ErrPassword
	}
	return row, nil
}

// NoteSignIn implements account.Accounts.
func (s *Staff) NoteSignIn(ctx context.Context, subject string, epoch int64, _ time.Time) error {
	return s.RequireAccount(ctx, subject, epoch)
}

// RequireAccount implements account.Accounts.
func (s *Staff) RequireAccount(_ context.Context, subject string, epoch int64) error {
	_, ok := s.find(func(a account.Account) bool { return a.Subject == subject && a.Epoch == epoch && !a.Disabled })
	if !ok {
		return account.ErrPassword
	}
	return nil
}
