package account

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"vestibule/provider/store"
)

// Directory is a user directory of our own: accounts in a store, passwords checked with a Hasher.
type Directory struct {
	Store     AccountStore
	Hasher    *Hasher
	Passwords PasswordRules // what new ones must keep
}

// Account returns the account, or ErrNotFound.
func (d *Directory) Account(ctx context.Context, subject string) (Account, error) {
	return d.Store.Account(ctx, subject)
}

// NoteSignIn notes when the account last signed in, or fails with ErrPassword.
func (d *Directory) NoteSignIn(ctx context.Context, subject string, epoch int64, at time.Time) error {
	return d.Store.NoteSignIn(ctx, subject, epoch, at)
}

// RequireAccount makes the commit of ctx rest on the account, or fails with ErrPassword.
func (d *Directory) RequireAccount(ctx context.Context, subject string, epoch int64) error {
	return d.Store.RequireAccount(ctx, subject, epoch)
}

// Authenticate returns the account that name and password belong to, or ErrPassword. When the cost of
// hashing was raised since the password was set, it stores a new hash.
func (d *Directory) Authenticate(ctx context.Context, name, password string, count Count) (Account, error) {
	user, hash, err := d.find(ctx, name)
	if err != nil {
		return Account{}, err
	}
	var ok, weak bool
	var fault error
	err = d.Hasher.Do(ctx, func() { // first a place, then the count: who is turned away has not guessed
		if fault = count(ctx, Guess{guessKey(name), user.Subject, user.Epoch}); fault == nil {
			ok, weak, fault = d.Hasher.comparePassword(hash, password)
		}
	})
	switch {
	case err != nil:
		return Account{}, fmt.Errorf("check password: %w", err)
	case fault != nil:
		return Account{}, fault
	case !ok || user.Disabled || user.Subject == "":
		return Account{}, ErrPassword
	case weak:
		return user, d.strengthen(ctx, user.Subject, hash, password)
	}
	return user, nil
}

// LeastLength implements PasswordChanger.
func (d *Directory) LeastLength() int { return d.Passwords.least() }

// CheckPassword implements PasswordChanger.
func (d *Directory) CheckPassword(user Account, password string) error {
	return d.Passwords.Check(user, password)
}

// HashPassword implements PasswordChanger.
func (d *Directory) HashPassword(ctx context.Context, password string) (string, error) {
	return d.Hasher.HashPassword(ctx, password)
}

// SetPassword implements PasswordChanger.
func (d *Directory) SetPassword(ctx context.Context, subject, hash string, at time.Time) error {
	return d.Store.SetPassword(ctx, subject, hash, at)
}

// guessKey is what guesses at a name are counted under: at the name, and not at its account, for a lock that two names
// share would tell that they are one account's. What somebody typed may be a password, so only a hash of it is kept.
func guessKey(name string) string {
	if canonical, err := CanonicalName(name); err == nil {
		name = canonical
	}
	sum := sha256.Sum256([]byte(name))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// find returns an empty account and a decoy for a name that nobody has.
func (d *Directory) find(ctx context.Context, name string) (Account, string, error) {
	canonical, err := CanonicalName(name)
	if err != nil {
		canonical = "" // nobody's, and the store is asked all the same
	}
	user, hash, err := d.Store.AccountByName(ctx, canonical)
	if errors.Is(err, store.ErrNotFound) {
		return Account{}, d.Hasher.decoy(), nil
	}
	if err == nil && hash == "" { // an account that cannot sign in with a password
		return Account{}, d.Hasher.decoy(), nil
	}
	return user, hash, err
}

func (d *Directory) strengthen(ctx context.Context, subject, old, password string) error {
	hash, err := d.HashPassword(ctx, password)
	if err != nil {
		return err
	}
	err = d.Store.SetPasswordHash(ctx, subject, old, hash)
	if errors.Is(err, store.ErrConflict) { // somebody else changed it; theirs is as good
		return nil
	}
	return err
}
