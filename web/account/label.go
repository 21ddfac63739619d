package account

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"vestibule/provider/audit"
)

// The names of the apps on a page, all together. Whoever keeps the clients may be another server, and what the page is there
// for does not hang on it.
const (
	labelTime    = time.Second
	labelsAtOnce = 4 // questions
)

// labels are what people know the clients of the events by, each asked for once. A client goes by its id if it is gone, or if
// nobody says its name in time. The error is that nobody waits for the page any more.
func (s history) labels(ctx context.Context, events []audit.Event) (map[string]app, error) {
	asking, cancel := context.WithTimeout(ctx, labelTime)
	defer cancel()
	ids := clientsOf(events)
	apps := make([]app, len(ids))
	var group errgroup.Group
	group.SetLimit(labelsAtOnce)
	for i, id := range ids {
		group.Go(func() error {
			apps[i] = s.app(asking, id)
			return nil
		})
	}
	group.Wait()
	labels := make(map[string]app, len(ids))
	for i, id := range ids {
		labels[id] = apps[i]
	}
	return labels, ctx.Err()
}

// app is what a line says of a client.
type app struct {
	label   string // its name, or its id
	strange bool   // it has registered itself
}

func (s history) app(ctx context.Context, id string) app {
	c, err := s.Clients.Client(ctx, id)
	if err != nil {
		return app{label: id}
	}
	return app{c.Label(), c.IsStrange()}
}

// clientsOf are the ids of the clients that the events name, each once.
func clientsOf(events []audit.Event) []string {
	var ids []string
	seen := map[string]bool{"": true}
	for _, e := range events {
		if !seen[e.Client] {
			ids, seen[e.Client] = append(ids, e.Client), true
		}
	}
	return ids
}
