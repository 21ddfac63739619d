package storage_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/storage/storagetest"
)

func eachEmpty(t *testing.T, f func(t *testing.T, dsn string)) {
	t.Helper()
	t.Parallel()
	storagetest.EachDSN(t, f)
}

// files is the migrations of the program and one more.
func files(t *testing.T, name, text string) fstest.MapFS {
	t.Helper()
	all := fstest.MapFS{}
	names, err := fs.Glob(storage.Migrations(), "*.sql")
	must(t, err)
	for _, name := range names {
		data, err := fs.ReadFile(storage.Migrations(), name)
		must(t, err)
		all[name] = &fstest.MapFile{Data: data}
	}
	all[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text)}
	return all
}

// state is how many migrations are applied, pending and unknown.
func state(t *testing.T, s *storage.Store) (n [3]int) {
	t.Helper()
	status, err := s.MigrationStatus(t.Context())
	must(t, err)
	for i, m := range status {
		if i > 0 && m.Version <= status[i-1].Version {
			t.Errorf("migration %d comes after %d", m.Version, status[i-1].Version)
		}
		switch {
		case m.Name == "":
			n[2]++
		case m.Applied:
			n[0]++
		default:
			n[1]++
		}
	}
	return n
}

func TestMigrate(t *testing.T) {
	eachEmpty(t, func(t *testing.T, dsn string) {
		s := storagetest.Open(t, dsn)
		fresh := state(t, s)
		if fresh[0] != 0 || fresh[1] == 0 {
			t.Errorf("applied, pending, unknown = %v in an empty database", fresh)
		}
		if err := s.CheckSchema(t.Context()); !errors.Is(err, storage.ErrSchemaOld) || !strings.Contains(err.Error(), "vestibule migrate up") {
			t.Errorf("CheckSchema of an empty database: %v, want %v", err, storage.ErrSchemaOld)
		}
		for range 2 {
			must(t, s.Migrate(t.Context()))
			if got, want := state(t, s), [3]int{fresh[1], 0, 0}; got != want {
				t.Errorf("applied, pending, unknown = %v, want %v", got, want)
			}
			must(t, s.CheckSchema(t.Context()))
		}
	})
}

// The status of an empty database must not write: an operator asks with an account that may only read.
func TestMigrationStatusChangesNothing(t *testing.T) {
	eachEmpty(t, func(t *testing.T, dsn string) {
		s := storagetest.Open(t, dsn)
		w := observe(s)
		state(t, s)
		if got := w.counts(); got[2] != 0 {
			t.Errorf("%d commits", got[2])
		}
	})
}

func TestMigrateAtOnce(t *testing.T) {
	eachEmpty(t, func(t *testing.T, dsn string) {
		const processes = 4
		stores := make([]*storage.Store, processes)
		for i := range stores {
			stores[i] = storagetest.Open(t, dsn)
		}
		race(t, processes, nil, func(i int) error { return stores[i].Migrate(t.Context()) })
		must(t, stores[0].CheckSchema(t.Context()))
		applied := int64(state(t, stores[0])[0])
		if got := number(t, stores[0], `SELECT count(*) FROM goose_db_version WHERE version_id > 0`); got != applied {
			t.Errorf("%d migrations are recorded, want %d", got, applied)
		}
	})
}

// A migration that stops in its middle leaves nothing of itself, and can run again.
func TestMigrateStopsHalfWay(t *testing.T) {
	eachEmpty(t, func(t *testing.T, dsn string) {
		s := storagetest.Open(t, dsn)
		half := files(t, "9000_half.sql", `CREATE TABLE half (id TEXT NOT NULL); INSERT INTO nowhere (id) VALUES (1);`)
		if err := s.MigrateWith(t.Context(), half); err == nil {
			t.Fatal("the broken migration succeeded")
		}
		if got := state(t, s); got[1] != 0 || got[2] != 0 {
			t.Errorf("applied, pending, unknown = %v, want all before the broken one applied", got)
		}
		if _, err := s.Number(t.Context(), `SELECT count(*) FROM half`); err == nil {
			t.Error("the table of the broken migration is there")
		}
		whole := files(t, "9000_half.sql", `CREATE TABLE half (id TEXT NOT NULL); INSERT INTO half (id) VALUES (1);`)
		must(t, s.MigrateWith(t.Context(), whole))
		if got := number(t, s, `SELECT count(*) FROM half`); got != 1 {
			t.Errorf("%d rows in the table, want 1", got)
		}
	})
}

// The process may end while it migrates: the next one gets the lock and goes on.
func TestMigrateCancelled(t *testing.T) {
	eachEmpty(t, func(t *testing.T, dsn string) {
		s := storagetest.Open(t, dsn)
		ctx, cancel := context.WithCancel(t.Context())
		err := s.MigrateWith(ctx, stopping{storage.Migrations(), cancel})
		if err == nil {
			t.Fatal("a cancelled migration succeeded")
		}
		must(t, storagetest.Open(t, dsn).Migrate(t.Context()))
		must(t, s.CheckSchema(t.Context()))
	})
}

// stopping calls on before a file is opened.
type stopping struct {
	fs.FS
	on func()
}

func (s stopping) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, ".sql") {
		s.on()
	}
	return s.FS.Open(name)
}

func TestNewerSchemaIsRefused(t *testing.T) {
	each(t, func(t *testing.T, s *storage.Store) {
		must(t, s.MigrateWith(t.Context(), files(t, "9000_future.sql", `CREATE TABLE future (id TEXT NOT NULL);`)))
		err := s.CheckSchema(t.Context())
		if !errors.Is(err, storage.ErrSchemaNew) || !strings.Contains(err.Error(), "9000") {
			t.Errorf("CheckSchema: %v, want %v and the number 9000", err, storage.ErrSchemaNew)
		}
		if got := state(t, s)[2]; got != 1 {
			t.Errorf("%d unknown migrations, want 1", got)
		}
	})
}

func TestMigrateWithoutDatabase(t *testing.T) {
	eachEmpty(t, func(t *testing.T, dsn string) {
		if strings.HasPrefix(dsn, "sqlite:") {
			return // a file has no line to cut
		}
		line, through := newRelay(t, dsn)
		s := storagetest.Open(t, through)
		line.cut()
		if err := s.Migrate(t.Context()); !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("Migrate: %v, want %v", err, store.ErrUnavailable)
		}
	})
}
