package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/store"
)

const accountColumns = `subject, username, name, email, email_verified, attributes, groups, disabled, created_at, updated_at,
	signed_in_at, password_at, epoch, password_hash`

type accountRow struct {
	account.Account
	hash string
}

// accountScan takes in the columns of accountColumns.
type accountScan struct {
	accountRow
	attributes, groups                      string
	created, updated, signedIn, passwordSet int64
}

func (a *accountScan) dest() []any {
	return []any{&a.Subject, &a.Username, &a.Name, &a.Email, &a.EmailVerified, &a.attributes, &a.groups, &a.Disabled, &a.created, &a.updated,
		&a.signedIn, &a.passwordSet, &a.Epoch, &a.hash}
}

func (a *accountScan) account() (accountRow, error) {
	a.Created, a.Updated, a.SignedIn, a.PasswordSet = instant(a.created), instant(a.updated), instant(a.signedIn), instant(a.passwordSet)
	a.Groups = wordsOf(a.groups)
	if a.attributes != "" {
		if err := json.Unmarshal([]byte(a.attributes), &a.Attributes); err != nil {
			return a.accountRow, fmt.Errorf("attributes of %s: %w", a.Subject, err)
		}
	}
	return a.accountRow, nil
}

func scanAccount(r row) (accountRow, error) {
	var a accountScan
	if err := r.Scan(a.dest()...); err != nil {
		return a.accountRow, err
	}
	return a.account()
}

// attributesText is how the attributes of an account are kept.
func attributesText(a account.Account) (string, error) {
	if len(a.Attributes) == 0 {
		return "", nil
	}
	text, err := json.Marshal(a.Attributes)
	return string(text), err
}

// Account returns the account, or store.ErrNotFound.
func (s *Store) Account(ctx context.Context, subject string) (account.Account, error) {
	a, err := one(ctx, s, scanAccount, `SELECT `+accountColumns+` FROM account WHERE subject = $1`, subject)
	return a.Account, err
}

// AccountByName returns the account with that canonical user name or e-mail address, and its password hash; or
// store.ErrNotFound.
func (s *Store) AccountByName(ctx context.Context, canonical string) (account.Account, string, error) {
	a, err := one(ctx, s, scanAccount, `SELECT `+accountColumns+` FROM account
		WHERE subject = (SELECT subject FROM account_name WHERE name = $1)`, canonical)
	return a.Account, a.hash, err
}

// Accounts returns all accounts by user name.
func (s *Store) Accounts(ctx context.Context) ([]account.Account, error) {
	scan := func(r row) (account.Account, error) {
		a, err := scanAccount(r)
		return a.Account, err
	}
	return all(ctx, s, scan, `SELECT `+accountColumns+` FROM account ORDER BY username`)
}

