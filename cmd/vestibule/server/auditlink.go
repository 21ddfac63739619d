package server

import (
	"context"
	"errors"

	"vestibule/provider/store"
	"vestibule/storage"
)

// lostOften is how many times in a row another process may be faster. More cannot be chance: somebody has put an event
// in where the next one belongs.
const lostOften = 60

// linker puts new events into the chain. Sign-ins do not wait for it, and when it fails they go on: the events are
// recorded and wait.
type linker struct {
	server  *Server
	lost    int // times in a row that another process was faster
	failing bool
}

// link tells of a failure once, and not every second until the database is back.
func (l *linker) link(ctx context.Context) error {
	err := LinkAudit(ctx, l.server.store)
	switch conflict := errors.Is(err, store.ErrConflict); {
	case ctx.Err() != nil:
		return nil
	case conflict && l.lost < lostOften:
		l.lost++
		return nil
	case conflict:
		l.server.log.ErrorContext(ctx, "audit: events cannot be linked; run vestibule audit verify")
	case err != nil && !l.failing:
		l.server.log.ErrorContext(ctx, "audit: link events", "error", err)
	}
	l.lost, l.failing = 0, err != nil
	return nil
}

// linkRest links what the last requests have left, when the server has stopped.
func (s *Server) linkRest() {
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if err := LinkAudit(ctx, s.store); err != nil && !errors.Is(err, store.ErrConflict) {
		s.log.ErrorContext(ctx, "audit: link the last events", "error", err)
	}
}

// LinkAudit puts all events that wait into the chain. store.ErrConflict: another process is at it.
func LinkAudit(ctx context.Context, db *storage.Store) error {
	for {
		if n, err := db.LinkAudit(ctx); err != nil || n < storage.LinkBatch {
			return err
		}
	}
}
