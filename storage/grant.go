package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"vestibule/consent"
)

const grantColumns = `subject, client, registration, scopes, created_at, updated_at`

// notGone is true of a consent whose client has not been removed here, in the commit that asks. Clients that are kept
// elsewhere never are: of those, whoever asks names the registration that there is now.
const notGone = `NOT EXISTS (SELECT 1 FROM gone_client g WHERE g.client = consent.client AND g.registration = consent.registration)`

func scanGrant(r row) (consent.Grant, error) {
	var subject, scopes string
	var client consent.Client
	var created, updated int64
	err := r.Scan(&subject, &client.ID, &client.Registration, &scopes, &created, &updated)
	return newGrant(subject, client, scopes, created, updated), err
}

func newGrant(subject string, client consent.Client, scopes string, created, updated int64) consent.Grant {
	g := consent.Grant{Subject: subject, Client: client, Scopes: wordsOf(scopes), Created: instant(created), Updated: instant(updated)}
	slices.Sort(g.Scopes)
	return g
}

const grantQuery = `SELECT ` + grantColumns + ` FROM consent
	WHERE subject = $1 AND client = $2 AND registration = $3 AND ` + notGone

// Grant returns what the subject allowed the client, or consent.ErrNotFound.
func (s *Store) Grant(ctx context.Context, subject string, client consent.Client) (consent.Grant, error) {
	return only(all(ctx, s, scanGrant, grantQuery, subject, client.ID, client.Registration))
}

// GrantAlong is Grant, asked along with what is asked next.
func (s *Store) GrantAlong(ctx context.Context, subject string, client consent.Client) (context.Context, func(context.Context) (consent.Grant, error)) {
	ctx, found := along(ctx, s, scanGrant, grantQuery, subject, client.ID, client.Registration)
	return ctx, func(ctx context.Context) (consent.Grant, error) { return only(found(ctx)) }
}

func only(found []consent.Grant, err error) (consent.Grant, error) {
	switch {
	case err != nil:
		return consent.Grant{}, err
	case len(found) == 0:
		return consent.Grant{}, consent.ErrNotFound
	}
	return found[0], nil
}

// scopesAtOnce is how many scopes one statement is about: each nests its text once more, which SQLite has an end to.
const scopesAtOnce = 50

// spaced are the scopes as a grant has them: each with a space of its own before and after it, so that to look for one, or to
// take it away, is to replace it, whatever characters it has.
func spaced(scopes []string) []string {
	var words []string
	for _, scope := range slices.Compact(slices.Sorted(slices.Values(scopes))) {
		if scope != "" {
			words = append(words, " "+scope+" ")
		}
	}
	return words
}

// AddScopes adds to the grant. Scopes that are allowed already stay as they are; those of another registration of the
// client go. All that write for the client at once wait for each other at its row, and each adds to what it finds there.
func (s *Store) AddScopes(ctx context.Context, subject string, client consent.Client, scopes []string, now time.Time) error {
	return s.withScopes(ctx, scopes, func(ctx context.Context, words []string) error {
		return s.addScopes(ctx, subject, client, words, now)
	})
}

// withScopes runs do for some scopes after the other, or for none, in one commit.
func (s *Store) withScopes(ctx context.Context, scopes []string, do func(ctx context.Context, words []string) error) error {
	words := spaced(scopes)
	return s.Atomic(ctx, func(ctx context.Context) error {
		for {
			some := words[:min(len(words), scopesAtOnce)]
			if err := do(ctx, some); err != nil {
				return err
			}
			if words = words[len(some):]; len(words) == 0 {
				return nil
			}
		}
	})
}

func (s *Store) addScopes(ctx context.Context, subject string, client consent.Client, words []string, now time.Time) error {
	args := append([]any{subject, client.ID, client.Registration, strings.Join(words, ""), micros(now)}, anys(words)...)
	others := `consent.scopes` // without those that are added
	for i := range words {
		others = fmt.Sprintf("replace(%s, $%d, '')", others, len(args)-len(words)+i+1)
	}
	return s.execApart(ctx, nil, `INSERT INTO consent (`+grantColumns+`) VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT (subject, client) DO UPDATE SET
			registration = excluded.registration, updated_at = excluded.updated_at,
			scopes = CASE WHEN consent.registration = excluded.registration THEN `+others+` || excluded.scopes ELSE excluded.scopes END,
			created_at = CASE WHEN consent.registration = excluded.registration THEN consent.created_at ELSE excluded.created_at END
		WHERE consent.registration <> excluded.registration OR length(`+others+` || excluded.scopes) > length(consent.scopes)`, args...)
}

// RequireGrant makes the commit of ctx rest on the grant: consent.ErrNotFound, and nothing of the commit, unless the client
// is allowed all of the scopes.
func (s *Store) RequireGrant(ctx context.Context, subject string, client consent.Client, scopes []string) error {
	return s.withScopes(ctx, scopes, func(ctx context.Context, words []string) error {
		return s.requireScopes(ctx, subject, client, words)
	})
}

func (s *Store) requireScopes(ctx context.Context, subject string, client consent.Client, words []string) error {
	args := append([]any{subject, client.ID, client.Registration}, anys(words)...)
	query := `SELECT 1 FROM consent WHERE subject = $1 AND client = $2 AND registration = $3 AND ` + notGone
	for i := range words {
		query += fmt.Sprintf(" AND replace(scopes, $%d, '') <> scopes", len(args)-len(words)+i+1)
	}
	return s.execApart(ctx, consent.ErrNotFound, query, args...)
}
