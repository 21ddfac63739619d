package database_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"vestibule/provider/store"
	"vestibule/storage/database"
	"vestibule/storage/storagetest"
)

var errMissed = errors.New("no row")

// committer has commits meet: one waits for a row that is kept until let is called.
type committer struct {
	*testing.T
	dsn    string
	db     *database.DB
	before int64 // the trips before that one
	let    func()
	all    sync.WaitGroup
}

func newCommitter(t *testing.T) *committer {
	t.Helper()
	return newHastyCommitter(t, database.Patient)
}

// newHastyCommitter has commits that go by themselves when it takes too long.
func newHastyCommitter(t *testing.T, change ...func(*database.DB)) *committer {
	t.Helper()
	dsn := storagetest.Schema(t).String()
	c := &committer{T: t, dsn: dsn, db: openAt(t, dsn)}
	for _, set := range change {
		set(c.db)
	}
	c.exec(`CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)`)
	c.exec(`CREATE TABLE made (id TEXT NOT NULL PRIMARY KEY)`)
	for _, id := range []string{"first", "a", "b", "c", "d", "stuck"} {
		c.exec(`INSERT INTO thing (id, n) VALUES ($1, 0)`, id)
	}
	c.let = c.keep("first")
	c.before = database.Trips(c.db)
	c.counts("first", nil)
	database.Until(c.T, "a commit waits for its row", func() bool { return database.InUse(c.db) == 1 })
	return c
}

func (c *committer) exec(query string, args ...any) {
	c.Helper()
	if err := c.db.Exec(c.Context(), nil, query, args...); err != nil {
		c.Fatalf("%s: %v", query, err)
	}
}

// keep locks a row until let is called.
func (c *committer) keep(id string) (let func()) {
	c.Helper()
	keeper := connect(c.T, c.dsn)
	for _, query := range []string{`BEGIN`, `UPDATE thing SET n = n WHERE id = '` + id + `'`} {
		if _, err := keeper.Exec(c.Context(), query); err != nil {
			c.Fatal(err)
		}
	}
	return func() { keeper.Close(c.Context()) }
}

func (c *committer) waiting(n int) {
	c.Helper()
	database.Until(c.T, fmt.Sprint(n, " commits wait"), func() bool { return database.WaitingCommits(c.db) == n })
}

const count = `UPDATE thing SET n = n + 1 WHERE id = $1`

// counts has one more commit wait, which is to end with that error.
func (c *committer) counts(id string, want error) { c.commits(count, id, "of "+id, want) }

func (c *committer) commits(query, id, makes string, want error) {
	c.all.Go(func() {
		if err := c.commit(c.Context(), query, id, makes); !errors.Is(err, want) {
			c.Errorf("%s of %s: %v, want %v", query, id, err, want)
		}
	})
}

func (c *committer) commit(ctx context.Context, query, id, makes string) error {
	return c.db.Atomic(ctx, func(ctx context.Context) error {
		if err := c.db.ExecOne(ctx, errMissed, query, id); err != nil {
			return err
		}
		return c.db.Insert(ctx, `INSERT INTO made (id)`, makes)
	})
}

// has fails the test unless those were counted once, and only their rows made.
func (c *committer) has(counted ...string) {
	c.Helper()
	for query, prefix := range map[string]string{
		`SELECT CASE n WHEN 1 THEN id ELSE id || ' again' END FROM thing WHERE n <> 0 ORDER BY id`: "",
		`SELECT substr(id, 4) FROM made ORDER BY id`:                                               "of ",
	} {
		got, err := database.All(c.Context(), c.db, func(r database.Row) (id string, err error) {
			err = r.Scan(&id)
			return id, err
		}, query)
		if err != nil || !slices.Equal(got, counted) {
			c.Errorf("%s%v, want %v (%v)", prefix, got, counted, err)
		}
	}
}

// TestCommitsShareTransactions has commits meet of which some fail: these leave nothing behind, the others do not hear of it.
func TestCommitsShareTransactions(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		query, id, makes string
		want             error
		trips            int64 // for those that meet
	}{
		"all are well":       {count, "d", "of d", nil, 1},
		"one has no row":     {count, "none", "of none", errMissed, 1 + 4},
		"one is a conflict":  {count, "d", "of first", store.ErrConflict, 1 + 4},
		"one is not allowed": {`UPDATE thing SET n = NULL WHERE id = $1`, "d", "of d", errAny, 1 + 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCommitter(t)
			c.counts("b", nil)
			c.waiting(1)
			c.counts("a", nil)
			c.waiting(2)
			c.all.Go(func() {
				err := c.commit(t.Context(), tt.query, tt.id, tt.makes)
				if tt.want == errAny && err == nil || tt.want != errAny && !errors.Is(err, tt.want) {
					t.Errorf("the one: %v, want %v", err, tt.want)
				}
			})
			c.waiting(3)
			c.counts("c", nil)
			c.waiting(4)
			c.let()
			c.all.Wait()
			trips := database.Trips(c.db) - c.before - 1
			want := []string{"a", "b", "c", "d", "first"}
			if tt.want != nil {
				want = []string{"a", "b", "c", "first"}
			}
			if tt.want == nil && trips != tt.trips || trips < tt.trips {
				t.Errorf("%d round trips, want %d", trips, tt.trips)
			}
			c.has(want...)
		})
	}
}

