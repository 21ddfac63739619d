// Package storagetest gives tests a fresh database of each kind.
package storagetest

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"vestibule/storage"
)

// Each runs f on a fresh SQLite file and on a fresh schema of the PostgreSQL that
// VESTIBULE_TEST_POSTGRES names, each at the newest migration, in parallel.
func Each(t *testing.T, f func(t *testing.T, s *storage.Store)) {
	t.Helper()
	EachDSN(t, func(t *testing.T, dsn string) {
		s := Open(t, dsn)
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		f(t, s)
	})
}

// EachDSN is Each for tests that open the database themselves; it is empty.
func EachDSN(t *testing.T, f func(t *testing.T, dsn string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, Postgres(t))
	})
}

// Open opens a database for the time of the test. A second one on the same dsn stands for a second process.
func Open(t *testing.T, dsn string) *storage.Store {
	t.Helper()
	s, err := storage.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// Postgres is the DSN of a Schema, for a pool.
func Postgres(t *testing.T) string {
	t.Helper()
	address := Schema(t)
	query := address.Query()
	query.Set("pool_max_conns", "8") // many tests share the server
	address.RawQuery = query.Encode()
	return address.String()
}

// Schema makes a schema of its own for the test, so that tests do not see each other, and returns its address. It is empty.
func Schema(t testing.TB) *url.URL {
	t.Helper()
	server := os.Getenv("VESTIBULE_TEST_POSTGRES")
	switch {
	case server == "" && os.Getenv("VESTIBULE_TEST_REQUIRE") != "":
		t.Fatal("VESTIBULE_TEST_POSTGRES is empty and VESTIBULE_TEST_REQUIRE is set")
	case server == "":
		t.Skip("VESTIBULE_TEST_POSTGRES is empty")
	}
	name := "test_" + strings.ToLower(rand.Text())
	run(t, server, "CREATE SCHEMA "+name)
	t.Cleanup(func() { run(t, server, "DROP SCHEMA "+name+" CASCADE") })

	address, err := url.Parse(server)
	if err != nil {
		t.Fatalf("VESTIBULE_TEST_POSTGRES: %v", err)
	}
	query := address.Query()
	query.Set("search_path", name)
	address.RawQuery = query.Encode()
	return address
}

func run(t testing.TB, server, statement string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // a test's context is over when it cleans up
	c, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatalf("VESTIBULE_TEST_POSTGRES: %v", err)
	}
	defer c.Close(ctx)
	if _, err := c.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
