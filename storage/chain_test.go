package storage_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vestibule/provider/assurance"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/storage/storagetest"
)

// later is when old events are cleared away.
var later = noon.Add(24 * time.Hour)

// happened is the i-th event of a test, a second after the one before.
func happened(i int) audit.Event {
	return audit.Event{
		Time: noon.Add(time.Duration(i) * time.Second), Kind: audit.EventPassword, Outcome: audit.OutcomeOK,
		Subject: "alice", Client: "shop", Session: "sid", Address: "192.0.2.1", Method: assurance.MethodPassword,
		Request: fmt.Sprintf("request %d", i), Detail: map[string]string{"left": "3", "name": "<Phone>"},
	}
}

// recorded writes events of the numbers from up to and without to.
func recorded(t *testing.T, s *storage.Store, from, to int) {
	t.Helper()
	for ; from < to; from += 50 {
		must(t, record(t, s, from, min(from+50, to)))
	}
}

// record writes them in one commit.
func record(t *testing.T, s *storage.Store, from, to int) error {
	return s.Atomic(t.Context(), func(ctx context.Context) error {
		for i := from; i < to; i++ {
			if err := s.Record(ctx, happened(i)); err != nil {
				return err
			}
		}
		return nil
	})
}

// linked links all that waits.
func linked(t *testing.T, s *storage.Store) (n int) {
	t.Helper()
	for {
		got, err := s.LinkAudit(t.Context())
		must(t, err)
		n += got
		if got < storage.LinkBatch {
			return n
		}
	}
}

func head(t *testing.T, s *storage.Store) audit.Head {
	t.Helper()
	h, err := s.AuditHead(t.Context())
	must(t, err)
	return h
}

// change is what somebody does who has the database.
func change(t *testing.T, s *storage.Store, query string, args ...any) {
	t.Helper()
	must(t, s.Exec(t.Context(), store.ErrNotFound, query, args...))
}

func TestLinkAudit(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		report, err := s.VerifyAudit(t.Context(), nil)
		if err != nil || report.Checked != 0 || report.Last.Place != 0 {
			t.Errorf("an empty log: %+v, %v", report, err)
		}
		recorded(t, s, 0, 3)
		report, err = s.VerifyAudit(t.Context(), nil)
		if err != nil || report.Waiting != 3 || !report.Oldest.Equal(noon) {
			t.Errorf("before linking: %+v, %v, want 3 that wait since noon", report, err)
		}
		if n := linked(t, s); n != 3 {
			t.Errorf("%d were linked, want 3", n)
		}
		if n := linked(t, s); n != 0 {
			t.Errorf("%d were linked again, want none", n)
		}
		// One that was committed late comes behind newer ones.
		recorded(t, s, -5, -4)
		linked(t, s)
		var times []time.Time
		must(t, s.EachAudit(t.Context(), func(r audit.Recorded) error {
			times = append(times, r.Time)
			return nil
		}))
		if len(times) != 4 || !times[3].Equal(noon.Add(-5*time.Second)) {
			t.Errorf("the chain is %v, want the late event at its end", times)
		}
		report, err = s.VerifyAudit(t.Context(), nil)
		if err != nil || report.Checked != 4 || report.Waiting != 0 || report.Last.Place != 4 {
			t.Errorf("after linking: %+v, %v, want 4 in order", report, err)
		}
	})
}

// The hash is what docs/audit.md says, computed here from nothing but what the log gives out.
func TestHashOfEvents(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		recorded(t, s, 0, 4)
		linked(t, s)
		before := make([]byte, 32)
		must(t, s.EachAudit(t.Context(), func(r audit.Recorded) error {
			var b bytes.Buffer
			number := func(n int) { binary.Write(&b, binary.BigEndian, uint64(n)) }
			b.WriteString("vestibule audit 1\n")
			number(int(r.Place))
			b.Write(before)
			number(int(r.Time.UnixMicro()))
			for _, text := range []string{r.ID, r.Kind, r.Outcome, r.Subject, r.Client, r.Session, r.Address, r.Actor, r.Method, r.Request, r.Text} {
				number(len(text))
				b.WriteString(text)
			}
			sum := sha256.Sum256(b.Bytes())
			if !bytes.Equal(r.Hash, sum[:]) {
				t.Errorf("the hash at place %d is %x, want %x", r.Place, r.Hash, sum)
			}
			before = sum[:]
			return nil
		}))
		if got := head(t, s); got.Place != 4 || !bytes.Equal(got.Hash, before) {
			t.Errorf("the head is %v, want 4:%x", got, before)
		}
	})
}

