package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"vestibule/provider/audit"
	"vestibule/provider/client"
	"vestibule/provider/store"
)

// The registrations of the apps on a page, all together. Whoever keeps the clients may be another server, and what the page is
// there for does not hang on it.
const (
	clientTime    = time.Second
	clientsAtOnce = 4 // questions
)

// readClient is a client as it is registered now or, where that could not be read in time, its id and why.
type readClient struct {
	client.Client
	err error
}

// isOver reports whether what was allowed to that registration of the client is worth nothing any more. Of one that could not be
// read nobody knows.
func (c readClient) isOver(registration string) bool {
	return errors.Is(c.err, store.ErrNotFound) || c.err == nil && c.Registration != registration
}

// clients are those with the ids, each of which is asked for once. The error is that nobody waits for the page any more.
func (s history) clients(ctx context.Context, ids []string) (map[string]readClient, error) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	asking, cancel := context.WithTimeout(ctx, clientTime)
	defer cancel()
	read := make([]readClient, len(ids))
	var group errgroup.Group
	group.SetLimit(clientsAtOnce)
	for i, id := range ids {
		group.Go(func() error {
			read[i] = s.client(asking, id)
			return nil
		})
	}
	group.Wait()
	byID := make(map[string]readClient, len(ids))
	for i, id := range ids {
		byID[id] = read[i]
	}
	return byID, ctx.Err()
}

func (s history) client(ctx context.Context, id string) readClient {
	c, err := s.Clients.Client(ctx, id)
	if err != nil {
		c = client.Client{ID: id}
	}
	return readClient{c, err}
}

// clientsOf are the ids of the clients that the events name.
func clientsOf(events []audit.Event) []string {
	var ids []string
	for _, e := range events {
		if e.Client != "" {
			ids = append(ids, e.Client)
		}
	}
	return ids
}
