package main

import (
	"context"
	"errors"
	"time"

	"vestibule/provider/store"
	"vestibule/storage"
)

const (
	linkEvery = time.Second
	// lostOften is how many times in a row another process may be faster. More cannot be chance: somebody has
	// put an event in where the next one belongs.
	lostOften = 60
)

// link puts new events into the chain, every second. Sign-ins do not wait for it, and when it fails they go on: the
// events are recorded and wait.
func (a *app) link(ctx context.Context) error {
	lost, failing := 0, false
	return every(ctx, linkEvery, func() {
		err := linkAll(ctx, a.store)
		switch conflict := errors.Is(err, store.ErrConflict); {
		case ctx.Err() != nil:
			return
		case conflict && lost < lostOften:
			lost++
			return
		case conflict:
			a.log.ErrorContext(ctx, "audit: events cannot be linked; run vestibule audit verify")
		case err != nil && !failing: // once, and not every second until the database is back
			a.log.ErrorContext(ctx, "audit: link events", "error", err)
		}
		lost, failing = 0, err != nil
	})
}

// linkRest links what the last requests have left, when the server has stopped.
func (a *app) linkRest() {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if err := linkAll(ctx, a.store); err != nil && !errors.Is(err, store.ErrConflict) {
		a.log.ErrorContext(ctx, "audit: link the last events", "error", err)
	}
}

// linkAll links all that waits. store.ErrConflict: another process is at it.
func linkAll(ctx context.Context, db *storage.Store) error {
	for {
		if n, err := db.LinkAudit(ctx); err != nil || n < storage.LinkBatch {
			return err
		}
	}
}
