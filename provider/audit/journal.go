package audit

import (
	"context"

	"vestibule/provider/store"
)

// Journal is a Recorder that can also commit what it records together with what that tells of.
type Journal struct {
	Recorder
	Atomic store.Atomic
}

// RecordWith writes the events in one commit with do; nil: alone. What happened is recorded even if whoever has asked for
// it has gone away since. The store bounds how long that takes.
func (j Journal) RecordWith(ctx context.Context, events []Event, do func(context.Context) error) error {
	switch {
	case len(events) == 0 && do == nil:
		return nil
	case len(events) == 0:
		return do(ctx)
	}
	return j.Atomic(context.WithoutCancel(ctx), func(ctx context.Context) error {
		for _, e := range events {
			if err := j.Record(ctx, e); err != nil {
				return err
			}
		}
		if do == nil {
			return nil
		}
		return do(ctx)
	})
}
