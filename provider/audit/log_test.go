package audit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"vestibule/provider/audit"
	"vestibule/storage"
	"vestibule/storage/storagetest"
)

// Hooks are in the commit of the event, and complete it is what they get.
func TestHooks(t *testing.T) {
	t.Parallel()
	storagetest.Each(t, func(t *testing.T, db *storage.Store) {
		var got []audit.Event
		broken := errors.New("broken")
		r := &audit.Log{Store: db, Now: time.Now, Actor: "cli:7", Request: func(context.Context) string { return "request" }, Hooks: []audit.Hook{
			func(_ context.Context, e audit.Event) error {
				got = append(got, e)
				return nil
			},
			func(_ context.Context, e audit.Event) error {
				if e.Kind == audit.EventAdminUnlocked {
					return broken
				}
				return nil
			},
		}}
		ctx := t.Context()
		if err := r.Record(ctx, audit.Event{Kind: audit.EventAdminUserCreated, Outcome: audit.OutcomeOK}); err != nil {
			t.Fatal(err)
		}
		if e := got[0]; e.ID == "" || e.Time.IsZero() || e.Actor != "cli:7" || e.Request != "request" {
			t.Errorf("the hook gets %+v", e)
		}
		if err := r.Record(ctx, audit.Event{Kind: audit.EventAdminUnlocked, Outcome: audit.OutcomeOK}); !errors.Is(err, broken) {
			t.Errorf("Record = %v, want the error of the hook", err)
		}
		events, err := db.AuditEvents(t.Context(), storage.AuditFilter{}, 10)
		if err != nil || len(events) != 1 || events[0].Kind != audit.EventAdminUserCreated || events[0].ID != got[0].ID {
			t.Errorf("the log has %+v (%v), want the first event only", events, err)
		}
	})
}
