package operator

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/mail"
	"slices"
	"strings"

	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/claims"
)

// FindUser looks up an account by what the user types to sign in. *Invalid if that cannot be a name; store.ErrNotFound if
// it is nobody's.
func (o *Operator) FindUser(ctx context.Context, name string) (account.Account, error) {
	canonical, err := account.CanonicalName(name)
	if err != nil {
		return account.Account{}, invalid(err)
	}
	user, _, err := o.Accounts.AccountByName(ctx, canonical)
	return user, err
}

// NewUser is what an operator says of a user to add.
type NewUser struct {
	Username string
	Email    string
	Name     string // for display; may be empty
	Groups   []string

	EmailVerified bool              // somebody has made sure that the address is the user's
	Attributes    claims.Attributes // may be nil
}

// Check says all that is wrong with it at once, as an *Invalid.
func (u NewUser) Check() error {
	_, err := account.CanonicalName(u.Username)
	address := checkEmail(u.Email)
	if u.Email == "" {
		address = broken(rule{true, "email", "is missing"})
	}
	return invalid(err, address, checkFullName(u.Name), checkGroups(u.Groups), checkAttributes(u.Attributes))
}

// CreateUser adds a user with a password, and returns the account. *account.NameTaken if another user signs in with the
// user name or the address; an error that is no Invalid if the password may not be one.
func (o *Operator) CreateUser(ctx context.Context, u NewUser, password string) (account.Account, error) {
	if err := u.Check(); err != nil {
		return account.Account{}, err
	}
	hash, err := o.hash(ctx, account.Account{Username: u.Username, Name: u.Name, Email: u.Email}, password)
	if err != nil {
		return account.Account{}, err
	}
	canonical, err := account.CanonicalName(u.Username)
	if err != nil {
		return account.Account{}, err
	}
	now := o.now()
	user := account.Account{
		Subject: rand.Text(), Username: canonical, Name: strings.TrimSpace(u.Name), Email: strings.TrimSpace(u.Email),
		EmailVerified: u.EmailVerified, Attributes: claims.Attributes(nil).With(u.Attributes),
		Groups: canonicalGroups(u.Groups), Created: now, Updated: now, PasswordSet: now,
	}
	e := audit.Event{Kind: audit.EventAdminUserCreated, Subject: user.Subject}
	err = o.commit(ctx, e, func(ctx context.Context) error { return o.Accounts.CreateAccount(ctx, user, hash) })
	return user, err
}

// hash checks a new password and hashes it.
func (o *Operator) hash(ctx context.Context, user account.Account, password string) (string, error) {
	if err := o.Passwords.Check(user, password); err != nil {
		return "", err
	}
	return o.hasher().HashPassword(ctx, password)
}

func checkEmail(email string) error {
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != strings.TrimSpace(email) {
		return bad("email", fmt.Errorf("%q is not an e-mail address", email))
	}
	if _, err := account.CanonicalName(email); err != nil { // users sign in with it
		return bad("email", err)
	}
	return nil
}

func checkFullName(name string) error {
	return broken(rule{!isPlainText(name) || len(name) > 200, "name", "must be at most 200 bytes, without control characters"})
}

func checkGroups(groups []string) error {
	var faults []error
	for _, group := range groups {
		if err := account.CheckGroup(group); err != nil {
			faults = append(faults, bad("group", err))
		}
	}
	return errors.Join(faults...)
}

func checkAttributes(a claims.Attributes) error {
	var faults []error
	for _, fault := range apart([]error{a.Check()}) {
		faults = append(faults, bad("attribute", fault))
	}
	return errors.Join(faults...)
}

// canonicalGroups is how the groups of an account are kept: each once, in order.
func canonicalGroups(groups []string) []string {
	groups = slices.Clone(groups)
	slices.Sort(groups)
	return slices.Compact(groups)
}
