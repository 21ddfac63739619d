package storage

import (
	"context"
	"fmt"
	"strings"
	"time"

	"vestibule/provider"
)

const accountColumns = `subject, username, name, email, email_verified, groups, disabled, created_at, updated_at,
	signed_in_at, epoch, password_hash`

type accountRow struct {
	provider.Account
	hash string
}

func scanAccount(r row) (accountRow, error) {
	var a accountRow
	var groups string
	var created, updated, signedIn int64
	err := r.Scan(&a.Subject, &a.Username, &a.Name, &a.Email, &a.EmailVerified, &groups, &a.Disabled, &created, &updated,
		&signedIn, &a.Epoch, &a.hash)
	a.Created, a.Updated, a.SignedIn = instant(created), instant(updated), instant(signedIn)
	if groups != "" {
		a.Groups = strings.Fields(groups)
	}
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
		(subject, username, name, email, email_key, email_verified, groups, disabled, password_hash, created_at,
			updated_at, signed_in_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		a.Subject, a.Username, a.Name, a.Email, key, a.EmailVerified, strings.Join(a.Groups, " "), a.Disabled, hash,
		micros(a.Created), micros(a.Updated), micros(a.SignedIn))
}

// UpdateAccount stores the names, the address and the groups of an account. provider.ErrNotFound if there is no such
// account; provider.ErrConflict if the address is another's.
func (s *Store) UpdateAccount(ctx context.Context, a provider.Account) error {
	key, err := emailKey(a.Email)
	if err != nil {
		return err
	}
	return s.exec(ctx, provider.ErrNotFound, `UPDATE account SET name = $2, email = $3, email_key = $4,
			email_verified = $5, groups = $6, updated_at = $7
		WHERE subject = $1`,
		a.Subject, a.Name, a.Email, key, a.EmailVerified, strings.Join(a.Groups, " "), micros(a.Updated))
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

// NoteSignIn sets when the account last signed in with its password. That never goes back. provider.ErrPassword if the
// account is gone, disabled or in another epoch. Whoever ends all that the account has open waits for the commit, and it
// for them.
func (s *Store) NoteSignIn(ctx context.Context, subject string, epoch int64, at time.Time) error {
	return s.lock(ctx, accountRank, provider.ErrPassword, `UPDATE account
		SET signed_in_at = CASE WHEN signed_in_at < $2 THEN $2 ELSE signed_in_at END
		WHERE subject = $1 AND epoch = $3 AND disabled = FALSE`, subject, micros(at), epoch)
}

// RequireAccount makes the commit of ctx rest on the account: provider.ErrPassword, and nothing of the commit, unless it
// is usable and in that epoch.
func (s *Store) RequireAccount(ctx context.Context, subject string, epoch int64) error {
	return s.lock(ctx, accountRank, provider.ErrPassword, `SELECT 1 FROM account
		WHERE subject = $1 AND epoch = $2 AND disabled = FALSE`+forShare, subject, epoch)
}

// RequireEpoch makes the commit of ctx rest on the account being in that epoch, disabled or not: provider.ErrConflict, and
// nothing of the commit, if it is not.
func (s *Store) RequireEpoch(ctx context.Context, subject string, epoch int64) error {
	return s.lock(ctx, accountRank, provider.ErrConflict, `SELECT 1 FROM account WHERE subject = $1 AND epoch = $2`+forShare, subject, epoch)
}

// ChangePassword replaces the hash whatever it was, and ends what was signed in with the old password, as EndAccess does.
// provider.ErrNotFound if there is no such account.
func (s *Store) ChangePassword(ctx context.Context, subject, hash string, at time.Time) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.lock(ctx, accountRank, provider.ErrNotFound, `UPDATE account
			SET password_hash = $2, updated_at = $3 WHERE subject = $1`, subject, hash, micros(at)); err != nil {
			return err
		}
		return s.EndAccess(ctx, subject)
	})
}

// EnableAccount lets a disabled account in again. provider.ErrNotFound if there is no such account.
func (s *Store) EnableAccount(ctx context.Context, subject string, at time.Time) error {
	return s.exec(ctx, provider.ErrNotFound, `UPDATE account SET disabled = FALSE, updated_at = $2
		WHERE subject = $1`, subject, micros(at))
}

// DisableAccount shuts the account out, and ends all that it has open, as EndAccess does. provider.ErrNotFound if there
// is no such account.
func (s *Store) DisableAccount(ctx context.Context, subject string, at time.Time) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.lock(ctx, accountRank, provider.ErrNotFound, `UPDATE account
			SET disabled = TRUE, updated_at = $2 WHERE subject = $1`, subject, micros(at)); err != nil {
			return err
		}
		return s.EndAccess(ctx, subject)
	})
}
