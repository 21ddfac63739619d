package account

import (
	"context"
	"errors"
	"time"

	"vestibule/provider/store"
)

// Endings counts how often all that somebody has open here was ended, of accounts that another program keeps: whoever ends
// it cannot raise the epoch there.
type Endings interface {
	// Endings returns how often that was, for any subject: 0 of one who never was here.
	Endings(ctx context.Context, subject string) (int64, error)
	// RequireEndings makes the commit of ctx rest on the number: ErrPassword, and nothing of the commit, if it is another.
	// Whoever ends what the subject has open waits for the commit, and it for them.
	RequireEndings(ctx context.Context, subject string, n int64) error
}

// Elsewhere is the Accounts of another program, so that what was ended here is over like what was ended there: the Epoch of
// an account is the sum of its own and of the Endings. Both only rise.
type Elsewhere struct {
	Accounts Accounts
	Endings  Endings
}

// Account implements Accounts.
func (e *Elsewhere) Account(ctx context.Context, subject string) (Account, error) {
	user, err := e.Accounts.Account(ctx, subject)
	if err != nil {
		return user, err
	}
	n, err := e.Endings.Endings(ctx, user.Subject)
	user.Epoch += n
	return user, err
}

// Authenticate implements Accounts. The Endings are those of before the password was compared, and are asked for
// whosever the name is, so that the time does not tell.
func (e *Elsewhere) Authenticate(ctx context.Context, name, password string, count Count) (Account, error) {
	var n int64
	user, err := e.Accounts.Authenticate(ctx, name, password, func(ctx context.Context, g Guess) (err error) {
		if n, err = e.Endings.Endings(ctx, g.Subject); err != nil {
			return err
		}
		g.Epoch += n
		return count(ctx, g)
	})
	user.Epoch += n
	return user, err
}

// NoteSignIn implements Accounts.
func (e *Elsewhere) NoteSignIn(ctx context.Context, subject string, epoch int64, at time.Time) error {
	own, err := e.require(ctx, subject, epoch)
	if err != nil {
		return err
	}
	return e.Accounts.NoteSignIn(ctx, subject, own, at)
}

// RequireAccount implements Accounts, also for a directory that cannot tell more than Account does.
func (e *Elsewhere) RequireAccount(ctx context.Context, subject string, epoch int64) error {
	own, err := e.require(ctx, subject, epoch)
	if err != nil {
		return err
	}
	return e.Accounts.RequireAccount(ctx, subject, own)
}

// require makes the commit of ctx rest on the Endings that are in the epoch beside the account's own, which it returns.
func (e *Elsewhere) require(ctx context.Context, subject string, epoch int64) (own int64, err error) {
	user, err := e.Accounts.Account(ctx, subject)
	switch {
	case errors.Is(err, store.ErrNotFound), err == nil && user.Disabled:
		return 0, ErrPassword
	case err != nil:
		return 0, err
	}
	return user.Epoch, e.Endings.RequireEndings(ctx, subject, epoch-user.Epoch)
}
