package storage

import (
	"context"
	"errors"
	"strings"

	"vestibule/consent"
	"vestibule/provider"
)

const grantColumns = `subject, client, scopes, created_at, updated_at`

func scanGrant(r row) (consent.Grant, error) {
	var g consent.Grant
	var scopes string
	var created, updated int64
	err := r.Scan(&g.Subject, &g.Client, &scopes, &created, &updated)
	g.Scopes = strings.Fields(scopes)
	g.Created, g.Updated = instant(created), instant(updated)
	return g, err
}

// Grant returns what the subject allowed the client, or consent.ErrNotFound.
func (s *Store) Grant(ctx context.Context, subject, client string) (consent.Grant, error) {
	g, err := one(ctx, s, scanGrant, `SELECT `+grantColumns+` FROM consent WHERE subject = $1 AND client = $2`, subject, client)
	if errors.Is(err, provider.ErrNotFound) {
		err = consent.ErrNotFound
	}
	return g, err
}

// SaveGrant inserts or replaces the grant; the time of the first one stays.
func (s *Store) SaveGrant(ctx context.Context, g consent.Grant) error {
	return s.exec(ctx, nil, `INSERT INTO consent (`+grantColumns+`) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (subject, client) DO UPDATE SET scopes = excluded.scopes, updated_at = excluded.updated_at`,
		g.Subject, g.Client, strings.Join(g.Scopes, " "), micros(g.Created), micros(g.Updated))
}

// DeleteGrant removes the grant, or fails with consent.ErrNotFound.
func (s *Store) DeleteGrant(ctx context.Context, subject, client string) error {
	return s.exec(ctx, consent.ErrNotFound, `DELETE FROM consent WHERE subject = $1 AND client = $2`, subject, client)
}

// Grants returns what the subject allowed, by client id.
func (s *Store) Grants(ctx context.Context, subject string) ([]consent.Grant, error) {
	return all(ctx, s, scanGrant, `SELECT `+grantColumns+` FROM consent WHERE subject = $1 ORDER BY client`, subject)
}
