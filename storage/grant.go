package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"vestibule/consent"
)

// anyScope is the row that each grant has, so that a grant of no scope is a grant.
const anyScope = ""

const grantColumns = `subject, client, scope, created_at`

// scanGrant reads one row, which is one scope of a grant.
func scanGrant(r row) (consent.Grant, error) {
	var g consent.Grant
	var scope string
	var created int64
	err := r.Scan(&g.Subject, &g.Client, &scope, &created)
	if scope != anyScope {
		g.Scopes = []string{scope}
	}
	g.Created, g.Updated = instant(created), instant(created)
	return g, err
}

// Grant returns what the subject allowed the client, or consent.ErrNotFound.
func (s *Store) Grant(ctx context.Context, subject, client string) (consent.Grant, error) {
	rows, err := all(ctx, s, scanGrant, `SELECT `+grantColumns+` FROM consent
		WHERE subject = $1 AND client = $2 ORDER BY scope`, subject, client)
	if err != nil {
		return consent.Grant{}, err
	}
	if len(rows) == 0 {
		return consent.Grant{}, consent.ErrNotFound
	}
	return gather(rows)[0], nil
}

// gather joins the rows of each grant, which come one after the other.
func gather(rows []consent.Grant) []consent.Grant {
	var grants []consent.Grant
	for _, r := range rows {
		n := len(grants) - 1
		if n < 0 || grants[n].Client != r.Client {
			grants = append(grants, r)
			continue
		}
		g := &grants[n]
		g.Scopes = append(g.Scopes, r.Scopes...)
		if r.Created.Before(g.Created) {
			g.Created = r.Created
		}
		if r.Updated.After(g.Updated) {
			g.Updated = r.Updated
		}
	}
	return grants
}

// AddScopes adds to the grant. Scopes that are allowed already stay as they are.
func (s *Store) AddScopes(ctx context.Context, subject, client string, scopes []string, now time.Time) error {
	rows := slices.Compact(slices.Sorted(slices.Values(append([]string{anyScope}, scopes...))))
	args := []any{subject, client, micros(now)}
	var values []string
	for _, scope := range rows {
		args = append(args, scope)
		values = append(values, fmt.Sprintf("($1, $2, $%d, $3)", len(args)))
	}
	return s.exec(ctx, nil, `INSERT INTO consent (`+grantColumns+`) VALUES `+strings.Join(values, ", ")+`
		ON CONFLICT (subject, client, scope) DO NOTHING`, args...)
}

// DeleteGrant removes the grant, or fails with consent.ErrNotFound.
func (s *Store) DeleteGrant(ctx context.Context, subject, client string) error {
	return s.exec(ctx, consent.ErrNotFound, `DELETE FROM consent WHERE subject = $1 AND client = $2`, subject, client)
}

// Grants returns what the subject allowed, by client id.
func (s *Store) Grants(ctx context.Context, subject string) ([]consent.Grant, error) {
	rows, err := all(ctx, s, scanGrant, `SELECT `+grantColumns+` FROM consent WHERE subject = $1 ORDER BY client, scope`, subject)
	return gather(rows), err
}