var errAny = errors.New("any error")

// TestCommitsDoNotWaitForOthersRows has one of those that meet want a row that is kept: the others are done before it is free.
func TestCommitsDoNotWaitForOthersRows(t *testing.T) {
	t.Parallel()
	c := newCommitter(t)
	free := c.keep("stuck")
	var others sync.WaitGroup
	others.Go(func() {
		if err := c.commit(t.Context(), count, "a", "of a"); err != nil {
			t.Error(err)
		}
	})
	c.waiting(1)
	c.counts("stuck", nil)
	c.waiting(2)
	others.Go(func() {
		if err := c.commit(t.Context(), count, "z", "of z"); err != errMissed {
			t.Error(err)
		}
	})
	c.waiting(3)
	c.let()
	others.Wait()
	database.Until(c.T, "the first is done", func() bool { return database.InUse(c.db) == 1 })
	c.has("a", "first")
	free()
	c.all.Wait()
	c.has("a", "first", "stuck")
}

// TestCommitsLoseNoTimeByOthers has the one that is under way hang: those that come then are done all the same.
func TestCommitsLoseNoTimeByOthers(t *testing.T) {
	t.Parallel()
	c := newHastyCommitter(t)
	var others sync.WaitGroup
	for _, id := range []string{"a", "b", "c"} {
		others.Go(func() {
			if err := c.commit(t.Context(), count, id, "of "+id); err != nil {
				t.Errorf("%s: %v", id, err)
			}
		})
	}
	others.Wait()
	c.has("a", "b", "c")
	database.Until(c.T, "only the first is under way still", func() bool { return database.InUse(c.db) == 1 })
	c.let()
	c.all.Wait()
	c.has("a", "b", "c", "first")
}

// TestCommitsInDoubt has the connection end under commits that meet. None is done again: it may have been done.
func TestCommitsInDoubt(t *testing.T) {
	t.Parallel()
	c := newCommitter(t)
	c.counts("a", store.ErrUnavailable)
	c.waiting(1)
	c.commits(`UPDATE thing SET n = n + 1 WHERE id = $1 AND pg_terminate_backend(pg_backend_pid())`, "b", "of b", store.ErrUnavailable)
	c.waiting(2)
	c.counts("c", store.ErrUnavailable)
	c.waiting(3)
	c.let()
	c.all.Wait()
	c.has("first")
}

// TestCommittersComeAndGo has committers by the dozen on a few rows, of whom some fail and some go away: each row has been
// counted as often as was said, and as often as there are rows that say so.
func TestCommittersComeAndGo(t *testing.T) {
	t.Parallel()
	c := newCommitter(t)
	c.let()
	ids := []string{"a", "b", "c", "d", "none"}
	var mu sync.Mutex
	said, doubt := map[string]int64{}, map[string]int64{}
	for n := range 24 {
		c.all.Go(func() {
			for i := range 60 {
				ctx, cancel := context.WithCancel(t.Context())
				id := ids[rand.IntN(len(ids))]
				if rand.IntN(5) == 0 {
					time.AfterFunc(rand.N(3*time.Millisecond), cancel)
				}
				err := c.commit(ctx, count, id, fmt.Sprint("of ", id, " ", n, " ", i))
				mu.Lock()
				switch {
				case err == nil:
					said[id]++
				case errors.Is(err, context.Canceled):
					doubt[id]++
				case id != "none" || err != errMissed:
					t.Error(err)
				}
				mu.Unlock()
				cancel()
			}
		})
	}
	c.all.Wait()
	for _, id := range ids[:4] {
		type counted struct{ n, rows int64 }
		got, err := database.One(t.Context(), c.db, func(r database.Row) (v counted, err error) {
			err = r.Scan(&v.n, &v.rows)
			return v, err
		}, `SELECT n, (SELECT count(*) FROM made WHERE made.id LIKE $2) FROM thing WHERE id = $1`, id, "of "+id+" %")
		if err != nil || got.n != got.rows || got.n < said[id] || got.n > said[id]+doubt[id] {
			t.Errorf("%s was counted %d times, with %d rows; %d were said to be, %d went away (%v)", id, got.n, got.rows, said[id], doubt[id], err)
		}
	}
}
