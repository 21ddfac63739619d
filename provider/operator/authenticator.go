package operator

import (
	"context"
	"errors"
	"slices"
	"strings"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/interaction"
	"vestibule/provider/store"
)

// ErrAmbiguous reports a name that several of a user's authenticators have.
var ErrAmbiguous = errors.New("several authenticators have this name")

// Removed is an authenticator that is gone, and the sessions that ended with it.
type Removed struct {
	mfa.Info
	Sessions []interaction.Session
}

// RemoveAuthenticator takes one of several authenticators away, by its id or its name, and ends all that the user has
// open: whoever has the authenticator may be signed in.
//
// Outcomes: store.ErrNotFound, ErrAmbiguous, and mfa.ErrLast for the only one, which ResetFactors takes, with a reason.
func (o *Operator) RemoveAuthenticator(ctx context.Context, user account.Account, which string) (Removed, error) {
	open, err := o.OpenSessions(ctx, user.Subject)
	if err != nil {
		return Removed{}, err
	}
	status, err := o.MFA.Status(ctx, user.Subject)
	if err != nil {
		return Removed{}, err
	}
	found, err := chosen(status.Authenticators, which)
	if err != nil {
		return Removed{}, err
	}
	e := audit.Event{Kind: audit.EventFactorRemoved, Subject: user.Subject, Detail: map[string]string{"name": found.Name, "last": "no"}}
	err = o.Atomic(ctx, func(ctx context.Context) error {
		if err := o.MFA.Store.RemoveSpare(ctx, user.Subject, found.ID); err != nil {
			return err
		}
		return o.commit(ctx, e, func(ctx context.Context) error { return o.Sessions.EndAccess(ctx, user.Subject) })
	})
	return Removed{found, open}, err
}

// chosen is the authenticator with that id or else, as users may call theirs what they like, with that name.
func chosen(all []mfa.Info, which string) (mfa.Info, error) {
	if i := slices.IndexFunc(all, func(a mfa.Info) bool { return a.ID == which }); i >= 0 {
		return all[i], nil
	}
	var named []mfa.Info
	for _, a := range all {
		if strings.EqualFold(a.Name, which) {
			named = append(named, a)
		}
	}
	switch len(named) {
	case 0:
		return mfa.Info{}, store.ErrNotFound
	case 1:
		return named[0], nil
	}
	return mfa.Info{}, ErrAmbiguous
}

// AddAuthenticators gives a user authenticators that were confirmed elsewhere, all of them or none, with an event for each
// that was not there yet; those it returns the names of. No recovery codes are made.
//
// Outcomes: those of mfa.Service.Import, and store.ErrConflict.
func (o *Operator) AddAuthenticators(ctx context.Context, user account.Account, all ...totp.Portable) ([]string, error) {
	return o.addAuthenticators(ctx, user, all, func(context.Context) error { return nil })
}

// addAuthenticators asks check after it has read what the user has, in the commit.
func (o *Operator) addAuthenticators(ctx context.Context, user account.Account, all []totp.Portable, check func(context.Context) error) ([]string, error) {
	var added []string
	err := totp.Import(ctx, o.MFA, user.Subject, all, func(ctx context.Context, names []string) error {
		if err := check(ctx); err != nil {
			return err
		}
		for _, name := range names {
			err := o.record(ctx, audit.Event{
				Kind: audit.EventAdminTOTPAdded, Subject: user.Subject, Detail: map[string]string{"name": name},
			})
			if err != nil {
				return err
			}
		}
		added = names
		return nil
	})
	if err != nil {
		return nil, err
	}
	return added, nil
}
