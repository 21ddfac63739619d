package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/mfa/transfer"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// auditBatch bounds the events of one commit.
const auditBatch = 500

// ExportUser returns the authenticators of one user, or store.ErrNotFound if there is none. Nothing is returned before it
// is recorded.
func (o *Operator) ExportUser(ctx context.Context, user account.Account) (transfer.Backup, error) {
	b, err := o.export(ctx, []account.Account{user})
	if err == nil && len(b.Users) == 0 {
		err = store.ErrNotFound
	}
	return b, err
}

// ExportAll is ExportUser for all users that have one. It records in several commits, an event for each user.
func (o *Operator) ExportAll(ctx context.Context) (transfer.Backup, error) {
	all, err := o.Accounts.Accounts(ctx)
	if err != nil {
		return transfer.Backup{}, err
	}
	return o.export(ctx, all)
}

func (o *Operator) export(ctx context.Context, accounts []account.Account) (transfer.Backup, error) {
	b := transfer.Backup{Made: o.now().UTC()}
	for _, a := range accounts {
		list, err := totp.Export(ctx, o.MFA, a.Subject)
		if err != nil {
			return transfer.Backup{}, fmt.Errorf("user %s: %w", a.Username, err)
		}
		if len(list) > 0 {
			b.Users = append(b.Users, transfer.User{Subject: a.Subject, Username: a.Username, Authenticators: list})
		}
	}
	for some := range slices.Chunk(b.Users, auditBatch) {
		if err := o.recordExport(ctx, some); err != nil {
			return transfer.Backup{}, err
		}
	}
	return b, nil
}

func (o *Operator) recordExport(ctx context.Context, users []transfer.User) error {
	return o.Atomic(ctx, func(ctx context.Context) error {
		for _, u := range users {
			err := o.record(ctx, audit.Event{
				Kind: audit.EventAdminTOTPExported, Subject: u.Subject,
				Detail: map[string]string{"authenticators": strconv.Itoa(len(u.Authenticators))},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Restore says for whom a backup counts.
type Restore struct {
	ByName     bool // a user of the same name is the same user, on a server where all were created anew
	AfterReset bool // bring authenticators back also to users who had one removed, or all reset, since
}

// ErrTakenSince reports a user who had an authenticator taken away since the backup was made.
var ErrTakenSince = errors.New("a reset or a removal came after the backup was made")

// Restored says what became of a user's authenticators.
type Restored struct {
	User  string
	Added int
	Cause error // why nothing was added: ErrTakenSince, store.ErrNotFound, an outcome of AddAuthenticators; nil: all are there now
}

// RestoreBackup puts back what an export has returned. Each user's authenticators come back together or not at all, and
// what is there already stays as it is, so that it may be run again. It ends at the first error; what stands against a
// user is none.
func (o *Operator) RestoreBackup(ctx context.Context, b transfer.Backup, how Restore) ([]Restored, error) {
	results := []Restored{}
	for _, u := range b.Users {
		r, err := o.restore(ctx, u, b.Made, how)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", u.Username, err)
		}
		results = append(results, r)
	}
	return results, nil
}

func (o *Operator) restore(ctx context.Context, u transfer.User, made time.Time, how Restore) (Restored, error) {
	user, err := o.owner(ctx, u, how.ByName)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Restored{User: u.Username, Cause: err}, nil
	case err != nil:
		return Restored{}, err
	}
	added, err := o.addAuthenticators(ctx, user, u.Authenticators, func(ctx context.Context) error {
		if how.AfterReset {
			return nil
		}
		return o.requireUntouched(ctx, user.Subject, made)
	})
	if standsAgainst(err) {
		return Restored{User: user.Username, Cause: err}, nil
	}
	return Restored{User: user.Username, Added: len(added)}, err
}

// standsAgainst reports whether the error is about what the user has.
func standsAgainst(err error) bool {
	return slices.ContainsFunc([]error{
		mfa.ErrNameTaken, mfa.ErrSecretTaken, mfa.ErrTooMany, mfa.ErrChanged, store.ErrConflict, ErrTakenSince,
	}, func(outcome error) bool { return errors.Is(err, outcome) })
}

// owner finds whose authenticators they were, or store.ErrNotFound. A name alone may be another person's by now.
func (o *Operator) owner(ctx context.Context, u transfer.User, byName bool) (account.Account, error) {
	user, err := o.Accounts.Account(ctx, u.Subject)
	if errors.Is(err, store.ErrNotFound) && byName {
		user, _, err = o.Accounts.AccountByName(ctx, u.Username)
		if err == nil && user.Username != u.Username { // it is somebody's address
			err = store.ErrNotFound
		}
	}
	return user, err
}

// requireUntouched refuses a user who had an authenticator taken away since the backup was made: that phone may be in a
// thief's hands, and the backup would bring it back.
func (o *Operator) requireUntouched(ctx context.Context, subject string, made time.Time) error {
	blocked, err := o.Factors.EnrolmentBlocked(ctx, subject)
	if err != nil {
		return err
	}
	last, err := o.History.Activity(ctx, subject, []string{audit.EventFactorRemoved, audit.EventAdminReset}, "", 1)
	if err != nil {
		return err
	}
	if blocked || len(last) > 0 && !last[0].Time.Before(made) {
		return ErrTakenSince
	}
	return nil
}
