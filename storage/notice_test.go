package storage_test

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
	"vestibule/storage"
)

func notice(id string, due time.Time) storage.Notice {
	return storage.Notice{
		Event: audit.Event{
			ID: id, Time: noon, Kind: audit.EventFactorAdded, Subject: "alice", Address: "192.0.2.7", Actor: "cli:0",
			Detail: map[string]string{"name": "Phone\nX: y"},
		},
		Recipient: "old@example.com", Due: due,
	}
}

func dueNotices(t *testing.T, s *storage.Store, now time.Time) []storage.Notice {
	t.Helper()
	found, err := s.DueNotices(t.Context(), now, 10)
	must(t, err)
	return found
}

func TestNotices(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		ctx := t.Context()
		late, early := notice("late", noon.Add(time.Minute)), notice("early", noon)
		must(t, s.AddNotice(ctx, late))
		must(t, s.AddNotice(ctx, early))
		if got, want := dueNotices(t, s, noon), []storage.Notice{early}; !reflect.DeepEqual(got, want) {
			t.Errorf("DueNotices at noon = %+v, want %+v", got, want)
		}
		if got, want := dueNotices(t, s, noon.Add(time.Hour)), []storage.Notice{early, late}; !reflect.DeepEqual(got, want) {
			t.Errorf("DueNotices later = %+v, want %+v", got, want)
		}
		if got, err := s.DueNotices(ctx, noon.Add(time.Hour), 1); err != nil || len(got) != 1 {
			t.Errorf("one of them = %+v, %v", got, err)
		}
		must(t, s.MoveNotice(ctx, "early", noon, noon.Add(time.Hour)))
		if got := dueNotices(t, s, noon); len(got) != 0 {
			t.Errorf("a moved notice is still due: %+v", got)
		}
		must(t, s.DeleteNotice(ctx, "early"))
		if err := s.MoveNotice(ctx, "early", noon.Add(time.Hour), noon); !errors.Is(err, store.ErrConflict) {
			t.Errorf("move one that is gone: %v, want %v", err, store.ErrConflict)
		}
	})
}

// Of all that try at once one has the notice.
func TestNoticeIsTakenOnce(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.AddNotice(t.Context(), notice("n", noon)))
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
	})
}

// A notice is part of the commit of what it tells of.
func TestNoticeIsInTheCommit(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		broken := errors.New("broken")
		err := s.Atomic(t.Context(), func(ctx context.Context) error {
			must(t, s.AddNotice(ctx, notice("n", noon)))
			return broken
		})
		if got := dueNotices(t, s, noon); !errors.Is(err, broken) || len(got) != 0 {
			t.Errorf("after %v there are %+v, want none", err, got)
		}
	})
}

// What no server has sent in days is forgotten.
func TestPurgeOfNotices(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.AddNotice(t.Context(), notice("n", noon)))
		if got := purge(t, s, noon.Add(4*day)); got != 0 {
			t.Errorf("Purge after four days = %d, want 0", got)
		}
		if got := purge(t, s, noon.Add(4*day+time.Second)); got != 1 {
			t.Errorf("Purge after more = %d, want 1", got)
		}
	})
}