// at is the event at a place of the chain.
func at(t *testing.T, s *storage.Store, place int64) (found audit.Recorded) {
	t.Helper()
	must(t, s.EachAudit(t.Context(), func(r audit.Recorded) error {
		if r.Place == place {
			found = r
		}
		return nil
	}))
	if found.ID == "" {
		t.Fatalf("there is no event at place %d", place)
	}
	return found
}

// changeAt changes the event at a place, or removes it.
func changeAt(t *testing.T, s *storage.Store, place int64, query string) {
	t.Helper()
	change(t, s, query+` WHERE id = $1`, at(t, s, place).ID)
}

// deleteEvents deletes those of the places from first to last.
func deleteEvents(t *testing.T, s *storage.Store, first, last int64) {
	t.Helper()
	must(t, s.EachAudit(t.Context(), func(r audit.Recorded) error {
		if r.Place < first || r.Place > last {
			return nil
		}
		return s.Exec(t.Context(), store.ErrNotFound, `DELETE FROM audit WHERE id = $1`, r.ID)
	}))
}

// unlisted records one more event, which nothing but its row tells of: it does not wait.
func unlisted(t *testing.T, s *storage.Store) (id string) {
	t.Helper()
	recorded(t, s, 5000, 5001)
	got, err := s.Row(t.Context(), 1, `SELECT id FROM audit_waiting`)
	must(t, err)
	change(t, s, `DELETE FROM audit_waiting`)
	return got[0]
}

// insertLink puts one more event into the chain, with the hash of another.
func insertLink(t *testing.T, s *storage.Store, place int) {
	t.Helper()
	id := unlisted(t, s)
	change(t, s, `INSERT INTO audit_link (place, newest, ids, hashes) SELECT $1, $2, $2, hash FROM audit_chain WHERE name = 'last'`, place, id)
}

// cut takes an event out of a link, and its hash.
func cut(ids []string, hashes []byte, i int) ([]string, []byte) {
	return slices.Delete(ids, i, i+1), slices.Delete(hashes, 32*i, 32*i+32)
}

