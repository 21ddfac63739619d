package main

import (
	"context"
	"time"

	"vestibule/provider/audit"
	"vestibule/storage"
)

// auditor is where all events of the program come together: each goes into the audit log, in the commit of what
// it records.
type auditor struct {
	store *storage.Store
	now   func() time.Time
	actor string // of a command; empty in the server
	hooks []hook // what else becomes of an event

	failed func() // told of each event that could not be recorded; nil: nobody is
}

// hook does more with an event that was recorded. What it writes with ctx is in the commit of the event; an error
// ends that commit. The event is complete: it has its id, time, actor and request.
type hook func(ctx context.Context, e audit.Event) error

// commandAuditor records what an operator does with a command.
func commandAuditor(db *storage.Store, now func() time.Time) *auditor {
	return &auditor{store: db, now: now, actor: actor(), hooks: []hook{noticeHook(db)}}
}

// Record implements audit.Recorder.
func (r *auditor) Record(ctx context.Context, e audit.Event) error {
	if e.Time.IsZero() {
		e.Time = r.now()
	}
	if e.ID == "" {
		e.ID = r.store.NewEventID(e.Time)
	}
	if e.Actor == "" {
		e.Actor = r.actor
	}
	if id, ok := ctx.Value(requestKey{}).(string); ok {
		e.Request = id
	}
	err := r.write(ctx, e)
	if err != nil && r.failed != nil {
		r.failed()
	}
	return err
}

// write runs the hooks in the commit of the event.
func (r *auditor) write(ctx context.Context, e audit.Event) error {
	if len(r.hooks) == 0 {
		return r.store.Record(ctx, e)
	}
	return r.store.Atomic(ctx, func(ctx context.Context) error {
		if err := r.store.Record(ctx, e); err != nil {
			return err
		}
		for _, h := range r.hooks {
			if err := h(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}