// CreateAccount inserts an account whose user name is canonical. store.ErrConflict if the subject is taken,
// *account.NameTaken if the user name or the e-mail address is a name of another: each of them is a name to sign in with.
func (s *Store) CreateAccount(ctx context.Context, a account.Account, hash string) error {
	names, err := namesOf(a)
	if err != nil {
		return err
	}
	attributes, err := attributesText(a)
	if err != nil {
		return err
	}
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.exec(ctx, store.ErrConflict, `INSERT INTO account
			(subject, username, name, email, email_verified, attributes, groups, disabled, password_hash, created_at,
				updated_at, signed_in_at, password_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
			a.Subject, a.Username, a.Name, a.Email, a.EmailVerified, attributes, strings.Join(a.Groups, " "), a.Disabled, hash,
			micros(a.Created), micros(a.Updated), micros(a.SignedIn), micros(a.PasswordSet))
		if err != nil {
			return err
		}
		return s.takeNames(ctx, a.Subject, names)
	})
}

// UpdateAccount stores the names, the address, the attributes and the groups of an account; its user name stays.
// store.ErrNotFound if there is no such account; *account.NameTaken if the address is a name of another.
func (s *Store) UpdateAccount(ctx context.Context, a account.Account) error {
	names, err := namesOf(a)
	if err != nil {
		return err
	}
	attributes, err := attributesText(a)
	if err != nil {
		return err
	}
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.exec(ctx, store.ErrNotFound, `UPDATE account SET name = $2, email = $3,
				email_verified = $4, attributes = $5, groups = $6, updated_at = $7
			WHERE subject = $1 AND username = $8`,
			a.Subject, a.Name, a.Email, a.EmailVerified, attributes, strings.Join(a.Groups, " "), micros(a.Updated), a.Username)
		if err != nil {
			return err
		}
		if err := s.takeNames(ctx, a.Subject, names); err != nil {
			return err
		}
		return s.exec(ctx, nil, `DELETE FROM account_name WHERE subject = $1 AND name <> $2 AND name <> $3`,
			a.Subject, names[0], names[len(names)-1])
	})
}

// namesOf returns the names that the account signs in with, each once. They are sorted, so that two who take the same
// ones do so in one order.
func namesOf(a account.Account) ([]string, error) {
	canonical, err := account.CanonicalName(a.Username)
	if err == nil && canonical != a.Username {
		err = fmt.Errorf("it should be written %q", canonical)
	}
	if err != nil {
		return nil, fmt.Errorf("user name %q: %w", a.Username, err)
	}
	names := []string{canonical}
	if a.Email != "" {
		address, err := account.CanonicalName(a.Email)
		if err != nil {
			return nil, fmt.Errorf("e-mail address %q: %w", a.Email, err)
		}
		names = append(names, address)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// takeNames gives the names to the subject, which may have them already. The database says whose a name is.
func (s *Store) takeNames(ctx context.Context, subject string, names []string) error {
	for _, name := range names {
		err := s.exec(ctx, &account.NameTaken{Name: name}, `INSERT INTO account_name (name, subject) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET subject = excluded.subject WHERE account_name.subject = excluded.subject`,
			name, subject)
		if err != nil {
			return err
		}
	}
	return nil
}

// SetPasswordHash replaces the hash if it is still old; store.ErrConflict if it is not.
func (s *Store) SetPasswordHash(ctx context.Context, subject, old, new string) error {
	return s.exec(ctx, store.ErrConflict, `UPDATE account SET password_hash = $3
		WHERE subject = $1 AND password_hash = $2`, subject, old, new)
}

// NoteSignIn sets when the account last signed in with its password. That never goes back. account.ErrPassword if the
// account is gone, disabled or in another epoch. Whoever ends all that the account has open waits for the commit, and it
// for them.
func (s *Store) NoteSignIn(ctx context.Context, subject string, epoch int64, at time.Time) error {
	return s.lock(ctx, accountRank, account.ErrPassword, `UPDATE account
		SET signed_in_at = CASE WHEN signed_in_at < $2 THEN $2 ELSE signed_in_at END
		WHERE subject = $1 AND epoch = $3 AND disabled = FALSE`, subject, micros(at), epoch)
}

// RequireAccount makes the commit of ctx rest on the account: account.ErrPassword, and nothing of the commit, unless it
// is usable and in that epoch.
func (s *Store) RequireAccount(ctx context.Context, subject string, epoch int64) error {
	return s.restOnAccount(ctx, account.ErrPassword, ` AND disabled = FALSE`, subject, epoch)
}

// RequireEpoch makes the commit of ctx rest on the account being in that epoch, disabled or not: store.ErrConflict, and
// nothing of the commit, if it is not.
func (s *Store) RequireEpoch(ctx context.Context, subject string, epoch int64) error {
	return s.restOnAccount(ctx, store.ErrConflict, "", subject, epoch)
}

func (s *Store) restOnAccount(ctx context.Context, missed error, and, subject string, epoch int64) error {
	return s.lock(ctx, accountRank, missed, `SELECT 1 FROM account WHERE subject = $1 AND epoch = $2`+and+forShare, subject, epoch)
}

// lockAccount has the commit of ctx wait for those that rest on the account, and them for it, whatever state the account is
// in and wherever it is kept. It changes nothing, but must be an UPDATE: the locks of those are shared ones, which do not wait for
// each other.
func (s *Store) lockAccount(ctx context.Context, subject string) error {
	if err := s.lock(ctx, accountRank, nil, `UPDATE account SET epoch = epoch WHERE subject = $1`, subject); err != nil {
		return err
	}
	return s.lock(ctx, accountRank, nil, `UPDATE account_elsewhere SET endings = endings WHERE subject = $1`, subject)
}

// SetPassword replaces the hash whatever it was, and ends nothing. store.ErrNotFound if there is no such account.
func (s *Store) SetPassword(ctx context.Context, subject, hash string, at time.Time) error {
	return s.lock(ctx, accountRank, store.ErrNotFound, `UPDATE account
		SET password_hash = $2, password_at = $3, updated_at = $3 WHERE subject = $1`, subject, hash, micros(at))
}

// ChangePassword is SetPassword that ends what was signed in with the old password, as EndAccess does.
func (s *Store) ChangePassword(ctx context.Context, subject, hash string, at time.Time) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.SetPassword(ctx, subject, hash, at); err != nil {
			return err
		}
		return s.EndAccess(ctx, subject)
	})
}

// EnableAccount lets a disabled account in again. store.ErrNotFound if there is no such account.
func (s *Store) EnableAccount(ctx context.Context, subject string, at time.Time) error {
	return s.exec(ctx, store.ErrNotFound, `UPDATE account SET disabled = FALSE, updated_at = $2
		WHERE subject = $1`, subject, micros(at))
}

// DisableAccount shuts the account out, and ends all that it has open, as EndAccess does. store.ErrNotFound if there
// is no such account.
func (s *Store) DisableAccount(ctx context.Context, subject string, at time.Time) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.lock(ctx, accountRank, store.ErrNotFound, `UPDATE account
			SET disabled = TRUE, updated_at = $2 WHERE subject = $1`, subject, micros(at)); err != nil {
			return err
		}
		return s.EndAccess(ctx, subject)
	})
}
