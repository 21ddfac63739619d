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

const grantColumns = `subject, client, registration, scope, created_at`

// notGone is true of a consent whose client has not been removed here, in the commit that asks. Clients that are kept
// elsewhere never are: of those, whoever asks names the registration that there is now.
const notGone = `NOT EXISTS (SELECT 1 FROM gone_client g WHERE g.client = consent.client AND g.registration = consent.registration)`

// scanGrant reads one row, which is one scope of a grant.
func scanGrant(r row) (consent.Grant, error) {
	var g consent.Grant
	var scope string
	var created int64
	err := r.Scan(&g.Subject, &g.Client.ID, &g.Client.Registration, &scope, &created)
	if scope != anyScope {
		g.Scopes = []string{scope}
	}
	g.Created, g.Updated = instant(created), instant(created)
	return g, err
}

const grantQuery = `SELECT ` + grantColumns + ` FROM consent
	WHERE subject = $1 AND client = $2 AND registration = $3 AND ` + notGone + ` ORDER BY scope`

// Grant returns what the subject allowed the client, or consent.ErrNotFound.
func (s *Store) Grant(ctx context.Context, subject string, client consent.Client) (consent.Grant, error) {
	return only(all(ctx, s, scanGrant, grantQuery, subject, client.ID, client.Registration))
}

// GrantAlong is Grant, asked along with what is asked next.
func (s *Store) GrantAlong(ctx context.Context, subject string, client consent.Client) (context.Context, func(context.Context) (consent.Grant, error)) {
	ctx, found := along(ctx, s, scanGrant, grantQuery, subject, client.ID, client.Registration)
	return ctx, func(ctx context.Context) (consent.Grant, error) { return only(found(ctx)) }
}

// only is the grant that all the rows are of.
func only(rows []consent.Grant, err error) (consent.Grant, error) {
	switch {
	case err != nil:
		return consent.Grant{}, err
	case len(rows) == 0:
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

// AddScopes adds to the grant. Scopes that are allowed already stay as they are; those of another registration of the
// client go. All that write for the client at once meet at the row of anyScope, which comes first.
func (s *Store) AddScopes(ctx context.Context, subject string, client consent.Client, scopes []string, now time.Time) error {
	args := []any{subject, client.ID, client.Registration, micros(now)}
	var values []string
	for _, scope := range withAnyScope(scopes) {
		args = append(args, scope)
		values = append(values, fmt.Sprintf("($1, $2, $3, $%d, $4)", len(args)))
	}
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.execApart(ctx, nil, `INSERT INTO consent (`+grantColumns+`) VALUES `+strings.Join(values, ", ")+`
			ON CONFLICT (subject, client, scope) DO UPDATE SET registration = excluded.registration, created_at = excluded.created_at
				WHERE consent.registration <> excluded.registration`, args...)
		if err != nil {
			return err
		}
		return s.exec(ctx, nil, `DELETE FROM consent WHERE subject = $1 AND client = $2 AND registration <> $3`,
			subject, client.ID, client.Registration)
	})
}

// DeleteGrant removes the grant, and ends the codes and tokens that the subject's sign-ins gave the client, or fails with
// consent.ErrNotFound. A sign-in under way that counts on the grant rests on the account, so that it comes before this, or
// finds the grant gone.
func (s *Store) DeleteGrant(ctx context.Context, subject, id string) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.lockAccount(ctx, subject); err != nil {
			return err
		}
		err := s.exec(ctx, consent.ErrNotFound, `DELETE FROM consent WHERE subject = $1 AND client = $2 AND `+notGone, subject, id)
		if err != nil {
			return err
		}
		return s.revoke(ctx, `subject = $1 AND client = $2`, subject, id)
	})
}

// RequireGrant makes the commit of ctx rest on the grant: consent.ErrNotFound, and nothing of the commit, unless the client
// is allowed all of the scopes.
func (s *Store) RequireGrant(ctx context.Context, subject string, client consent.Client, scopes []string) error {
	rows := withAnyScope(scopes)
	args := []any{subject, client.ID, client.Registration, len(rows)}
	for _, scope := range rows {
		args = append(args, scope)
	}
	return s.exec(ctx, consent.ErrNotFound, `SELECT 1 FROM consent
		WHERE subject = $1 AND client = $2 AND registration = $3 AND scope IN `+places(4, len(rows))+` AND `+notGone+`
		GROUP BY subject HAVING count(*) = $4`, args...)
}

// withAnyScope is the rows of a grant of these scopes.
func withAnyScope(scopes []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(append([]string{anyScope}, scopes...))))
}

// Grants returns what the subject allowed, by client id.
func (s *Store) Grants(ctx context.Context, subject string) ([]consent.Grant, error) {
	rows, err := all(ctx, s, scanGrant, `SELECT `+grantColumns+` FROM consent
		WHERE subject = $1 AND `+notGone+` ORDER BY client, scope`, subject)
	return gather(rows), err
}
