// Package consenttest proves implementations of consent.Store, and has one that lives in memory.
package consenttest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"vestibule/consent"
)

// Store is a consent.Store in memory, for tests.
type Store struct {
	mu     sync.Mutex
	grants map[key]consent.Grant
}

type key struct{ subject, id string }

// New returns an empty store.
func New() *Store { return &Store{grants: make(map[key]consent.Grant)} }

// Grant implements consent.Store.
func (s *Store) Grant(_ context.Context, subject string, client consent.Client) (consent.Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.find(subject, client)
	if !ok {
		return consent.Grant{}, consent.ErrNotFound
	}
	return clone(g), nil
}

// GrantAlong implements consent.Store: here no question costs anything.
func (s *Store) GrantAlong(ctx context.Context, subject string, client consent.Client) (context.Context, func(context.Context) (consent.Grant, error)) {
	return ctx, func(ctx context.Context) (consent.Grant, error) { return s.Grant(ctx, subject, client) }
}

// find returns the grant of that registration. It is called with mu held.
func (s *Store) find(subject string, client consent.Client) (consent.Grant, bool) {
	g, ok := s.grants[key{subject, client.ID}]
	return g, ok && g.Client == client
}

// AddScopes implements consent.Store.
func (s *Store) AddScopes(_ context.Context, subject string, client consent.Client, scopes []string, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.find(subject, client)
	if !ok {
		g = consent.Grant{Subject: subject, Client: client, Created: now, Updated: now}
	}
	for _, scope := range scopes {
		if !slices.Contains(g.Scopes, scope) {
			g.Scopes, g.Updated = append(slices.Clone(g.Scopes), scope), now
		}
	}
	slices.Sort(g.Scopes)
	s.grants[key{subject, client.ID}] = g
	return nil
}

// RequireGrant implements consent.Store. It looks at once: there are no commits here.
func (s *Store) RequireGrant(_ context.Context, subject string, client consent.Client, scopes []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.find(subject, client)
	if !ok || slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(g.Scopes, scope) }) {
		return consent.ErrNotFound
	}
	return nil
}

// Accesses implements consent.Store. There are no tokens here.
func (s *Store) Accesses(_ context.Context, subject string, _ time.Time) ([]consent.Access, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []consent.Access
	for k, g := range s.grants {
		if k.subject == subject {
			list = append(list, consent.Access{Client: g.Client, Scopes: slices.Clone(g.Scopes), Allowed: g.Created, Remembered: true})
		}
	}
	slices.SortFunc(list, func(a, b consent.Access) int { return cmp.Compare(a.Client.ID, b.Client.ID) })
	return list, nil
}

// RevokeAccess implements consent.Store.
func (s *Store) RevokeAccess(_ context.Context, subject, id string, _ time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{subject, id}
	if _, ok := s.grants[k]; !ok {
		return consent.ErrNotFound
	}
	delete(s.grants, k)
	return nil
}

func clone(g consent.Grant) consent.Grant {
	g.Scopes = slices.Clone(g.Scopes)
	return g
}