// Whoever has the database can change it, but not so that nobody sees it. The links end at the places 200, 400, 520 and 540.
func TestVerifyFinds(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tamper func(t *testing.T, s *storage.Store)
		want   int64 // the first place that is wrong
	}{
		{"changed outcome", func(t *testing.T, s *storage.Store) {
			changeAt(t, s, 505, `UPDATE audit SET outcome = 'failed'`)
		}, 505},
		{"changed time", func(t *testing.T, s *storage.Store) {
			changeAt(t, s, 2, `UPDATE audit SET created_at = created_at + 1`)
		}, 2},
		{"changed id", func(t *testing.T, s *storage.Store) {
			changeAt(t, s, 9, `UPDATE audit SET id = 'other'`)
		}, 9},
		{"changed id, in the link too", func(t *testing.T, s *storage.Store) {
			changeAt(t, s, 9, `UPDATE audit SET id = 'other'`)
			must(t, s.ChangeLink(t.Context(), 9, func(last int64, ids []string, hashes []byte) (int64, []string, []byte) {
				ids[8] = "other"
				return last, ids, hashes
			}))
		}, 9},
		{"detail that is no JSON", func(t *testing.T, s *storage.Store) {
			changeAt(t, s, 9, `UPDATE audit SET detail = 'other'`)
		}, 9},
		{"text moved to the next column", func(t *testing.T, s *storage.Store) {
			changeAt(t, s, 5, `UPDATE audit SET subject = 'alices', client = 'hop'`)
		}, 5},
		{"changed hash", func(t *testing.T, s *storage.Store) {
			must(t, s.ChangeLink(t.Context(), 5, func(last int64, ids []string, hashes []byte) (int64, []string, []byte) {
				hashes[4*32]++
				return last, ids, hashes
			}))
		}, 5},
		{"too few hashes", func(t *testing.T, s *storage.Store) {
			must(t, s.ChangeLink(t.Context(), 5, func(last int64, ids []string, hashes []byte) (int64, []string, []byte) {
				return last, ids, hashes[:4*32+31]
			}))
		}, 5},
		{"removed", func(t *testing.T, s *storage.Store) {
			changeAt(t, s, 500, `DELETE FROM audit`)
		}, 500},
		{"removed first", func(t *testing.T, s *storage.Store) {
			changeAt(t, s, 1, `DELETE FROM audit`)
		}, 1},
		{"removed last", func(t *testing.T, s *storage.Store) {
			changeAt(t, s, 540, `DELETE FROM audit`)
		}, 540},
		{"removed all", func(t *testing.T, s *storage.Store) {
			change(t, s, `DELETE FROM audit`)
		}, 1},
		{"removed, and the others moved up", func(t *testing.T, s *storage.Store) {
			changeAt(t, s, 538, `DELETE FROM audit`)
			must(t, s.ChangeLink(t.Context(), 538, func(last int64, ids []string, hashes []byte) (int64, []string, []byte) {
				ids, hashes = cut(ids, hashes, 17)
				return last - 1, ids, hashes
			}))
			change(t, s, `UPDATE audit_chain SET place = 539`)
		}, 538},
		{"taken out of the chain", func(t *testing.T, s *storage.Store) {
			change(t, s, `INSERT INTO audit_waiting (id) VALUES ($1)`, at(t, s, 3).ID)
			must(t, s.ChangeLink(t.Context(), 3, func(last int64, ids []string, hashes []byte) (int64, []string, []byte) {
				ids, hashes = cut(ids, hashes, 2)
				return last, ids, hashes
			}))
		}, 1}, // a link is counted from its end
		{"taken out with its link", func(t *testing.T, s *storage.Store) {
			change(t, s, `DELETE FROM audit_link WHERE place = 400`)
		}, 201},
		{"reordered", func(t *testing.T, s *storage.Store) {
			must(t, s.ChangeLink(t.Context(), 10, func(last int64, ids []string, hashes []byte) (int64, []string, []byte) {
				ids[9], ids[10] = ids[10], ids[9]
				return last, ids, hashes
			}))
		}, 10},
		{"inserted", func(t *testing.T, s *storage.Store) {
			id := unlisted(t, s)
			must(t, s.ChangeLink(t.Context(), 530, func(last int64, ids []string, hashes []byte) (int64, []string, []byte) {
				return last + 1, slices.Insert(ids, 9, id), slices.Insert(hashes, 9*32, hashes[:32]...)
			}))
			change(t, s, `UPDATE audit_chain SET place = 541`)
		}, 530},
		{"inserted behind the end", func(t *testing.T, s *storage.Store) { insertLink(t, s, 541) }, 541},
		{"put in at place 0", func(t *testing.T, s *storage.Store) { insertLink(t, s, 0) }, 0},
		{"put in below it", func(t *testing.T, s *storage.Store) { insertLink(t, s, -7) }, -7},
		{"kept from the chain", func(t *testing.T, s *storage.Store) {
			unlisted(t, s)
			recorded(t, s, 5001, 5002)
			linked(t, s)
		}, 542}, // nothing says where it belongs
		{"removed while it waits", func(t *testing.T, s *storage.Store) {
			recorded(t, s, 5000, 5001)
			change(t, s, `DELETE FROM audit WHERE id = (SELECT id FROM audit_waiting)`)
			recorded(t, s, 5001, 5002)
			linked(t, s)
		}, 542},
		{"removed while it waits, and another one kept from the chain", func(t *testing.T, s *storage.Store) {
			unlisted(t, s)
			recorded(t, s, 5001, 5002)
			change(t, s, `DELETE FROM audit WHERE id = (SELECT id FROM audit_waiting)`)
			recorded(t, s, 5002, 5003)
			linked(t, s)
		}, 542},
		{"linked, and waiting once more", func(t *testing.T, s *storage.Store) {
			change(t, s, `INSERT INTO audit_waiting (id) VALUES ($1)`, at(t, s, 3).ID)
		}, 541},
		{"found by another id", func(t *testing.T, s *storage.Store) {
			change(t, s, `UPDATE audit_link SET newest = '' WHERE place = 520`)
		}, 520},
		{"too many hashes", func(t *testing.T, s *storage.Store) {
			must(t, s.ChangeLink(t.Context(), 5, func(last int64, ids []string, hashes []byte) (int64, []string, []byte) {
				return last, ids, append(hashes, hashes[:32]...)
			}))
		}, 200},
		{"said to be in an older link", func(t *testing.T, s *storage.Store) {
			must(t, s.ChangeLink(t.Context(), 505, func(last int64, ids []string, hashes []byte) (int64, []string, []byte) {
				return last, slices.Insert(ids, 0, "0"), slices.Insert(hashes, 0, hashes[:32]...)
			}))
		}, 520},
		{"said to be before the first", func(t *testing.T, s *storage.Store) {
			must(t, s.ChangeLink(t.Context(), 5, func(last int64, ids []string, hashes []byte) (int64, []string, []byte) {
				return last, slices.Insert(ids, 0, "0"), slices.Insert(hashes, 0, hashes[:32]...)
			}))
		}, 200},
		{"put in before the beginning", func(t *testing.T, s *storage.Store) {
			_, err := s.PurgeAudit(t.Context(), noon.Add(10*time.Second), later)
			must(t, err)
			insertLink(t, s, 5)
		}, 5},
		{"cut off at the beginning", func(t *testing.T, s *storage.Store) {
			change(t, s, `INSERT INTO audit_chain (name, place, hash) VALUES ('first', 35, $1)`, at(t, s, 35).Hash)
			deleteEvents(t, s, 1, 35)
		}, 35},
		{"cut off at the beginning once more", func(t *testing.T, s *storage.Store) {
			_, err := s.PurgeAudit(t.Context(), noon.Add(10*time.Second), later)
			must(t, err)
			change(t, s, `UPDATE audit_chain SET place = 35, hash = $1 WHERE name = 'first'`, at(t, s, 35).Hash)
			deleteEvents(t, s, 11, 35)
		}, 35},
		{"cut off at the end", func(t *testing.T, s *storage.Store) {
			hash := at(t, s, 510).Hash
			deleteEvents(t, s, 511, 540)
			change(t, s, `DELETE FROM audit_link WHERE place = 540`)
			must(t, s.ChangeLink(t.Context(), 510, func(last int64, ids []string, hashes []byte) (int64, []string, []byte) {
				return 510, ids[:110], hashes[:110*32]
			}))
			change(t, s, `UPDATE audit_chain SET place = 510, hash = $1`, hash)
		}, 511}, // as the kept head tells
		{"written anew", func(t *testing.T, s *storage.Store) {
			changeAt(t, s, 400, `DELETE FROM audit`)
			change(t, s, `INSERT INTO audit_waiting (id) SELECT id FROM audit`)
			change(t, s, `DELETE FROM audit_link`)
			change(t, s, `DELETE FROM audit_chain`)
			linked(t, s)
			recorded(t, s, 540, 541)
			linked(t, s)
		}, 520}, // as the kept head tells
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, s *storage.Store) {
				recorded(t, s, 0, 520)
				linked(t, s)
				kept := head(t, s)
				recorded(t, s, 520, 540)
				linked(t, s)
				if _, err := s.VerifyAudit(t.Context(), &kept); err != nil {
					t.Fatalf("before: %v", err)
				}
				tt.tamper(t, s)
				_, err := s.VerifyAudit(t.Context(), &kept)
				var fault *audit.ChainFault
				if !errors.As(err, &fault) || fault.Place != tt.want {
					t.Errorf("VerifyAudit = %v, want a fault at place %d", err, tt.want)
				}
			})
		})
	}
}

