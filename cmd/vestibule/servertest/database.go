package servertest

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"vestibule/storage"
	"vestibule/storage/storagetest"
)

// EachDatabase runs the test on SQLite and on PostgreSQL, each with a database of its own.
func EachDatabase(t *testing.T, test func(t *testing.T, database string)) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, SQLite(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, PostgreSQL(t))
	})
}

// SQLite is the address of a database for one test, which does not exist yet.
func SQLite(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "vestibule.db")
}

// PostgreSQL is the address of a schema for one test, which is empty.
func PostgreSQL(t testing.TB) string { return storagetest.Schema(t).String() }

// Required returns the value of an environment variable that names an outside program. Without it
// the test is skipped, unless VESTIBULE_TEST_REQUIRE says that nothing may be missing.
func Required(t testing.TB, name string) string {
	t.Helper()
	value := os.Getenv(name)
	switch {
	case value != "":
	case os.Getenv("VESTIBULE_TEST_REQUIRE") != "":
		t.Fatalf("%s is not set", name)
	default:
		t.Skipf("%s is not set; .ci/test sets it", name)
	}
	return value
}

// OpenDatabase opens a database as a command does.
func OpenDatabase(t testing.TB, database string) *storage.Store {
	t.Helper()
	db, err := storage.OpenPatient(context.WithoutCancel(t.Context()), database)
	if err != nil {
		t.Fatalf("open %s: %v", database, err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	return db
}

// FreshDatabase returns another database of the same kind.
func FreshDatabase(t testing.TB, like string) string {
	if OnSQLite(like) {
		return SQLite(t)
	}
	return PostgreSQL(t)
}

// OnSQLite tells whether that is the address of a SQLite file, which has one server.
func OnSQLite(address string) bool { return strings.HasPrefix(address, "sqlite:") }

// OpenDump opens the database and returns the query for its tables, and what makes one that turns a table's rows
// into text.
func OpenDump(t testing.TB, address string) (*sql.DB, string, func(context.Context, testing.TB, *sql.DB, string) string) {
	t.Helper()
	driver, tables := "pgx", `SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY 1`
	row := func(context.Context, testing.TB, *sql.DB, string) string {
		return `SELECT t::text FROM %s t ORDER BY 1`
	}
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		driver, address = "sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()
		tables = `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY 1`
		row = sqliteRow
	}
	db, err := sql.Open(driver, address)
	if err != nil {
		t.Fatalf("dump: %v", err)
	}
	return db, tables, row
}

func sqliteRow(ctx context.Context, t testing.TB, db *sql.DB, table string) string {
	t.Helper()
	var parts []string
	for _, name := range Column(ctx, t, db, `SELECT name FROM pragma_table_info('`+table+`')`) {
		parts = append(parts, fmt.Sprintf(`COALESCE(CASE typeof(%[1]q) WHEN 'blob' THEN hex(%[1]q) ELSE %[1]q END, '')`, name))
	}
	return `SELECT ` + strings.Join(parts, ` || '|' || `) + ` FROM %s ORDER BY 1`
}

// Column returns the first column of a query.
func Column(ctx context.Context, t testing.TB, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		t.Fatalf("dump: %s: %v", query, err)
	}
	defer rows.Close()
	var values []string
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			t.Fatalf("dump: %s: %v", query, err)
		}
		values = append(values, value)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("dump: %s: %v", query, err)
	}
	return values
}

// ExecDatabase runs a statement as nobody but a test does, behind the back of the servers.
func ExecDatabase(t testing.TB, address, statement string) {
	t.Helper()
	db, _, _ := OpenDump(t, address)
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}
