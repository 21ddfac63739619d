// Package account is who users are and how a password is checked. It knows no clients, no pages and no SQL.
package account

import (
	"context"
	"fmt"
	"time"

	"vestibule/provider/claims"
	"vestibule/provider/spelling"
)

// Account is a user as relying parties and pages see one.
type Account struct {
	Subject       string // stable, never given to another user; the sub claim
	Username      string // canonical spelling
	Name          string // for display; may be empty
	Email         string // may be empty
	EmailVerified bool
	Attributes    claims.Attributes // what else clients can learn; nil: nothing, as of a directory that keeps no such things
	Groups        []string          // the policy may ask more of their members, and clients can learn them; see CheckGroup
	Disabled      bool              // a disabled account never signs in and gets no token
	Created       time.Time
	Updated       time.Time // zero: not known
	SignedIn      time.Time // last sign-in that began with the password; zero: never, or not known
	PasswordSet   time.Time // when the password was set; zero: not known
	Epoch         int64     // raised by whatever ends all that the account has open elsewhere: what was proved in another no longer counts
}

// CheckGroup says what is wrong with the name of a group.
func CheckGroup(name string) error {
	if !spelling.IsPlain(name) || len(name) > 64 {
		return fmt.Errorf("the group %q must be 1 to 64 letters, digits or any of -._~", name)
	}
	return nil
}

// Label is what pages and authenticator apps call the account.
func (a Account) Label() string {
	if a.Email != "" {
		return a.Email
	}
	return a.Username
}

// Claims returns all that clients can learn of the user (OIDC Core 5.1), but for sub. What is empty is not among it.
func (a Account) Claims() claims.Values {
	v := claims.Values{}
	a.Attributes.AddTo(v)
	set := func(has bool, name string, value any) {
		if has {
			v[name] = value
		}
	}
	set(a.Username != "", "preferred_username", a.Username)
	set(a.Name != "", "name", a.Name)
	set(!a.Updated.IsZero(), "updated_at", a.Updated.Unix())
	set(a.Email != "", "email", a.Email)
	set(a.Email != "", "email_verified", a.EmailVerified)
	set(len(a.Groups) > 0, "groups", a.Groups)
	return v
}

// Accounts is what the provider and the pages ask of a user directory.
type Accounts interface {
	// Account returns the account, or ErrNotFound. A disabled account is returned as such.
	Account(ctx context.Context, subject string) (Account, error)
	// Authenticate returns the account that name and password belong to, or ErrPassword. name is
	// whatever the user typed. ErrBusy reports that hashing is overloaded.
	//
	// count is called once, when it is certain that the password is going to be compared and before it
	// is. An error of count is returned as it is, and nothing is compared.
	Authenticate(ctx context.Context, name, password string, count Count) (Account, error)
	// NoteSignIn notes that the account has signed in with the password that it had in that Epoch, in the commit of
	// ctx if there is one. ErrPassword, and nothing of the commit, if the account is disabled or in another Epoch by
	// now. A directory that cannot tell may do nothing.
	NoteSignIn(ctx context.Context, subject string, epoch int64, at time.Time) error
	// RequireAccount makes the commit of ctx rest on the account: ErrPassword, and nothing of the commit, unless it is usable
	// and in that Epoch. Whoever disables it or raises the Epoch waits for the commit, and it for them. A directory that
	// cannot tell may do nothing.
	RequireAccount(ctx context.Context, subject string, epoch int64) error
}

// PasswordChanger is Accounts whose users change their own passwords here.
type PasswordChanger interface {
	// LeastLength is how many characters a new password must have.
	LeastLength() int
	// CheckPassword says what is wrong with the password that the user wants: one of the errors of PasswordRules.Check, for which
	// pages have words, or another, which is a fault of the server.
	CheckPassword(user Account, password string) error
	// HashPassword returns what SetPassword keeps of a password; ErrBusy if hashing is overloaded.
	HashPassword(ctx context.Context, password string) (hash string, err error)
	// SetPassword gives the account the password with that hash, in the commit of ctx, or fails with ErrNotFound. It ends nothing.
	SetPassword(ctx context.Context, subject, hash string, at time.Time) error
}

// Guess is a password that is about to be compared.
type Guess struct {
	Key     string // stands for the name that was typed, however it was spelled, and whether somebody has it or not
	Subject string // whose name it is; empty: nobody's
	Epoch   int64  // of the account
}

// Count counts a guess and commits the count before it returns.
type Count func(ctx context.Context, g Guess) error

// AccountStore is what a Directory keeps its users in.
type AccountStore interface {
	// Account returns the account, or ErrNotFound.
	Account(ctx context.Context, subject string) (Account, error)
	// AccountByName returns the account with that canonical user name or e-mail address, and its password hash; or
	// ErrNotFound. No two accounts share a name, of either kind. The empty name is nobody's.
	AccountByName(ctx context.Context, canonical string) (Account, string, error)
	// SetPasswordHash replaces the hash if it is still old; ErrConflict if it is not.
	SetPasswordHash(ctx context.Context, subject, old, new string) error
	// SetPassword replaces the hash whatever it was, and sets PasswordSet; or ErrNotFound.
	SetPassword(ctx context.Context, subject, hash string, at time.Time) error
	// NoteSignIn sets SignedIn, which never goes back. ErrPassword if the account is gone, disabled or in another Epoch.
	NoteSignIn(ctx context.Context, subject string, epoch int64, at time.Time) error
	// RequireAccount makes the commit of ctx fail with ErrPassword if the account is gone, disabled or in another Epoch.
	RequireAccount(ctx context.Context, subject string, epoch int64) error
}