// SQLite keeps bytes where a text belongs. They hash like the text, but no filter finds them.
func TestVerifyFindsBytes(t *testing.T) {
	t.Parallel()
	for _, column := range []string{"id", "kind", "outcome", "subject", "client", "session", "address", "actor", "method", "request", "detail"} {
		t.Run(column, func(t *testing.T) {
			t.Parallel()
			s := storagetest.Open(t, "sqlite:"+t.TempDir()+"/test.db")
			must(t, s.Migrate(t.Context()))
			recorded(t, s, 0, 20)
			linked(t, s)
			changeAt(t, s, 7, `UPDATE audit SET `+column+` = CAST(`+column+` AS BLOB)`)
			_, err := s.VerifyAudit(t.Context(), nil)
			var fault *audit.ChainFault
			if !errors.As(err, &fault) || fault.Place != 7 {
				t.Errorf("VerifyAudit = %v, want a fault at place 7", err)
			}
			if events, err := s.AuditEvents(t.Context(), storage.AuditFilter{}, 100); err != nil || len(events) != 20 {
				t.Errorf("AuditEvents = %d events (%v), want all 20", len(events), err)
			}
		})
	}
}

func TestVerifyWithKeptHead(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		kept := head(t, s) // of nothing
		recorded(t, s, 0, 10)
		linked(t, s)
		middle := head(t, s)
		recorded(t, s, 10, 20)
		linked(t, s)
		end := head(t, s)
		for _, h := range []audit.Head{kept, middle, end} {
			if _, err := s.VerifyAudit(t.Context(), &h); err != nil {
				t.Errorf("with the head %v: %v", h, err)
			}
		}
		if _, err := s.PurgeAudit(t.Context(), noon.Add(15*time.Second), later); err != nil {
			t.Fatal(err)
		}
		for _, h := range []audit.Head{kept, middle} {
			if _, err := s.VerifyAudit(t.Context(), &h); err == nil {
				t.Errorf("with the head %v, which was removed, all is said to be well", h)
			}
		}
		if _, err := s.VerifyAudit(t.Context(), &end); err != nil {
			t.Errorf("with the head %v after the removal: %v", end, err)
		}
	})
}

