package storage

import (
	"context"
	"encoding/json"
	"strings"

	"vestibule/provider"
)

const clientColumns = `id, name, public, secret_hash, redirect_uris, scopes, id_token_alg, created_at, updated_at`

func scanClient(r row) (provider.Client, error) {
	var c provider.Client
	var uris, scopes string
	var created, updated int64
	err := r.Scan(&c.ID, &c.Name, &c.Public, &c.SecretHash, &uris, &scopes, &c.IDTokenAlg, &created, &updated)
	if err != nil {
		return c, err
	}
	c.Scopes = strings.Fields(scopes)
	c.Created, c.Updated = instant(created), instant(updated)
	return c, json.Unmarshal([]byte(uris), &c.RedirectURIs)
}

// Client returns the client, or provider.ErrNotFound.
func (s *Store) Client(ctx context.Context, id string) (provider.Client, error) {
	return one(ctx, s, scanClient, `SELECT `+clientColumns+` FROM client WHERE id = $1`, id)
}

// Clients returns all clients by id.
func (s *Store) Clients(ctx context.Context) ([]provider.Client, error) {
	return all(ctx, s, scanClient, `SELECT `+clientColumns+` FROM client ORDER BY id`)
}

// CreateClient inserts a client; provider.ErrConflict if its id is taken.
func (s *Store) CreateClient(ctx context.Context, c provider.Client) error {
	uris, err := json.Marshal(c.RedirectURIs)
	if err != nil {
		return err
	}
	return s.exec(ctx, provider.ErrConflict, `INSERT INTO client (`+clientColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		c.ID, c.Name, c.Public, c.SecretHash, string(uris), strings.Join(c.Scopes, " "), c.IDTokenAlg,
		micros(c.Created), micros(c.Updated))
}

// DeleteClient removes a client; its codes, tokens and consents end in the same commit, so that a new
// client of the same name inherits nothing. provider.ErrNotFound if there is no such client.
func (s *Store) DeleteClient(ctx context.Context, id string) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.exec(ctx, provider.ErrNotFound, `DELETE FROM client WHERE id = $1`, id); err != nil {
			return err
		}
		if err := s.exec(ctx, nil, `DELETE FROM consent WHERE client = $1`, id); err != nil {
			return err
		}
		return s.revoke(ctx, `client = $1`, id)
	})
}
