// Package consenttest proves implementations of consent.Store, and has one that lives in memory.
package consenttest

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"vestibule/consent"
)

// Store is a consent.Store in memory, for tests.
type Store struct {
	mu     sync.Mutex
	grants map[key]consent.Grant
}

type key struct{ subject, client string }

// New returns an empty store.
func New() *Store { return &Store{grants: make(map[key]consent.Grant)} }

// Grant implements consent.Store.
func (s *Store) Grant(_ context.Context, subject, client string) (consent.Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.grants[key{subject, client}]
	if !ok {
		return consent.Grant{}, consent.ErrNotFound
	}
	return clone(g), nil
}

// SaveGrant implements consent.Store.
func (s *Store) SaveGrant(_ context.Context, g consent.Grant) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{g.Subject, g.Client}
	if old, ok := s.grants[k]; ok {
		g.Created = old.Created
	}
	s.grants[k] = clone(g)
	return nil
}

// DeleteGrant implements consent.Store.
func (s *Store) DeleteGrant(_ context.Context, subject, client string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{subject, client}
	if _, ok := s.grants[k]; !ok {
		return consent.ErrNotFound
	}
	delete(s.grants, k)
	return nil
}

// Grants implements consent.Store.
func (s *Store) Grants(_ context.Context, subject string) ([]consent.Grant, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []consent.Grant
	for k, g := range s.grants {
		if k.subject == subject {
			list = append(list, clone(g))
		}
	}
	slices.SortFunc(list, func(a, b consent.Grant) int { return cmp.Compare(a.Client, b.Client) })
	return list, nil
}

func clone(g consent.Grant) consent.Grant {
	g.Scopes = slices.Clone(g.Scopes)
	return g
}
