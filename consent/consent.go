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

// ErrNotFound reports that the user has allowed the client nothing, or that it has nothing any more.
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

// Access is what a client can do for a subject now: by what is remembered of the subject's answers, and by the tokens that it has.
type Access struct {
	Client     Client
	Scopes     []string  // as those of a Grant: all that is remembered or that a token of its was given
	Allowed    time.Time // since when
	Used       time.Time // when it last got a code or a token; zero: nobody knows
	Remembered bool      // there is a Grant: it gets as much again without a question
	Offline    bool      // it has a refresh token, which outlives the subject's session
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
	// Accesses returns what clients can do for the subject, by client id; none is no error. A store that keeps the tokens of
	// clients too has also those of which no answer is remembered, for as long as one of their tokens may live. Where the
	// clients are kept elsewhere, some may be of registrations that are no more: whoever shows them compares.
	Accesses(ctx context.Context, subject string, now time.Time) ([]Access, error)
	// RevokeAccess ends what the client with that id can do for the subject, whatever registration it is for, or fails with
	// ErrNotFound. A store that keeps the client's codes and tokens too ends them in the same commit.
	RevokeAccess(ctx context.Context, subject, id string, now time.Time) error
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

// Accesses returns what clients can do for the subject. Store.Accesses says what a list for people must leave out.
func (s *Service) Accesses(ctx context.Context, subject string) ([]Access, error) {
	return s.Store.Accesses(ctx, subject, s.now())
}

// Revoke ends what the client with that id can do for the subject: it has to ask again. ErrNotFound if that was nothing.
func (s *Service) Revoke(ctx context.Context, subject, id string) error {
	return s.Store.RevokeAccess(ctx, subject, id, s.now())
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
