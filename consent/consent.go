// Package consent remembers which user allowed which client which scopes.
//
// Start with [Service.Missing]: what must the consent page still ask? When the user presses
// allow, [Service.Allow] remembers it, and [Granted] is what the answer gives. The package never decides
// whether a client may ask for a scope at all: that was settled when the request was validated.
// Scopes are texts to it, so that it goes with any engine.
package consent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// ErrNotFound reports that the user has allowed the client nothing.
var ErrNotFound = errors.New("no grant")

// Client is a client as it is registered. One that is made anew under an old id is another one: whoever has allowed the old
// one something is asked again.
type Client struct {
	ID           string
	Registration string // another one each time that the id is registered; empty only where no id is ever given to another client
}

// Grant is what a user allowed a client, for this and later sign-ins.
type Grant struct {
	Subject string
	Client  Client
	Scopes  []string // sorted, no duplicates; offline_access is one of them like any other. None has a space in it (RFC 6749 section 3.3)
	Created time.Time
	Updated time.Time // when a scope was last added
}

// Store keeps grants, one for each subject and client id. It is for one registration of the client: for any other there is
// none. A store that keeps the clients too has none for a registration that is removed, from the commit on that removes it.
type Store interface {
	// Grant returns the grant, or ErrNotFound.
	Grant(ctx context.Context, subject string, client Client) (Grant, error)
	// GrantAlong is Grant, as what is asked along with the next statement that has the context which is returned, at no cost
	// of its own if the store can. found returns the answer, or asks for it.
	GrantAlong(ctx context.Context, subject string, client Client) (_ context.Context, found func(context.Context) (Grant, error))
	// AddScopes adds to the grant, which it makes if there is none, be it for no scope. It is one atomic step: what
	// two pages allow at once is all allowed. What the subject allowed another registration of that id is gone then.
	AddScopes(ctx context.Context, subject string, client Client, scopes []string, now time.Time) error
	// RequireGrant makes the commit of ctx, if there is one, fail with ErrNotFound unless the client is allowed all of the
	// scopes.
	RequireGrant(ctx context.Context, subject string, client Client, scopes []string) error
	// DeleteGrant removes the grant, whatever registration it is for, or fails with ErrNotFound. A store that keeps the
	// client's codes and tokens too ends them in the same commit.
	DeleteGrant(ctx context.Context, subject, id string) error
	// Grants returns what the subject allowed, by client id; none is no error. Where the clients are kept elsewhere, some
	// may be for registrations that are no more: whoever shows them compares.
	Grants(ctx context.Context, subject string) ([]Grant, error)
}

// Service answers what was allowed and remembers what is.
type Service struct {
	Store Store
	Now   func() time.Time // nil: time.Now
}

// Missing returns the wanted scopes that the subject has not allowed the client, in the order
// wanted. known reports whether the client was ever allowed anything: a request for no scope
// misses nothing, and still wants a page when the client is new to the user.
func (s *Service) Missing(ctx context.Context, subject string, client Client, wanted []string) (missing []string, known bool, err error) {
	return s.Lookup(subject, client).Missing(ctx, wanted)
}

// Lookup is a question for what a subject has allowed a client.
type Lookup func(ctx context.Context) (Grant, error)

// Lookup asks whenever it is called.
func (s *Service) Lookup(subject string, client Client) Lookup {
	return func(ctx context.Context) (Grant, error) { return s.Store.Grant(ctx, subject, client) }
}

// GrantAlong has the question go along with what the store is asked next with the context that it returns.
func (s *Service) GrantAlong(ctx context.Context, subject string, client Client) (context.Context, Lookup) {
	return s.Store.GrantAlong(ctx, subject, client)
}

// Missing is Service.Missing for what was asked.
func (l Lookup) Missing(ctx context.Context, wanted []string) (missing []string, known bool, err error) {
	g, err := l(ctx)
	known = err == nil
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, false, fmt.Errorf("read grant: %w", err)
	}
	missing = []string{}
	for _, scope := range wanted {
		if !slices.Contains(g.Scopes, scope) && !slices.Contains(missing, scope) {
			missing = append(missing, scope)
		}
	}
	return missing, known, nil
}

// Allow adds the scopes to what the subject allowed the client before.
func (s *Service) Allow(ctx context.Context, subject string, client Client, scopes []string) error {
	if err := s.Store.AddScopes(ctx, subject, client, scopes, s.now()); err != nil {
		return fmt.Errorf("save grant: %w", err)
	}
	return nil
}

// Require makes the commit of ctx, if there is one, rest on the subject having allowed the client all of the scopes:
// ErrNotFound if that is not so any more.
func (s *Service) Require(ctx context.Context, subject string, client Client, scopes []string) error {
	return s.Store.RequireGrant(ctx, subject, client, scopes)
}

// Revoke forgets all that the subject allowed the client with that id, with the tokens that the store has of it. ErrNotFound if that
// was nothing.
func (s *Service) Revoke(ctx context.Context, subject, id string) error {
	return s.Store.DeleteGrant(ctx, subject, id)
}

// List returns what the subject allowed, by client id. Store.Grants says what a list for people must leave out.
func (s *Service) List(ctx context.Context, subject string) ([]Grant, error) {
	return s.Store.Grants(ctx, subject)
}

// Granted returns those of the allowed scopes that the request asks for. One that it does not ask for is left out,
// however long ago it was allowed.
func Granted(requested, allowed []string) []string {
	return slices.DeleteFunc(slices.Clone(allowed), func(scope string) bool { return !slices.Contains(requested, scope) })
}

func (s *Service) now() time.Time {
	if s.Now == nil {
		return time.Now()
	}
	return s.Now()
}
