package storage

import (
	"context"
	"fmt"
	"time"

	"vestibule/provider"
)

const accountColumns = `subject, username, name, email, email_verified, disabled, created_at, updated_at, password_hash`

type accountRow struct {
	provider.Account
	hash string
}

func scanAccount(r row) (accountRow, error) {
	var a accountRow
	var created, updated int64
	err := r.Scan(&a.Subject, &a.Username, &a.Name, &a.Email, &a.EmailVerified, &a.Disabled, &created, &updated, &a.hash)
	a.Created, a.Updated = instant(created), instant(updated)
	return a, err
}

// Account returns the account, or provider.ErrNotFound.
func (s *Store) Account(ctx context.Context, subject string) (provider.Account, error) {
	a, err := one(ctx, s, scanAccount, `SELECT `+accountColumns+` FROM account WHERE subject = $1`, subject)
	return a.Account, err
}

// AccountByName returns the account with that canonical user name, or failing that with that
// canonical e-mail address, and its password hash; or provider.ErrNotFound.
func (s *Store) AccountByName(ctx context.Context, canonical string) (provider.Account, string, error) {
	a, err := one(ctx, s, scanAccount, `SELECT `+accountColumns+` FROM account
		WHERE username = $1 OR email_key = $1
		ORDER BY CASE WHEN username = $1 THEN 0 ELSE 1 END
		LIMIT 1`, canonical)
	return a.Account, a.hash, err
}

// Accounts returns all accounts by user name.
func (s *Store) Accounts(ctx context.Context) ([]provider.Account, error) {
	scan := func(r row) (provider.Account, error) {
		a, err := scanAccount(r)
		return a.Account, err
	}
	return all(ctx, s, scan, `SELECT `+accountColumns+` FROM account ORDER BY username`)
}

// CreateAccount inserts an account whose user name is canonical. provider.ErrConflict if the subject,
// the user name or the e-mail address is taken: each of the last two is a name to sign in with.
func (s *Store) CreateAccount(ctx context.Context, a provider.Account, hash string) error {
	key, err := emailKey(a.Email)
	if err != nil {
		return err
	}
	return s.exec(ctx, provider.ErrConflict, `INSERT INTO account
		(subject, username, name, email, email_key, email_verified, disabled, password_hash, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		a.Subject, a.Username, a.Name, a.Email, key, a.EmailVerified, a.Disabled, hash,
		micros(a.Created), micros(a.Updated))
}

// emailKey returns what the address is found by, or NULL.
func emailKey(email string) (*string, error) {
	if email == "" {
		return nil, nil
	}
	key, err := provider.CanonicalName(email)
	if err != nil {
		return nil, fmt.Errorf("e-mail address %q: %w", email, err)
	}
	return &key, nil
}

// SetPasswordHash replaces the hash if it is still old; provider.ErrConflict if it is not.
func (s *Store) SetPasswordHash(ctx context.Context, subject, old, new string) error {
	return s.exec(ctx, provider.ErrConflict, `UPDATE account SET password_hash = $3
		WHERE subject = $1 AND password_hash = $2`, subject, old, new)
}

// DisableAccount shuts the account out: its sessions, codes and tokens end in the same commit.
// provider.ErrNotFound if there is no such account.
func (s *Store) DisableAccount(ctx context.Context, subject string, at time.Time) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.exec(ctx, provider.ErrNotFound, `UPDATE account SET disabled = TRUE, updated_at = $2
			WHERE subject = $1`, subject, micros(at)); err != nil {
			return err
		}
		if err := s.DeleteSessions(ctx, subject, nil); err != nil {
			return err
		}
		return s.RevokeSubject(ctx, subject)
	})
}
