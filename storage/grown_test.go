//go:build grown

package storage_test

import (
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"vestibule/storage"
	"vestibule/storage/storagetest"
)

// Run it with
//
//	go test -tags grown -run TestGrown -timeout 2h -v ./storage
//
// on a machine that does nothing else. It fills every table that grows, prints how long each batch of the clean-up takes
// while PostgreSQL plans without looking at the arguments, and what it takes to link and verify the audit log. It fails
// where the plan of a batch, before or after half of the table has gone, is to read it from end to end.
func TestGrown(t *testing.T) {
	rows := 1_000_000
	if set := os.Getenv("VESTIBULE_TEST_ROWS"); set != "" {
		var err error
		rows, err = strconv.Atoi(set)
		must(t, err)
	}
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		s := storagetest.Open(t, generic(dsn))
		must(t, s.Migrate(t.Context()))
		for _, statement := range manyRows {
			fillRows(t, s, statement, rows)
		}
		plan := planner(t, s, dsn)
		for _, p := range s.PurgeTexts() {
			t.Run(strings.Join(strings.Fields(p)[:3], " "), func(t *testing.T) {
				looksAtOneBatch(t, p, plan(p, rows/2, 0))
				purgeHalf(t, s, p, int64(rows)/2)
				looksAtOneBatch(t, p, plan(p, rows/2, 0)) // with half of the rows gone
			})
		}
		grownAudit(t, s)
	})
}

// generic has PostgreSQL take the plan that it would take after some runs.
func generic(dsn string) string {
	if strings.HasPrefix(dsn, "sqlite:") {
		return dsn
	}
	return dsn + "&plan_cache_mode=force_generic_plan"
}

// purgeHalf clears half of a table away, and prints the times of its batches.
func purgeHalf(t *testing.T, s *storage.Store, query string, until int64) {
	var times []time.Duration
	for from := int64(math.MinInt64); ; {
		began := time.Now()
		n, last, err := s.PurgeBatchOf(t.Context(), query, until, from)
		must(t, err)
		times = append(times, time.Since(began))
		if n < storage.PurgeBatch {
			break
		}
		from = last
	}
	slices.Sort(times)
	t.Logf("%d batches: median %v, p99 %v, longest %v", len(times), times[len(times)/2], times[len(times)*99/100], times[len(times)-1])
}

func grownAudit(t *testing.T, s *storage.Store) {
	const events = 20_000
	began := time.Now()
	recorded(t, s, 0, events)
	t.Logf("recording an event, 50 in a commit: %v", time.Since(began)/events)
	began = time.Now()
	linked(t, s)
	t.Logf("linking one: %v", time.Since(began)/events)
	began = time.Now()
	report, err := s.VerifyAudit(t.Context(), nil)
	must(t, err)
	t.Logf("verifying one: %v", time.Since(began)/time.Duration(report.Checked))
}
