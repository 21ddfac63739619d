package database_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule/provider/store"
	"vestibule/storage/database"
	"vestibule/storage/storagetest"
)

// reader has reads meet: two keep both trips until let is called.
type reader struct {
	*testing.T
	db     *database.DB
	before int64 // the trips before those two
	let    func()
}

func newReader(t *testing.T) *reader {
	t.Helper()
	return newHastyReader(t, database.Patient)
}

// newHastyReader has reads that go by themselves when it takes too long.
func newHastyReader(t *testing.T, change ...func(*database.DB)) *reader {
	t.Helper()
	dsn := storagetest.Schema(t).String()
	r := &reader{T: t, db: openAt(t, dsn)}
	for _, c := range change {
		c(r.db)
	}
	keeper, lock := connect(t, dsn), rand.Int64()
	if _, err := keeper.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, lock); err != nil {
		t.Fatal(err)
	}
	r.before = database.Trips(r.db)
	for range 2 {
		r.Go(func() { r.read(t.Context(), `SELECT pg_advisory_xact_lock_shared($1)::text`, lock) })
	}
	database.Until(r.T, "two trips are under way", func() bool { return database.InUse(r.db) == 2 })
	r.let = func() { keeper.Close(t.Context()) }
	return r
}

func openAt(t *testing.T, dsn string) *database.DB {
	t.Helper()
	d, err := database.OpenPatient(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// connect is a connection of the test's own.
func connect(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	c, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(context.WithoutCancel(t.Context())) })
	return c
}

// Go runs f beside the test, which waits for it at its end.
func (r *reader) Go(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	r.Cleanup(func() { <-done })
}

func (r *reader) read(ctx context.Context, query string, args ...any) (string, error) {
	return database.One(ctx, r.db, func(row database.Row) (v string, err error) {
		err = row.Scan(&v)
		return v, err
	}, query, args...)
}

// echo reads the value back that it sends.
func (r *reader) echo(ctx context.Context, value string) error {
	got, err := r.read(ctx, `SELECT $1::text`, value)
	if err == nil && got != value {
		return fmt.Errorf("read %q for %q", got, value)
	}
	return err
}

// meet has n more reads wait, and returns their errors once let through.
func (r *reader) meet(n int) (wait func() []error) {
	r.Helper()
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = r.echo(r.Context(), fmt.Sprint("value ", i)) })
	}
	return func() []error {
		all.Wait()
		return errs
	}
}

func (r *reader) waiting(n int) {
	r.Helper()
	database.Until(r.T, fmt.Sprint(n, " reads wait"), func() bool { return database.Waiting(r.db) == n })
}

// TestReadsShareTrips has fifty reads meet: two trips are enough for them, and each has its own row.
func TestReadsShareTrips(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	wait := r.meet(50)
	r.waiting(50)
	r.let()
	if err := errors.Join(wait()...); err != nil {
		t.Error(err)
	}
	if trips := database.Trips(r.db) - r.before - 2; trips != 2 {
		t.Errorf("50 reads take %d trips, want 2", trips)
	}
}

// TestReadsFailAlone has reads meet one that cannot be sent, one that the server refuses and one that ends the connection.
func TestReadsFailAlone(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]struct {
		query string
		arg   any
		want  func(error) bool
	}{
		"no such row": {`SELECT $1::text WHERE FALSE`, "x", func(err error) bool { return err == store.ErrNotFound }},
		"no number":   {`SELECT $1::bigint::text`, struct{}{}, func(err error) bool { return err != nil }},
		"refused":     {`SELECT (1 / $1::bigint)::text`, 0, func(err error) bool { return err != nil }},
		"cut off": {`SELECT pg_terminate_backend(pg_backend_pid() + $1::int)::text`, 0, func(err error) bool {
			return errors.Is(err, store.ErrUnavailable)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newReader(t)
			first := r.meet(3)
			r.waiting(3)
			failed := make(chan error, 1)
			go func() {
				_, err := r.read(t.Context(), bad.query, bad.arg)
				failed <- err
			}()
			r.waiting(4)
			last := r.meet(3)
			r.waiting(7)
			r.let()
			if err := <-failed; !bad.want(err) {
				t.Errorf("the one that fails: %v", err)
			}
			if err := errors.Join(append(first(), last()...)...); err != nil {
				t.Errorf("the others: %v", err)
			}
		})
	}
}

// TestReadsOfNoText has keys that no row can have: they take no trip, and so spoil none.
func TestReadsOfNoText(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	for _, key := range []string{"a\x00b", "\xff"} {
		if got, err := r.read(t.Context(), `SELECT $1::text`, key); err != store.ErrNotFound {
			t.Errorf("%q: %q, %v, want %v", key, got, err, store.ErrNotFound)
		}
	}
	r.let()
}

// TestReadsLoseNoTimeByOthers has both trips hang: who comes then reads all the same.
func TestReadsLoseNoTimeByOthers(t *testing.T) {
	t.Parallel()
	r := newHastyReader(t)
	began := time.Now()
	if err := errors.Join(r.meet(20)()...); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 10*time.Second { // the two give up after 30
		t.Errorf("it takes %v", took)
	}
	r.let()
}

// TestReadsLeave has the first of those that wait go away: at once, and the others do not hear of it.
func TestReadsLeave(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { left <- r.echo(ctx, "gone") }()
	r.waiting(1)
	wait := r.meet(3)
	r.waiting(4)
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who goes away hears %v", err)
	}
	r.waiting(3)
	r.let()
	if err := errors.Join(wait()...); err != nil {
		t.Error(err)
	}
}

// TestReadsComeAndGo has readers by the dozen go away at any moment: the others read what they have asked for, and at the end
// nobody waits.
func TestReadsComeAndGo(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	r.let()
	var all sync.WaitGroup
	for n := range 32 {
		all.Go(func() {
			for i := range 200 {
				ctx, cancel := context.WithCancel(t.Context())
				goes := rand.IntN(4) == 0
				if goes {
					time.AfterFunc(rand.N(2*time.Millisecond), cancel)
				}
				if err := r.echo(ctx, fmt.Sprint("value ", n, " ", i)); err != nil && !(goes && errors.Is(err, context.Canceled)) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	all.Wait()
	if n := database.Waiting(r.db); n != 0 {
		t.Errorf("%d reads still wait", n)
	}
}