func TestParseHead(t *testing.T) {
	h := audit.Head{Place: 12, Hash: bytes.Repeat([]byte{0xab}, 32)}
	got, err := audit.ParseHead(h.String())
	if err != nil || got.String() != h.String() {
		t.Errorf("ParseHead(%s) = %v, %v", h, got, err)
	}
	for _, text := range []string{"", "12", "12:", "12:abcd", ":" + h.String()[3:], "-1:" + h.String()[3:], h.String() + "00", "x" + h.String()} {
		if got, err := audit.ParseHead(text); err == nil {
			t.Errorf("ParseHead(%q) = %v, want an error", text, got)
		}
	}
}

// Three processes link at once while three others record: each event is in the chain once. A busy machine may let
// them wait for too long; then they try again.
func TestSealersAtOnce(t *testing.T) {
	t.Parallel()
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		const stores, batch = 3, 50
		events := 10_000
		if strings.HasPrefix(dsn, "sqlite:") { // which is slow under the race detector
			events = 1_500
		}
		var all [stores]*storage.Store
		for i := range all {
			if all[i] = all[0]; i == 0 || !strings.HasPrefix(dsn, "sqlite:") { // a SQLite file has one process
				all[i] = storagetest.Open(t, dsn)
			}
		}
		must(t, all[0].Migrate(t.Context()))
		var writers, sealers sync.WaitGroup
		var recordedAll atomic.Bool
		for i, s := range all {
			writers.Go(func() {
				for n := i * batch; n < events; n += stores * batch {
					err := record(t, s, n, n+batch)
					for errors.Is(err, store.ErrUnavailable) {
						err = record(t, s, n, n+batch)
					}
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
			sealers.Go(func() {
				for {
					over := recordedAll.Load()
					n, err := s.LinkAudit(t.Context())
					switch {
					case err == nil && n == 0 && over:
						return
					case err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrUnavailable):
						t.Error(err)
						return
					case n == 0:
						time.Sleep(5 * time.Millisecond)
					}
				}
			})
		}
		writers.Wait()
		recordedAll.Store(true)
		sealers.Wait()
		want := number(t, all[0], `SELECT count(*) FROM audit`)
		report, err := all[0].VerifyAudit(t.Context(), nil)
		if err != nil || report.Checked != want || want < int64(events) || report.Waiting != 0 {
			t.Errorf("%+v, %v, want %d in order", report, err, want)
		}
	})
}

// A sealer that is killed between its statements cannot be seen: they are one commit.
func TestLinkIsOneCommit(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		recorded(t, s, 0, 50)
		w := observe(s)
		linked(t, s)
		if got, want := w.counts(), [3]int{3, 5, 1}; got != want {
			t.Errorf("round trips, statements and commits = %v, want %v", got, want)
		}
		w = observe(s)
		linked(t, s)
		if got, want := w.counts(), [3]int{1, 1, 0}; got != want {
			t.Errorf("with nothing to do %v, want %v", got, want)
		}
	})
}

