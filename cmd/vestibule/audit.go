package main

import (
	"context"
	"time"

	"vestibule/provider"
	"vestibule/storage"
)

// auditor is where all events of the program come together: each goes into the audit log, in the commit of what
// it records.
type auditor struct {
	store *storage.Store
	now   func() time.Time
	actor string // of a command; empty in the server
}

// Record implements provider.Recorder.
func (r *auditor) Record(ctx context.Context, e provider.Event) error {
	if e.Time.IsZero() {
		e.Time = r.now()
	}
	if e.Actor == "" {
		e.Actor = r.actor
	}
	if id, ok := ctx.Value(requestKey{}).(string); ok {
		e.Request = id
	}
	return r.store.Record(ctx, e)
}
