// Package noticetest proves that an outbox keeps its contract.
package noticetest

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/web/notice"
)

// Outbox is a notice.Outbox with the unit of work that it is part of.
type Outbox interface {
	notice.Outbox
	Atomic(ctx context.Context, fn func(context.Context) error) error
}

// TestOutbox proves that what open returns, with no notice in it each time, keeps the contract of notice.Outbox.
func TestOutbox(t *testing.T, open func(t *testing.T) Outbox) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, Outbox)
	}{
		{"in turn", inTurn},
		{"taken once", takenOnce},
		{"in the commit", inTheCommit},
		{"nobody", nobody},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, open(t)) })
	}
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// waiting is a notice that has all that a notice can have.
func waiting(id string, due time.Time) notice.Notice {
	return notice.Notice{
		Event: audit.Event{
			ID: id, Time: noon, Kind: audit.EventFactorAdded, Subject: "alice", Address: "192.0.2.7", Actor: "cli:0",
			Detail: map[string]string{"name": "Phone\nX: y"},
		},
		Recipient: "old@example.com", Due: due,
	}
}

func due(t *testing.T, s Outbox, now time.Time) []notice.Notice {
	t.Helper()
	found, err := s.DueNotices(t.Context(), now, 10)
	must(t, err)
	return found
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func inTurn(t *testing.T, s Outbox) {
	ctx := t.Context()
	late, early := waiting("late", noon.Add(time.Minute)), waiting("early", noon)
	must(t, s.AddNotice(ctx, late))
	must(t, s.AddNotice(ctx, early))
	if got, want := due(t, s, noon), []notice.Notice{early}; !reflect.DeepEqual(got, want) {
		t.Errorf("DueNotices at noon = %+v, want %+v", got, want)
	}
	if got, want := due(t, s, noon.Add(time.Hour)), []notice.Notice{early, late}; !reflect.DeepEqual(got, want) {
		t.Errorf("DueNotices later = %+v, want %+v", got, want)
	}
	if got, err := s.DueNotices(ctx, noon.Add(time.Hour), 1); err != nil || len(got) != 1 {
		t.Errorf("one of them = %+v, %v", got, err)
	}
	must(t, s.MoveNotice(ctx, "early", noon, noon.Add(time.Hour)))
	if got := due(t, s, noon); len(got) != 0 {
		t.Errorf("a moved notice is still due: %+v", got)
	}
	must(t, s.DeleteNotice(ctx, "early"))
	if err := s.MoveNotice(ctx, "early", noon.Add(time.Hour), noon); !errors.Is(err, store.ErrConflict) {
		t.Errorf("move one that is gone: %v, want %v", err, store.ErrConflict)
	}
}

// Of all that try at once one has the notice.
func takenOnce(t *testing.T, s Outbox) {
	must(t, s.AddNotice(t.Context(), waiting("n", noon)))
	var taken atomic.Int64
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			switch err := s.MoveNotice(t.Context(), "n", noon, noon.Add(time.Minute*time.Duration(i+1))); {
			case err == nil:
				taken.Add(1)
			case !errors.Is(err, store.ErrConflict):
				t.Errorf("MoveNotice: %v", err)
			}
		})
	}
	group.Wait()
	if got := taken.Load(); got != 1 {
		t.Errorf("%d have taken it, want 1", got)
	}
}

// A notice is part of the commit of what it tells of.
func inTheCommit(t *testing.T, s Outbox) {
	broken := errors.New("broken")
	err := s.Atomic(t.Context(), func(ctx context.Context) error {
		must(t, s.AddNotice(ctx, waiting("n", noon)))
		return broken
	})
	if got := due(t, s, noon); !errors.Is(err, broken) || len(got) != 0 {
		t.Errorf("after %v there are %+v, want none", err, got)
	}
}

func nobody(t *testing.T, s Outbox) {
	if _, err := s.Account(t.Context(), "nobody"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Account of nobody: %v, want %v", err, store.ErrNotFound)
	}
}
