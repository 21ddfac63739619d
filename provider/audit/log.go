package audit

import (
	"context"
	"time"
)

// Log is where all events of a program come together: each goes into the store, in the commit of what it records.
type Log struct {
	Store   Store
	Now     func() time.Time
	Actor   string                           // who does all that names no other; empty: the user does
	Hooks   []Hook                           // what else becomes of an event
	Request func(ctx context.Context) string // the id of the HTTP request, or nothing; nil: there are none
	Failed  func()                           // told of each event that could not be recorded; nil: nobody is
}

// Store keeps events.
type Store interface {
	// Record keeps the event. Inside Atomic it is part of that commit.
	Record(ctx context.Context, e Event) error
	// NewEventID makes an id for an event of that time. Later ones sort higher.
	NewEventID(at time.Time) string
	// Atomic commits all that fn writes, or nothing.
	Atomic(ctx context.Context, fn func(context.Context) error) error
}

// Hook does more with an event that was recorded. What it writes with ctx is in the commit of the event; an error
// ends that commit. The event is complete: it has its id, time, actor and request.
type Hook func(ctx context.Context, e Event) error

var _ Recorder = (*Log)(nil)

// Record implements Recorder.
func (l *Log) Record(ctx context.Context, e Event) error {
	if e.Time.IsZero() {
		e.Time = l.Now()
	}
	if e.ID == "" {
		e.ID = l.Store.NewEventID(e.Time)
	}
	if e.Actor == "" {
		e.Actor = l.Actor
	}
	if l.Request != nil {
		e.Request = l.Request(ctx)
	}
	err := l.write(ctx, e)
	if err != nil && l.Failed != nil {
		l.Failed()
	}
	return err
}

// write runs the hooks in the commit of the event.
func (l *Log) write(ctx context.Context, e Event) error {
	if len(l.Hooks) == 0 {
		return l.Store.Record(ctx, e)
	}
	return l.Store.Atomic(ctx, func(ctx context.Context) error {
		if err := l.Store.Record(ctx, e); err != nil {
			return err
		}
		for _, h := range l.Hooks {
			if err := h(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}