func TestPurgeAudit(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		recorded(t, s, 0, 1200)
		linked(t, s)
		recorded(t, s, -10, 0) // late ones stay until what is before them in the chain goes
		linked(t, s)
		recorded(t, s, -20, -19) // waits
		for _, tt := range []struct {
			before time.Duration
			want   int
			first  int64
			events int64 // that tell of it, one a batch
		}{
			{0, 0, 0, 0},
			{time.Second, 1, 1, 1},
			{1100 * time.Second, 1099, 1100, 7},
			{1100 * time.Second, 0, 1100, 7},
			{time.Hour, 110, 1210, 8},
			{time.Hour, 0, 1210, 8},
			{48 * time.Hour, 0, 1210, 8}, // nothing but those that tell of it: they stay
		} {
			got, err := s.PurgeAudit(t.Context(), noon.Add(tt.before), later)
			if err != nil || got != tt.want {
				t.Errorf("PurgeAudit after %v = %d, %v, want %d", tt.before, got, err, tt.want)
			}
			report, err := s.VerifyAudit(t.Context(), nil)
			if err != nil || report.First.Place != tt.first || report.Checked != 1210+tt.events-tt.first || report.Waiting != 1 {
				t.Errorf("after %v: %+v, %v, want a beginning at %d and %d events of it", tt.before, report, err, tt.first, tt.events)
			}
		}
		linked(t, s)
		if report, err := s.VerifyAudit(t.Context(), nil); err != nil || report.Checked != 9 || report.Last.Place != 1219 {
			t.Errorf("the chain does not go on: %+v, %v", report, err)
		}
	})
}

// An event of the future goes with the ones behind it: a clock that was wrong does not stop the clean-up.
func TestPurgeAuditOfTheFuture(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		const years = 10 * 365 * 24 * 3600
		recorded(t, s, years, years+450) // more than two batches
		linked(t, s)
		recorded(t, s, 0, 20)
		linked(t, s)
		recorded(t, s, years+450, years+451)
		linked(t, s)
		for _, tt := range []struct {
			before time.Duration
			want   int
		}{
			{0, 0},
			{10 * time.Second, 460},
			{time.Hour, 10}, // behind the last one only what is new comes
		} {
			got, err := s.PurgeAudit(t.Context(), noon.Add(tt.before), later)
			if err != nil || got != tt.want {
				t.Errorf("PurgeAudit after %v = %d, %v, want %d", tt.before, got, err, tt.want)
			}
		}
		if _, err := s.VerifyAudit(t.Context(), nil); err != nil {
			t.Error(err)
		}
	})
}

// The beginning is in the chain from the moment on at which it moves.
func TestPurgeAuditIsOneCommit(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		recorded(t, s, 0, 20)
		linked(t, s)
		w := observe(s)
		n, err := s.PurgeAudit(t.Context(), noon.Add(10*time.Second), later)
		if got := w.counts(); err != nil || n != 10 || got[2] != 1 {
			t.Errorf("PurgeAudit = %d, %v with %d commits, want 10 with one", n, err, got[2])
		}
		events, err := s.AuditEvents(t.Context(), storage.AuditFilter{Kind: "audit"}, 9)
		if err != nil || len(events) != 1 {
			t.Fatalf("%d events tell of it (%v), want one", len(events), err)
		}
		report, err := s.VerifyAudit(t.Context(), nil)
		e := events[0]
		if err != nil || report.Waiting != 0 || e.Place != 21 || e.Actor != "system" || !e.Time.Equal(later) ||
			e.Detail["place"]+":"+e.Detail["hash"] != report.First.String() {
			t.Errorf("the event is %+v, %v, want the beginning %v", e, err, report.First)
		}
	})
}

// What was changed is not cleared away before somebody has seen it.
func TestPurgeAuditStopsAtFaults(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		recorded(t, s, 0, 20)
		linked(t, s)
		changeAt(t, s, 7, `UPDATE audit SET kind = 'other'`)
		_, err := s.PurgeAudit(t.Context(), noon.Add(time.Hour), later)
		var fault *audit.ChainFault
		if !errors.As(err, &fault) || fault.Place != 7 {
			t.Errorf("PurgeAudit: %v, want a fault at place 7", err)
		}
		if n := number(t, s, `SELECT count(*) FROM audit`); n != 20 {
			t.Errorf("there are %d events, want 20", n)
		}
	})
}

