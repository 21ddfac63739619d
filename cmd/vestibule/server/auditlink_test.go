package server

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"vestibule/config"
	"vestibule/provider/audit"
	"vestibule/storage/storagetest"
)

// With the server, events are linked within seconds, the last ones when it stops, and old ones go.
func TestServerLinks(t *testing.T) {
	t.Parallel()
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		db := storagetest.Open(t, dsn)
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		s := &Server{
			config: config.Config{AuditRetention: 24 * time.Hour}, store: db, log: slog.New(slog.DiscardHandler), now: func() time.Time { return now },
		}
		i := slices.IndexFunc(s.Jobs(), func(j Job) bool { return j.Name == "audit links" })
		job := s.Jobs()[i]
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- s.repeat(ctx, job) }()

		record := func(at time.Time) {
			t.Helper()
			if err := db.Record(t.Context(), audit.Event{Kind: audit.EventSignedOut, Outcome: audit.OutcomeOK, Time: at}); err != nil {
				t.Fatal(err)
			}
		}
		record(now.Add(-25 * time.Hour))
		record(now)
		deadline := time.Now().Add(20 * time.Second)
		for {
			report, err := db.VerifyAudit(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if report.Checked == 2 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("not linked: %+v", report)
			}
			time.Sleep(50 * time.Millisecond)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		record(now)
		s.linkRest()
		if n, err := s.clear(t.Context()); err != nil || n != 1 {
			t.Errorf("clear = %d, %v, want the old event", n, err)
		}
		report, err := db.VerifyAudit(t.Context(), nil)
		if err != nil || report.Checked != 3 || report.First.Place != 1 || report.Waiting != 0 {
			t.Errorf("%+v, %v, want two events behind place 1, and one that tells of it", report, err)
		}
	})
}
