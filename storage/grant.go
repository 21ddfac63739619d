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

// sameClient is true of a row whose client still is the registration that the user saw. A client that is none of ours
// has the empty one.
const sameClient = `registration = COALESCE((SELECT c.registration FROM client c WHERE c.id = consent.client), '')`

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
		WHERE subject = $1 AND client = $2 AND `+sameClient+` ORDER BY scope`, subject, client)
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

// AddScopes adds to the grant, for the client as it is registered at the commit. Scopes that are allowed already stay as
// they are; those of a client that had the id before are replaced.
func (s *Store) AddScopes(ctx context.Context, subject, client string, scopes []string, now time.Time) error {
	rows := withAnyScope(scopes)
	const registration = `COALESCE((SELECT registration FROM client WHERE id = $2), '')`
	args := []any{subject, client, micros(now)}
	var values []string
	for _, scope := range rows {
		args = append(args, scope)
		values = append(values, fmt.Sprintf("($1, $2, $%d, $3, %s)", len(args), registration))
	}
	return s.exec(ctx, nil, `INSERT INTO consent (`+grantColumns+`, registration) VALUES `+strings.Join(values, ", ")+`
		ON CONFLICT (subject, client, scope) DO UPDATE SET registration = excluded.registration, created_at = excluded.created_at
			WHERE consent.registration <> excluded.registration`, args...)
}

// DeleteGrant removes the grant, and ends the codes and tokens that the subject's sign-ins gave the client, or fails with
// consent.ErrNotFound. A sign-in under way that counts on the grant rests on the account, so that it comes before this, or
// finds the grant gone.
func (s *Store) DeleteGrant(ctx context.Context, subject, client string) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.lockAccount(ctx, subject); err != nil {
			return err
		}
		err := s.exec(ctx, consent.ErrNotFound, `DELETE FROM consent WHERE subject = $1 AND client = $2 AND `+sameClient, subject, client)
		if err != nil {
			return err
		}
		return s.revoke(ctx, `subject = $1 AND client = $2`, subject, client)
	})
}

// RequireGrant makes the commit of ctx rest on the grant: consent.ErrNotFound, and nothing of the commit, unless the client
// is allowed all of the scopes.
func (s *Store) RequireGrant(ctx context.Context, subject, client string, scopes []string) error {
	rows := withAnyScope(scopes)
	args := []any{subject, client, len(rows)}
	for _, scope := range rows {
		args = append(args, scope)
	}
	return s.exec(ctx, consent.ErrNotFound, `SELECT 1 FROM consent
		WHERE subject = $1 AND client = $2 AND scope IN `+places(3, len(rows))+` AND `+sameClient+`
		GROUP BY subject HAVING count(*) = $3`, args...)
}

// withAnyScope is the rows of a grant of these scopes.
func withAnyScope(scopes []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(append([]string{anyScope}, scopes...))))
}

// Grants returns what the subject allowed, by client id.
func (s *Store) Grants(ctx context.Context, subject string) ([]consent.Grant, error) {
	rows, err := all(ctx, s, scanGrant, `SELECT `+grantColumns+` FROM consent
		WHERE subject = $1 AND `+sameClient+` ORDER BY client, scope`, subject)
	return gather(rows), err
}