// Several processes verify, link and clear away at once, and nobody sees a fault.
func TestPurgeAuditMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		recorded(t, s, 0, 800)
		linked(t, s)
		purged := make([]int, 4)
		race(t, 8, store.ErrConflict, func(i int) (err error) {
			if i < len(purged) {
				purged[i], err = s.PurgeAudit(t.Context(), noon.Add(600*time.Second), later)
				return err
			}
			_, err = s.VerifyAudit(t.Context(), nil)
			return err
		})
		for range 10 { // until nobody was in the way
			n, err := s.PurgeAudit(t.Context(), noon.Add(600*time.Second), later)
			must(t, err)
			purged[0] += n
		}
		if report, err := s.VerifyAudit(t.Context(), nil); err != nil || report.First.Place != 600 || report.Checked != 203 {
			t.Errorf("after it: %+v, %v (purged %v)", report, err, purged)
		}
	})
}

func TestAuditEvents(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		for i, e := range []audit.Event{
			{Kind: audit.EventPassword, Subject: "alice"},
			{Kind: audit.EventTOTP, Subject: "alice", Client: "shop"},
			{Kind: audit.EventTOTPFailed, Subject: "bob"},
			{Kind: audit.EventAdminClientCreated, Client: "shop"},
		} {
			e.Time, e.Outcome = noon.Add(time.Duration(i)*time.Minute), audit.OutcomeOK
			must(t, s.Record(t.Context(), e))
		}
		at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
		for _, tt := range []struct {
			filter storage.AuditFilter
			n      int
			want   []string
		}{
			{storage.AuditFilter{}, 9, []string{audit.EventAdminClientCreated, audit.EventTOTPFailed, audit.EventTOTP, audit.EventPassword}},
			{storage.AuditFilter{}, 1, []string{audit.EventAdminClientCreated}},
			{storage.AuditFilter{Subject: "alice"}, 9, []string{audit.EventTOTP, audit.EventPassword}},
			{storage.AuditFilter{Client: "shop"}, 9, []string{audit.EventAdminClientCreated, audit.EventTOTP}},
			{storage.AuditFilter{Kind: "auth.totp"}, 9, []string{audit.EventTOTPFailed, audit.EventTOTP}},
			{storage.AuditFilter{Kind: "auth.totp.ok"}, 9, []string{audit.EventTOTP}},
			{storage.AuditFilter{Kind: "au"}, 9, nil},
			{storage.AuditFilter{Since: at(2)}, 9, []string{audit.EventAdminClientCreated, audit.EventTOTPFailed}},
			{storage.AuditFilter{Until: at(2)}, 9, []string{audit.EventTOTP, audit.EventPassword}},
			{storage.AuditFilter{Kind: "auth", Subject: "alice", Client: "shop", Since: noon, Until: at(5)}, 9, []string{audit.EventTOTP}},
		} {
			got, err := s.AuditEvents(t.Context(), tt.filter, tt.n)
			must(t, err)
			var kinds []string
			for _, r := range got {
				kinds = append(kinds, r.Kind)
			}
			if !slices.Equal(kinds, tt.want) {
				t.Errorf("AuditEvents(%+v, %d) = %v, want %v", tt.filter, tt.n, kinds, tt.want)
			}
		}
	})
}

// What one database cannot keep in a text is left out on both.
func TestRecordBadText(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		const bad, good = "a\x00b\xffc", "ab\uFFFDc"
		e := audit.Event{
			ID: bad, Time: noon, Kind: bad, Outcome: bad, Subject: bad, Client: bad, Session: bad, Address: bad, Actor: bad,
			Method: bad, Request: bad, Detail: map[string]string{bad: bad},
		}
		must(t, s.Record(t.Context(), e))
		linked(t, s)
		if _, err := s.VerifyAudit(t.Context(), nil); err != nil {
			t.Error(err)
		}
		events, err := s.AuditEvents(t.Context(), storage.AuditFilter{}, 9)
		if err != nil || len(events) != 1 {
			t.Fatalf("%d events (%v), want one", len(events), err)
		}
		r := events[0]
		for _, text := range []string{r.ID, r.Kind, r.Outcome, r.Subject, r.Client, r.Session, r.Address, r.Actor, r.Method, r.Request} {
			if text != good {
				t.Errorf("%q was kept, want %q", text, good)
			}
		}
		if got, want := r.Detail, "a\x00b\uFFFDc"; got[want] != want {
			t.Errorf("the detail is %q, want %q", got, want)
		}
	})
}

