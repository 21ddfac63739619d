package step

import (
	"context"
	"errors"
	"reflect"
	"time"

	"vestibule/provider/audit"
	"vestibule/web/account"
)

// recorder writes the log of the Store, if that keeps one, and has the host's Recorder hear the same.
func (c Config) recorder() audit.Recorder {
	events, ok := c.Store.(audit.Store)
	switch {
	case ok && c.Recorder != nil:
		return &audit.Log{Store: events, Now: c.Now, Hooks: []audit.Hook{c.Recorder.Record}}
	case ok:
		return &audit.Log{Store: events, Now: c.Now}
	case c.Recorder != nil:
		return timed{c.Recorder, c.Now}
	}
	return audit.NopRecorder{}
}

// timed tells the host when an event was, where no log has noted that.
type timed struct {
	audit.Recorder
	now func() time.Time
}

// Record implements audit.Recorder.
func (t timed) Record(ctx context.Context, e audit.Event) error {
	e.Time = t.now()
	return t.Recorder.Record(ctx, e)
}

// checkLog refuses what would leave users without the list of what happened, or write it twice.
func (c Config) checkLog() error {
	_, shows := c.Store.(account.Activity)
	events, keeps := c.Store.(audit.Store)
	own, isLog := c.Recorder.(*audit.Log)
	switch {
	case shows && !keeps && c.Recorder == nil:
		return errors.New("step: Store shows users what happened, and is no audit.Store that keeps it: Recorder must be set")
	case keeps && (same(c.Recorder, c.Store) || isLog && same(own.Store, events)):
		return errors.New("step: Recorder must not write into Store, which keeps a log already")
	}
	return nil
}

// same reports whether both are one thing.
func same(a, b any) bool {
	return a != nil && b != nil && reflect.TypeOf(a).Comparable() && a == b
}
