package storage_test

import (
	"testing"
	"time"

	"vestibule/provider/audit"
	"vestibule/storage"
	"vestibule/web/notice"
	"vestibule/web/notice/noticetest"
)

func TestOutbox(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		noticetest.TestOutbox(t, func(t *testing.T) noticetest.Outbox { return emptied(t, s, "notice") })
	})
}

// What no server has sent in days is forgotten.
func TestPurgeOfNotices(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.AddNotice(t.Context(), notice.Notice{
			Event: audit.Event{ID: "n", Time: noon, Kind: audit.EventFactorAdded, Subject: "alice"}, Due: noon,
		}))
		if got := purge(t, s, noon.Add(4*day)); got != 0 {
			t.Errorf("Purge after four days = %d, want 0", got)
		}
		if got := purge(t, s, noon.Add(4*day+time.Second)); got != 1 {
			t.Errorf("Purge after more = %d, want 1", got)
		}
	})
}
