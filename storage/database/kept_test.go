package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	sqlitedriver "modernc.org/sqlite"

	"vestibule/provider/store"
)

func openTest(t testing.TB) *DB {
	t.Helper()
	d, err := Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	exec(t, d, `CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL)`)
	return d
}

func exec(t testing.TB, d *DB, query string, args ...any) {
	t.Helper()
	if err := d.Exec(t.Context(), nil, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// kept is what the connection that writes has prepared.
func kept(t testing.TB, d *DB) (statements int, bytes int) {
	t.Helper()
	onConn(t, d.conn.(*sqlite).writer, func(c *keptConn) error {
		statements = c.recent.Len()
		if len(c.byText) != statements {
			t.Errorf("%d texts and %d statements", len(c.byText), statements)
		}
		var err error
		status := c.sqliteConn.(interface {
			Status(op sqlitedriver.DBStatusOp, reset bool) (int, int, error)
		})
		bytes, _, err = status.Status(sqlitedriver.DBStatusStmtUsed, false)
		return err
	})
	return statements, bytes
}

func onConn(t testing.TB, pool *sql.DB, f func(c *keptConn) error) {
	t.Helper()
	c, err := pool.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Raw(func(c any) error { return f(c.(*keptConn)) }); err != nil {
		t.Fatal(err)
	}
}

func TestStatementsAreKept(t *testing.T) {
	t.Parallel()
	d := openTest(t)
	for i := range 20 {
		exec(t, d, `INSERT INTO thing (id, n) VALUES ($1, $2)`, fmt.Sprint(i), i)
	}
	if n, _ := kept(t, d); n != 2 { // the table's is the other one
		t.Errorf("%d statements are kept after 20 runs of one, want 2", n)
	}
	for i := range 3 * keptStatements {
		exec(t, d, fmt.Sprintf(`UPDATE thing SET n = n + %d WHERE id = $1`, i), "1")
	}
	n, bytes := kept(t, d)
	if n != keptStatements || bytes > 20_000*keptStatements {
		t.Errorf("%d statements are kept in %d bytes, want %d", n, bytes, keptStatements)
	}
	exec(t, d, `INSERT INTO thing (id, n) VALUES ($1, $2)`, "more", 1) // was given up, and is prepared again
}

// A statement that was prepared before the schema changed runs by the new one, and one that has failed can run again.
func TestKeptStatementsFollowTheSchema(t *testing.T) {
	t.Parallel()
	d := openTest(t)
	text := func(r Row) (v string, err error) { err = r.Scan(&v); return v, err }
	find := func() (string, error) { return One(t.Context(), d, text, `SELECT id FROM thing WHERE n = $1`, 1) }
	insert := func() error {
		return d.Exec(t.Context(), nil, `INSERT INTO thing (id, n) VALUES ($1, $2)`, "a", 1)
	}
	if err := insert(); err != nil {
		t.Fatal(err)
	}
	if err := insert(); err != store.ErrConflict {
		t.Errorf("the second INSERT: %v, want %v", err, store.ErrConflict)
	}
	if got, err := find(); got != "a" || err != nil {
		t.Errorf("before: %q, %v, want a", got, err)
	}
	exec(t, d, `DROP TABLE thing`)
	if err := insert(); err == nil || errors.Is(err, store.ErrUnavailable) {
		t.Errorf("without the table: %v, want a fault of the statement", err)
	}
	exec(t, d, `CREATE TABLE thing (more TEXT, n BIGINT NOT NULL, id TEXT NOT NULL PRIMARY KEY)`)
	if err := insert(); err != nil {
		t.Errorf("into the new table: %v", err)
	}
	if got, err := find(); got != "a" || err != nil {
		t.Errorf("after: %q, %v, want a", got, err)
	}
}

// A text that runs while the rows of its first run are open has a statement of its own for that time.
func TestKeptStatementInUse(t *testing.T) {
	t.Parallel()
	d := openTest(t)
	for i := range 3 {
		exec(t, d, `INSERT INTO thing (id, n) VALUES ($1, $2)`, fmt.Sprint(i), i)
	}
	tx, err := d.conn.(*sqlite).writer.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var pairs int
	each := func(f func()) {
		rows, err := tx.Query(`SELECT id FROM thing`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			f()
		}
	}
	each(func() { each(func() { pairs++ }) })
	if err := tx.Commit(); err != nil || pairs != 9 {
		t.Errorf("%d pairs, %v, want 9", pairs, err)
	}
}

// What was given up leaves no transaction behind on the connection that all share who write.
func TestGivenUpCommit(t *testing.T) {
	t.Parallel()
	d := openTest(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := d.Atomic(ctx, func(ctx context.Context) error {
		for i := range 2 {
			if err := d.Exec(ctx, nil, `INSERT INTO thing (id, n) VALUES ($1, $2)`, fmt.Sprint(i), i); err != nil {
				return err
			}
		}
		cancel()
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Atomic: %v, want %v", err, context.Canceled)
	}
	own := errors.New("own")
	err = d.Atomic(t.Context(), func(ctx context.Context) error {
		if err := d.Exec(ctx, nil, `INSERT INTO thing (id, n) VALUES ('x', 1)`); err != nil {
			return err
		}
		return d.Exec(ctx, own, `SELECT 1 FROM thing WHERE id = $1`, "none")
	})
	if err != own {
		t.Errorf("a condition that does not hold: %v, want %v", err, own)
	}
	exec(t, d, `INSERT INTO thing (id, n) VALUES ('y', 1)`)
	n, err := One(t.Context(), d, func(r Row) (n int64, err error) { err = r.Scan(&n); return n, err }, `SELECT count(*) FROM thing`)
	if n != 1 || err != nil {
		t.Errorf("%d rows, %v, want the one of the last statement", n, err)
	}
}

func BenchmarkSQLiteRead(b *testing.B) {
	d := openTest(b)
	exec(b, d, `INSERT INTO thing (id, n) VALUES ('a', 1)`)
	b.ReportAllocs()
	for b.Loop() {
		_, err := One(b.Context(), d, func(r Row) (n int64, err error) { err = r.Scan(&n); return n, err }, `SELECT n FROM thing WHERE id = $1`, "a")
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSQLiteCommit(b *testing.B) {
	d := openTest(b)
	exec(b, d, `INSERT INTO thing (id, n) VALUES ('a', 1)`)
	b.ReportAllocs()
	for b.Loop() {
		err := d.Atomic(b.Context(), func(ctx context.Context) error {
			for range 4 {
				if err := d.Exec(ctx, nil, `UPDATE thing SET n = n + 1 WHERE id = $1`, "a"); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
