package storage

import (
	"context"
	"embed"
	"encoding/json"
	"io/fs"
	"strings"
	"sync/atomic"
	"time"

	"vestibule/storage/database"
)

// Store is a database with the tables of the program. It is safe for use by any number of goroutines.
type Store struct {
	db     *database.DB
	events atomic.Uint32 // that were named, see NewEventID
}

// What callers see of the database below the tables.
type (
	// Trip is one round trip to the database.
	Trip = database.Trip
	// Migration is a numbered step of the schema.
	Migration = database.Migration
)

// Schemas that CheckSchema refuses.
var (
	ErrSchemaOld = database.ErrSchemaOld
	ErrSchemaNew = database.ErrSchemaNew
)

// Open connects to the database that dsn names, as database.Open says.
func Open(ctx context.Context, dsn string) (*Store, error) {
	return opened(database.Open(ctx, dsn))
}

// OpenPatient is Open for a command, which no browser waits for: it waits longer for its turn beside a busy server.
func OpenPatient(ctx context.Context, dsn string) (*Store, error) {
	return opened(database.OpenPatient(ctx, dsn))
}

func opened(db *database.DB, err error) (*Store, error) {
	if err != nil {
		return nil, err
	}
	return &Store{db: db}, nil
}

// ServeAlone makes sure that no other process serves from the SQLite file of the dsn, as database.ServeAlone says.
func ServeAlone(dsn string) (release func() error, err error) { return database.ServeAlone(dsn) }

// Close ends all connections.
func (s *Store) Close() error { return s.db.Close() }

// Ping asks the database for an answer: store.ErrUnavailable if there is none.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Now asks the database what time it is. The answer is as old as the way back from it.
func (s *Store) Now(ctx context.Context) (time.Time, error) { return s.db.Now(ctx) }

// Observe calls f after each round trip from now on; nil ends it. f must be safe for concurrent use. Metrics and tests
// count with it.
func (s *Store) Observe(f func(Trip)) { s.db.Observe(f) }

// Atomic runs fn and then, in one transaction and one round trip, all that fn wrote through its context; if fn fails,
// nothing. An error of a write comes from Atomic, not from the call that put it off. A nested call joins the outer one,
// and when it fails takes only its own writes back. fn must not write from several goroutines.
func (s *Store) Atomic(ctx context.Context, fn func(ctx context.Context) error) error {
	return s.db.Atomic(ctx, fn)
}

//go:embed migrations/*.sql
var migrationFiles embed.FS

func migrations() fs.FS {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the name of the folder is a constant
	}
	return files
}

// Migrate brings the schema up to date. It may be killed at any statement and run again: each file is one transaction
// with its number. Processes that migrate at once wait for each other.
func (s *Store) Migrate(ctx context.Context) error { return s.db.Migrate(ctx, migrations()) }

// MigrationStatus returns all migrations that this program or the database knows, in order. It changes nothing.
func (s *Store) MigrationStatus(ctx context.Context) ([]Migration, error) {
	return s.db.MigrationStatus(ctx, migrations())
}

// CheckSchema reports whether this program and the database fit together: ErrSchemaOld or ErrSchemaNew if they do not.
func (s *Store) CheckSchema(ctx context.Context) error { return s.db.CheckSchema(ctx, migrations()) }

// The tables speak to the database through the following, in the words of package database.

type row = database.Row

const forShare = database.ForShare

// The order in which commits lock the rows that they rest on.
const (
	accountRank database.Rank = iota
	sessionRank
)

func all[T any](ctx context.Context, s *Store, scan func(row) (T, error), query string, args ...any) ([]T, error) {
	return database.All(ctx, s.db, scan, query, args...)
}

func one[T any](ctx context.Context, s *Store, scan func(row) (T, error), query string, args ...any) (T, error) {
	return database.One(ctx, s.db, scan, query, args...)
}

// along is all that goes along with what is asked next, as database.Along says.
func along[T any](ctx context.Context, s *Store, scan func(row) (T, error), query string, args ...any) (context.Context, func(context.Context) ([]T, error)) {
	return database.Along(ctx, s.db, scan, query, args...)
}

func (s *Store) number(ctx context.Context, query string, args ...any) (int64, error) {
	return database.Number(ctx, s.db, query, args...)
}

// wordsOf are the words of a text; nil: it has none.
func wordsOf(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Fields(text)
}

func (s *Store) query(ctx context.Context, query string, args []any, scan func(row) error) error {
	return s.db.Query(ctx, query, args, scan)
}

func (s *Store) exec(ctx context.Context, missed error, query string, args ...any) error {
	return s.db.Exec(ctx, missed, query, args...)
}

// execOne is exec of an UPDATE of the one row of a key: see database.ExecOne.
func (s *Store) execOne(ctx context.Context, missed error, query, key string, args ...any) error {
	return s.db.ExecOne(ctx, missed, query, key, args...)
}

// execApart is exec of a write that may be part of the statement of those before it: see database.ExecApart.
func (s *Store) execApart(ctx context.Context, missed error, query string, args ...any) error {
	return s.db.ExecApart(ctx, missed, query, args...)
}

// insert inserts a row; into is the text up to VALUES.
func (s *Store) insert(ctx context.Context, into string, values ...any) error {
	return s.db.Insert(ctx, into, values...)
}

func (s *Store) lock(ctx context.Context, rank database.Rank, missed error, query string, args ...any) error {
	return s.db.Lock(ctx, rank, missed, query, args...)
}

// lockApart is lock of rows of a key, which may be part of the statement of the locks before it: see database.LockApart.
func (s *Store) lockApart(ctx context.Context, rank database.Rank, missed error, query string, args ...any) error {
	return s.db.LockApart(ctx, rank, missed, query, args...)
}

func (s *Store) undo(ctx context.Context, f func()) { s.db.Undo(ctx, f) }

// micros is how a time is kept: microseconds since 1970, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// instant is the reverse of micros.
func instant(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// asText is what json.Marshal makes, without the two copies that it takes to make a text of that.
func asText(v any) (string, error) {
	var b strings.Builder
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		return "", err
	}
	return strings.TrimSuffix(b.String(), "\n"), nil // which ends each document of an encoder
}
