package hydra

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"vestibule/provider/outbox"
	"vestibule/provider/store"
)

// Outbox keeps what was ended here, from that commit until Hydra has ended it too.
type Outbox interface {
	// Revocations returns some of those that have been due for longest.
	Revocations(ctx context.Context, now time.Time) ([]outbox.Revocation, error)
	// DeleteRevocation takes a row out. One that is gone is no error.
	DeleteRevocation(ctx context.Context, id string) error
}

// EndSession ends one of Hydra's sessions, and tells the clients that have asked to hear of that. That there is no such
// session is no error.
func (a *Admin) EndSession(ctx context.Context, sid string) error {
	return a.forget(ctx, "login", url.Values{"sid": {sid}})
}

// EndSessions ends the sessions that Hydra has of a subject. None is no error.
func (a *Admin) EndSessions(ctx context.Context, subject string) error {
	return a.forget(ctx, "login", url.Values{"subject": {subject}})
}

// RevokeConsents takes back all that Hydra remembers of the consents of a subject, and so all codes and tokens that rest on
// them. None is no error.
func (a *Admin) RevokeConsents(ctx context.Context, subject string) error {
	return a.forget(ctx, "consent", url.Values{"subject": {subject}, "all": {"true"}})
}

// RevokeConsent is RevokeConsents for one client.
func (a *Admin) RevokeConsent(ctx context.Context, subject, client string) error {
	return a.forget(ctx, "consent", url.Values{"subject": {subject}, "client": {client}})
}

func (a *Admin) forget(ctx context.Context, kind string, query url.Values) error {
	err := a.call(ctx, &a.others, "end "+kind+" sessions", http.MethodDelete, sessionsPath+kind, query, nil, nil)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// Revoke has Hydra end what is due in the outbox. What it does not end stays there, to be tried again: any number of processes
// may do so at once, for to end something twice does no harm. store.ErrUnavailable if Hydra does not answer.
func (a *Admin) Revoke(ctx context.Context, o Outbox, now time.Time) error {
	waiting, err := o.Revocations(ctx, now)
	if err != nil {
		return err
	}
	var faults []error
	for _, r := range waiting {
		err := a.revoke(ctx, r)
		if errors.Is(err, store.ErrUnavailable) {
			return err
		}
		if err == nil {
			err = o.DeleteRevocation(ctx, r.ID)
		}
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// revoke ends the sessions first, if they are to end: no new consent comes of them then.
func (a *Admin) revoke(ctx context.Context, r outbox.Revocation) error {
	if r.Client != "" {
		return a.RevokeConsent(ctx, r.Subject, r.Client)
	}
	if err := a.EndSessions(ctx, r.Subject); err != nil {
		return err
	}
	return a.RevokeConsents(ctx, r.Subject)
}