// A rare kind and a client are looked up, and not searched for among all events.
func TestAuditEventsPlan(t *testing.T) {
	t.Parallel()
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		s := storagetest.Open(t, dsn)
		must(t, s.Migrate(t.Context()))
		rows := "20000"
		if strings.HasPrefix(dsn, "sqlite:") { // which looks at no numbers of rows
			rows = "200"
		}
		change(t, s, `INSERT INTO audit
			(id, created_at, kind, outcome, subject, client, session, address, actor, method, request, detail)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < `+rows+`)
			SELECT 'id' || (100000 + i), i, CASE WHEN i % 2 = 0 THEN 'auth.totp.ok' ELSE 'session.opened' END, 'ok',
				's' || (i % 50), 'c' || (i % 50), '', '', '', '', '', '{}' FROM n`)
		must(t, s.Record(t.Context(), audit.Event{Time: noon, Kind: audit.EventAdminUserCreated, Subject: "s7"}))
		explain := "EXPLAIN "
		if strings.HasPrefix(dsn, "sqlite:") {
			explain = "EXPLAIN QUERY PLAN "
		} else {
			must(t, s.Exec(t.Context(), nil, `ANALYZE audit`))
		}
		for _, tt := range []struct {
			filter storage.AuditFilter
			index  string
		}{
			{storage.AuditFilter{Kind: "admin"}, "audit_kind"},
			{storage.AuditFilter{Kind: "auth", Since: noon}, "audit_kind"},
			{storage.AuditFilter{Client: "c7"}, "audit_client"},
			{storage.AuditFilter{Client: "c7", Kind: "auth"}, "audit_client"},
			{storage.AuditFilter{Subject: "s7", Kind: "auth"}, "audit_subject"},
			{storage.AuditFilter{Subject: "s7"}, "audit_subject"},
		} {
			var kinds []string
			if tt.filter.Kind != "" {
				kinds = []string{"admin.user.created", "auth.totp.ok"}
			}
			plan, err := s.Plan(t.Context(), explain, tt.filter, kinds, 100)
			if err != nil || !strings.Contains(plan, tt.index) || strings.Contains(plan, "SCAN audit") || strings.Contains(plan, "Seq Scan on audit") {
				t.Errorf("%+v does not use %s (%v):\n%s", tt.filter, tt.index, err, plan)
			}
		}
	})
}

func TestActivity(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		recorded(t, s, 0, 25)
		other := happened(30)
		other.Subject = "bob"
		silent := happened(31)
		silent.Kind = audit.EventTOTP
		must(t, s.Record(t.Context(), other))
		must(t, s.Record(t.Context(), silent))
		kinds := []string{audit.EventPassword, audit.EventPasswordFailed}
		var all []audit.Event
		for before, page := "", 0; page < 5; page++ {
			got, err := s.Activity(t.Context(), "alice", kinds, before, 10)
			must(t, err)
			if len(got) == 0 {
				break
			}
			all, before = append(all, got...), got[len(got)-1].ID
		}
		if len(all) != 25 {
			t.Fatalf("%d events, want 25", len(all))
		}
		for i, e := range all {
			want := happened(24 - i)
			if !e.Time.Equal(want.Time) || e.Request != want.Request || e.Detail["name"] != "<Phone>" {
				t.Errorf("event %d is %+v, want %+v", i, e, want)
			}
		}
	})
}

// Ids sort as the times do in which they are made, and the events of one instant as they come.
func TestEventIDs(t *testing.T) {
	t.Parallel()
	s := storagetest.Open(t, "sqlite:"+t.TempDir()+"/test.db")
	var ids []string
	for _, at := range []time.Time{{}, noon, noon, noon, noon.Add(time.Microsecond), noon.Add(day), noon.AddDate(500, 0, 0)} {
		ids = append(ids, s.NewEventID(at))
	}
	if !slices.IsSorted(ids) || len(ids[0]) != 22 || len(ids[6]) != 22 {
		t.Errorf("the ids are %q, want them in order, of 22 characters each", ids)
	}
}
