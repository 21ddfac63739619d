package storage

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/store"
)

const clientColumns = `id, registration, secret_hash, previous_secrets, metadata, created_at, updated_at, management_hash`

func scanClient(r row) (client.Client, error) {
	var c client.Client
	var id, previous, metadata string
	var created, updated int64
	if err := r.Scan(&id, &c.Registration, &c.SecretHash, &previous, &metadata, &created, &updated, &c.ManagementHash); err != nil {
		return c, err
	}
	if err := json.Unmarshal([]byte(metadata), &c); err != nil {
		return c, fmt.Errorf("registration of client %s: %w", id, err)
	}
	if previous != "" {
		if err := json.Unmarshal([]byte(previous), &c.PreviousSecrets); err != nil {
			return c, fmt.Errorf("secrets of client %s: %w", id, err)
		}
	}
	c.ID, c.Created, c.Updated = id, instant(created), instant(updated)
	return c, nil
}

// clientTexts are the JSON of what a client registers, and of the secrets that it had before.
func clientTexts(c client.Client) (metadata, previous string, err error) {
	registered, err := json.Marshal(c)
	if err != nil || len(c.PreviousSecrets) == 0 {
		return string(registered), "", err
	}
	secrets, err := json.Marshal(c.PreviousSecrets)
	return string(registered), string(secrets), err
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
// id is taken, *client.ResourceTaken if that is so of a resource URI.
func (s *Store) CreateClient(ctx context.Context, c client.Client) error {
	if c.Registration == "" {
		c.Registration = rand.Text()
	}
	metadata, previous, err := clientTexts(c)
	if err != nil {
		return err
	}
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.exec(ctx, store.ErrConflict, `INSERT INTO client (`+clientColumns+`, hears_logouts, strange)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
			c.ID, c.Registration, c.SecretHash, previous, metadata, micros(c.Created), micros(c.Updated), c.ManagementHash, c.BackchannelLogoutURI != "", c.IsStrange())
		if err != nil {
			return err
		}
		return s.setResources(ctx, c)
	})
}

// UpdateClient replaces what a client registers and its secrets, if nobody changed it since was; store.ErrConflict if somebody
// did, or it is gone; *client.ResourceTaken as for CreateClient.
func (s *Store) UpdateClient(ctx context.Context, c client.Client, was time.Time) error {
	metadata, previous, err := clientTexts(c)
	if err != nil {
		return err
	}
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.exec(ctx, store.ErrConflict, `UPDATE client
			SET secret_hash = $2, previous_secrets = $3, metadata = $4, updated_at = $5, hears_logouts = $7, strange = $8, management_hash = $9
			WHERE id = $1 AND updated_at = $6`,
			c.ID, c.SecretHash, previous, metadata, micros(c.Updated), micros(was), c.BackchannelLogoutURI != "", c.IsStrange(), c.ManagementHash)
		if err != nil {
			return err
		}
		return s.setResources(ctx, c)
	})
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
