package storage

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/store"
)

const clientColumns = `id, registration, name, public, secret_hash, redirect_uris, scopes, id_token_alg, created_at, updated_at,
	two_steps, acr_names, resource_server, post_logout_redirect_uris, id_token_claims, response_types`

func scanClient(r row) (client.Client, error) {
	var c client.Client
	var uris, after, scopes, names, inIDToken, responses string
	var created, updated int64
	err := r.Scan(&c.ID, &c.Registration, &c.Name, &c.Public, &c.SecretHash, &uris, &scopes, &c.IDTokenAlg, &created, &updated,
		&c.TwoSteps, &names, &c.ResourceServer, &after, &inIDToken, &responses)
	if err != nil {
		return c, err
	}
	if names != "" {
		if err := json.Unmarshal([]byte(names), &c.ACRNames); err != nil {
			return c, fmt.Errorf("acr names of client %s: %w", c.ID, err)
		}
	}
	c.Scopes = strings.Fields(scopes)
	c.IDTokenClaims, c.ResponseTypes = wordsOf(inIDToken), wordsOf(responses)
	c.Created, c.Updated = instant(created), instant(updated)
	return c, errors.Join(json.Unmarshal([]byte(uris), &c.RedirectURIs), json.Unmarshal([]byte(after), &c.PostLogoutRedirectURIs))
}

// clientTexts are lists and structures of a client as columns hold them.
type clientTexts struct{ uris, afterLogout, scopes, names, inIDToken, responses string }

func textsOf(c client.Client) (clientTexts, error) {
	t := clientTexts{
		scopes: strings.Join(c.Scopes, " "), inIDToken: strings.Join(c.IDTokenClaims, " "), responses: strings.Join(c.ResponseTypes, " "),
	}
	uris, err := json.Marshal(c.RedirectURIs)
	if err != nil {
		return t, err
	}
	after, err := json.Marshal(c.PostLogoutRedirectURIs)
	if err != nil {
		return t, err
	}
	t.uris, t.afterLogout = string(uris), string(after)
	if len(c.ACRNames) == 0 {
		return t, nil
	}
	names, err := json.Marshal(c.ACRNames)
	t.names = string(names)
	return t, err
}

// Client returns the client, or store.ErrNotFound.
func (s *Store) Client(ctx context.Context, id string) (client.Client, error) {
	return one(ctx, s, scanClient, `SELECT `+clientColumns+` FROM client WHERE id = $1`, id)
}

// Clients returns all clients by id.
func (s *Store) Clients(ctx context.Context) ([]client.Client, error) {
	return all(ctx, s, scanClient, `SELECT `+clientColumns+` FROM client ORDER BY id`)
}

// CreateClient inserts a client, as a registration that never was before if it names none; store.ErrConflict if its
// id is taken.
func (s *Store) CreateClient(ctx context.Context, c client.Client) error {
	if c.Registration == "" {
		c.Registration = rand.Text()
	}
	t, err := textsOf(c)
	if err != nil {
		return err
	}
	return s.exec(ctx, store.ErrConflict, `INSERT INTO client (`+clientColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)`,
		c.ID, c.Registration, c.Name, c.Public, c.SecretHash, t.uris, t.scopes, c.IDTokenAlg,
		micros(c.Created), micros(c.Updated), c.TwoSteps, t.names, c.ResourceServer, t.afterLogout, t.inIDToken, t.responses)
}

// UpdateClient changes the name, redirect URIs, post-logout redirect URIs, scopes, two steps, acr names, ID token claims and
// response types of a client, if nobody changed it since was; store.ErrConflict if somebody did, or it is gone.
func (s *Store) UpdateClient(ctx context.Context, c client.Client, was time.Time) error {
	t, err := textsOf(c)
	if err != nil {
		return err
	}
	return s.exec(ctx, store.ErrConflict, `UPDATE client
		SET name = $2, redirect_uris = $3, scopes = $4, two_steps = $5, acr_names = $6, updated_at = $7,
			post_logout_redirect_uris = $9, id_token_claims = $10, response_types = $11
		WHERE id = $1 AND updated_at = $8`,
		c.ID, c.Name, t.uris, t.scopes, c.TwoSteps, t.names, micros(c.Updated), micros(was), t.afterLogout, t.inIDToken, t.responses)
}

// DeleteClient removes a client. Its codes, tokens and consents end in the same commit, for they are of a registration that
// is gone, and so is what somebody writes for it at that moment: worth nothing to a new client of the same id. Their rows
// follow with Purge. store.ErrNotFound if there is no such client.
func (s *Store) DeleteClient(ctx context.Context, id string, at time.Time) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		// Nothing is inserted while another process removes that registration: who has the id after that stays.
		err := s.exec(ctx, store.ErrNotFound, `INSERT INTO gone_client (client, registration, gone_at)
			SELECT id, registration, $2 FROM client WHERE id = $1
			ON CONFLICT (client, registration) DO NOTHING`, id, micros(at))
		if err != nil {
			return err
		}
		return s.exec(ctx, store.ErrNotFound, `DELETE FROM client WHERE id = $1`, id)
	})
}
