package operator

import (
	"context"
	"fmt"
	"time"

	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
)

const (
	shortestLink = time.Minute
	longestLink  = 7 * 24 * time.Hour
)

// CheckLink says what is wrong with how long a link works, as an *Invalid.
func CheckLink(ttl time.Duration) error {
	return broken(rule{ttl < shortestLink || ttl > longestLink, "ttl", "must be at least 1m and at most 168h"})
}

// IssueLink keeps a link with which a user, as FindUser has returned one, sets up an authenticator once, with the password
// and, if there is an authenticator, its code. Links from before no longer work. id is the SHA-256 of the link's token, so
// that nobody but its user can make the link from what is kept. store.ErrConflict if the account was changed since.
func (o *Operator) IssueLink(ctx context.Context, user account.Account, id []byte, ttl time.Duration) (mfa.EnrolLink, error) {
	if err := CheckLink(ttl); err != nil {
		return mfa.EnrolLink{}, err
	}
	now := o.now()
	link := mfa.EnrolLink{ID: id, Subject: user.Subject, Created: now, Expires: now.Add(ttl)}
	e := audit.Event{
		Kind: audit.EventAdminEnrolLink, Subject: user.Subject,
		Detail: map[string]string{"expires": link.Expires.UTC().Format(time.RFC3339)},
	}
	err := o.commit(ctx, e, func(ctx context.Context) error {
		if err := o.Accounts.RequireEpoch(ctx, user.Subject, user.Epoch); err != nil {
			return err
		}
		return o.Links.SaveEnrolLink(ctx, link)
	})
	if err != nil {
		return mfa.EnrolLink{}, fmt.Errorf("make a link: %w", err)
	}
	return link, nil
}
