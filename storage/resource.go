package storage

import (
	"context"

	"vestibule/provider/client"
)

// ClientOf returns the API that is known by the resource, or store.ErrNotFound.
func (s *Store) ClientOf(ctx context.Context, resource string) (client.Client, error) {
	return one(ctx, s, scanClient, `SELECT `+clientColumns+` FROM client
		WHERE id = (SELECT client FROM resource WHERE uri = $1)`, resource)
}

// setResources has the API known by its resource URIs and by no others, in the commit that registers or changes it:
// *client.ResourceTaken, and nothing of the commit, if another API is known by one.
func (s *Store) setResources(ctx context.Context, c client.Client) error {
	for _, uri := range c.ResourceURIs {
		err := s.exec(ctx, &client.ResourceTaken{URI: uri}, `INSERT INTO resource (uri, client) VALUES ($1, $2)
			ON CONFLICT (uri) DO UPDATE SET client = excluded.client WHERE resource.client = excluded.client`, uri, c.ID)
		if err != nil {
			return err
		}
	}
	others := ""
	if len(c.ResourceURIs) > 0 {
		others = ` AND uri NOT IN ` + places(1, len(c.ResourceURIs))
	}
	return s.exec(ctx, nil, `DELETE FROM resource WHERE client = $1`+others, append([]any{c.ID}, anys(c.ResourceURIs)...)...)
}
