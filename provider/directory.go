package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Directory is a user directory of our own: accounts in a store, passwords checked with a Hasher.
type Directory struct {
	Store  AccountStore
	Hasher *Hasher
}

// decoy is a hash of no password, at the default cost: unknown names take as long as known ones.
const decoy = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

// Account returns the account, or ErrNotFound.
func (d *Directory) Account(ctx context.Context, subject string) (Account, error) {
	return d.Store.Account(ctx, subject)
}

// Authenticate returns the account that name and password belong to, or ErrPassword. When the cost of
// hashing was raised since the password was set, it stores a new hash.
func (d *Directory) Authenticate(ctx context.Context, name, password string) (Account, error) {
	account, hash, err := d.find(ctx, name)
	if err != nil {
		return Account{}, err
	}
	ok, weak, err := d.Hasher.Check(ctx, hash, password)
	switch {
	case err != nil:
		return Account{}, fmt.Errorf("check password: %w", err)
	case !ok || account.Disabled || account.Subject == "":
		return Account{}, ErrPassword
	case weak:
		return account, d.strengthen(ctx, account.Subject, hash, password)
	}
	return account, nil
}

// find returns an empty account and a decoy for a name that nobody has.
func (d *Directory) find(ctx context.Context, name string) (Account, string, error) {
	canonical, err := CanonicalName(name)
	if err != nil {
		return Account{}, decoy, nil
	}
	account, hash, err := d.Store.AccountByName(ctx, canonical)
	if errors.Is(err, ErrNotFound) {
		return Account{}, decoy, nil
	}
	if err == nil && hash == "" { // an account that cannot sign in with a password
		return Account{}, decoy, nil
	}
	return account, hash, err
}

func (d *Directory) strengthen(ctx context.Context, subject, old, password string) error {
	hash, err := d.Hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	err = d.Store.SetPasswordHash(ctx, subject, old, hash)
	if errors.Is(err, ErrConflict) { // somebody else changed it; theirs is as good
		return nil
	}
	return err
}

// CanonicalName returns the one spelling of a user name or e-mail address that is stored and that
// guesses are counted under: NFC, trimmed, case-folded.
func CanonicalName(name string) (string, error) {
	if !utf8.ValidString(name) {
		return "", errors.New("a user name must be valid UTF-8")
	}
	name = norm.NFC.String(cases.Fold().String(norm.NFC.String(strings.TrimSpace(name))))
	if name == "" {
		return "", errors.New("a user name must not be empty")
	}
	if len(name) > 254 {
		return "", errors.New("a user name must not be longer than 254 bytes")
	}
	for _, r := range name {
		if unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
			return "", errors.New("a user name must not have spaces or control characters")
		}
	}
	return name, nil
}

// commonPasswords are refused whatever their length.
var commonPasswords = []string{
	"password", "passw0rd", "password1", "password12", "password123", "12345678", "123456789", "1234567890",
	"11111111", "00000000", "qwertyui", "qwerty123", "qwertyuiop", "iloveyou", "sunshine", "princess",
	"football", "baseball", "superman", "letmein1", "welcome1", "admin123", "administrator", "changeme",
	"trustno1", "abcd1234", "1q2w3e4r", "1qaz2wsx", "asdfghjk", "vestibule",
}

// CheckNewPassword says what is wrong with a password that somebody wants to set. There are no rules of
// composition (NIST SP 800-63B-4 section 3.1.1.2).
func CheckNewPassword(password string) error {
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return errors.New("the password must be valid UTF-8")
	case n < 8:
		return errors.New("the password must have at least 8 characters; a few words work well")
	case len(password) > 1024:
		return errors.New("the password must not be longer than 1024 bytes")
	}
	folded := strings.ToLower(password)
	for _, common := range commonPasswords {
		if folded == common {
			return errors.New("this password is in lists of leaked passwords; choose another")
		}
	}
	if strings.Count(folded, folded[:1]) == len(folded) {
		return errors.New("the password repeats one character; choose another")
	}
	return nil
}
