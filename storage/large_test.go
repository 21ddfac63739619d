package storage_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"vestibule/storage"
	"vestibule/storage/storagetest"
)

// eachLarge runs f on databases with many rows. plan says how the database goes about a statement when it knows no
// more of the arguments than their type, as after it has run often.
func eachLarge(t *testing.T, fill []string, f func(t *testing.T, s *storage.Store, plan func(query string, args ...any) string)) {
	t.Helper()
	t.Parallel()
	storagetest.EachDSN(t, func(t *testing.T, dsn string) {
		s := storagetest.Open(t, dsn)
		must(t, s.Migrate(t.Context()))
		for _, statement := range fill {
			fillWith(t, s, statement)
		}
		f(t, s, planner(t, s, dsn))
	})
}

// planner says how the database goes about a statement when it knows no more of the arguments than their type.
func planner(t *testing.T, s *storage.Store, dsn string) func(query string, args ...any) string {
	t.Helper()
	if !s.IsSQLite() {
		return genericPlan(t, dsn)
	}
	return func(query string, args ...any) string {
		t.Helper()
		text, err := s.QueryPlan(t.Context(), query, args...)
		must(t, err)
		return text
	}
}

// fillWith runs an INSERT for so many numbers that PostgreSQL weighs what reading all of the rows would cost. SQLite plans
// 2000 as it does a million, and takes its time to write them.
func fillWith(t *testing.T, s *storage.Store, statement string) {
	t.Helper()
	rows := 40_000
	if s.IsSQLite() {
		rows = 2_000
	}
	fillRows(t, s, statement, rows)
}

// fillRows runs an INSERT for the numbers from 1 up, some at a time: no statement may take long.
func fillRows(t *testing.T, s *storage.Store, statement string, rows int) {
	t.Helper()
	numbers := "(SELECT generate_series(%d, %d) AS n) AS numbers"
	if s.IsSQLite() {
		numbers = "(WITH RECURSIVE c (n) AS (SELECT %d UNION ALL SELECT n + 1 FROM c WHERE n < %d) SELECT n FROM c) AS numbers"
		statement = strings.ReplaceAll(statement, "BYTEA", "BLOB")
	}
	const step = 2_000
	for first := 1; first < rows; first += step {
		from := fmt.Sprintf(numbers, first, first+step-1)
		must(t, s.Exec(t.Context(), nil, strings.ReplaceAll(statement, "numbers", from)))
	}
	must(t, s.Exec(t.Context(), nil, "ANALYZE "+strings.Fields(statement)[2]))
}

// genericPlan asks PostgreSQL in a session of its own.
func genericPlan(t *testing.T, dsn string) func(query string, args ...any) string {
	t.Helper()
	conn := pgSession(t, dsn)
	_, err := conn.Exec(t.Context(), "SET plan_cache_mode = force_generic_plan")
	must(t, err)
	n := 0
	return func(query string, args ...any) string {
		t.Helper()
		n++
		name := fmt.Sprintf("plan%d", n)
		_, err := conn.Exec(t.Context(), "PREPARE "+name+" AS "+query)
		must(t, err)
		rows, err := conn.Query(t.Context(), "EXPLAIN EXECUTE "+name+literals(args), pgx.QueryExecModeSimpleProtocol)
		must(t, err)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		must(t, err)
		return strings.Join(lines, "\n")
	}
}

func literals(args []any) string {
	var list []string
	for _, arg := range args {
		list = append(list, fmt.Sprintf("'%v'", arg))
	}
	return "(" + strings.Join(list, ", ") + ")"
}

// pgSession is a session at PostgreSQL beside those of the store.
func pgSession(t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	must(t, err)
	delete(config.RuntimeParams, "pool_max_conns") // the pool's, not the server's
	conn, err := pgx.ConnectConfig(t.Context(), config)
	must(t, err)
	t.Cleanup(func() { conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

// manyRows expire one after the other; at the time 20000 half of those in PostgreSQL have.
var manyRows = []string{
	`INSERT INTO interaction (id, data, version, expires_at) SELECT 'i' || n, '{}', 1, n FROM numbers`,
	`INSERT INTO pushed_request (signature, client, registration, data, expires_at) SELECT 'p' || n, 'shop', '', CAST('{}' AS BYTEA), n FROM numbers`,
	`INSERT INTO session (id, sid, subject, login, agent, address, created_at, seen_at, expires_at, version)
		SELECT CAST('s' || n AS BYTEA), 'sid' || n, 'u' || n, '{}', '', '', 0, 0, n, 1 FROM numbers`,
	`INSERT INTO device (signature, user_code, client, registration, network, created_at, expires_at, denied)
		SELECT 'd' || n, 'c' || n, 'shop', '', '', 0, n, FALSE FROM numbers`,
	`INSERT INTO browser (id, subject, generation, epoch, agent, created_at, seen_at, expires_at)
		SELECT CAST('b' || n AS BYTEA), 'u' || n, 1, 0, '', 0, 0, n FROM numbers`,
	`INSERT INTO used_proof (id, expires_at) SELECT 'p' || n, n FROM numbers`,
	`INSERT INTO setup (owner, subject, authenticator, kind, basis, key_id, sealed, confirmed, name, name_key, created_at, expires_at)
		SELECT 'o' || n, 'u' || n, '', '', 1, 'k', CAST('x' AS BYTEA), FALSE, '', '', 0, n FROM numbers`,
	`INSERT INTO guess (budget, ends_at, tries, most_tries, in_a_row, most_in_a_row, locked_until, unlocked_at, forget_at, ids)
		SELECT 'g' || n, 0, 1, 5, n % 2, 100 * (n % 2) + 9223372036854775807 * (1 - n % 2), 0, 0, n, '' FROM numbers`,
	`INSERT INTO code (signature, family, client, registration, offline, subject, session, allowed, created_at, expires_at, used, revoked, keep_until)
		SELECT 'c' || n, 'f' || n, 'shop', '', FALSE, 'u' || n, '', '', 0, n, TRUE, FALSE, n FROM numbers`,
	`INSERT INTO access_token (signature, family, generation, created_at, expires_at, ended, spent, replay)
		SELECT 't' || n, 'f' || n, 0, n, n, FALSE, '', CAST('x' AS BYTEA) FROM numbers`,
	`INSERT INTO enrol_link (id, subject, created_at, expires_at, used_at)
		SELECT CAST('l' || n AS BYTEA), 'u' || n, 0, n, 0 FROM numbers`,
	`INSERT INTO revocation (id, subject, client, due_at, created_at) SELECT 'r' || n, 'u' || n, '', n, n FROM numbers`,
	`INSERT INTO client_assertion (client, id, expires_at) SELECT 'c', 'j' || n, n FROM numbers`,
	`INSERT INTO initial_token (id, hash, uses, uses_left, created_at, expires_at) SELECT 't' || n, 'h' || n, 1, 1, 0, n FROM numbers`,
	`INSERT INTO registration_count (network, started_at, clients) SELECT 'n' || n, n, 1 FROM numbers`,
	`INSERT INTO gone_client (client, registration, gone_at) SELECT 'c' || n, 'r', n FROM numbers`,
	`INSERT INTO notice (id, subject, kind, address, actor, detail, recipient, created_at, due_at)
		SELECT 'n' || n, 'u' || n, 'k', '', '', '{}', '', n, n FROM numbers`,
}

// A clean-up that reads whole tables, once for each batch, takes the database away from everybody else.
func TestPurgePlan(t *testing.T) {
	eachLarge(t, manyRows, func(t *testing.T, s *storage.Store, plan func(string, ...any) string) {
		for _, query := range s.PurgeTexts() {
			looksAtOneBatch(t, query, plan(query, 20_000, 0))
		}
	})
}

// looksAtOneBatch fails the test if the database would read a whole table for one batch of the clean-up.
func looksAtOneBatch(t *testing.T, query, plan string) {
	t.Helper()
	direct := strings.Contains(plan, "Tid Scan") || strings.Contains(plan, "INTEGER PRIMARY KEY (rowid=?)")
	if !direct || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "SCAN") {
		t.Errorf("%s\nlooks at more than one batch:\n%s", query, plan)
	}
}

// A row that gets a later end while the clean-up waits for its lock is live, and stays.
func TestPurgeSparesWhatIsProlonged(t *testing.T) {
	t.Parallel()
	s, dsn := onPostgres(t)
	must(t, s.SaveSession(t.Context(), nil, session("old", "alice")))
	purge := func() error {
		_, err := s.Purge(t.Context(), noon.Add(20*day))
		return err
	}
	waitsFor(t, s, dsn, purge, "UPDATE session SET expires_at = $1", noon.Add(30*day).UnixMicro())
	if !hasSession(t, s, "old") {
		t.Error("a session that was prolonged is gone")
	}
}

// onPostgres is for what waits for a row. On SQLite nothing does: it has one writer at a time.
func onPostgres(t *testing.T) (s *storage.Store, dsn string) {
	t.Helper()
	dsn = storagetest.Postgres(t)
	s = storagetest.Open(t, dsn)
	must(t, s.Migrate(t.Context()))
	return s, dsn
}

// waitsFor fails the test unless do waits for a transaction that has run the statement, and succeeds once that is committed.
func waitsFor(t *testing.T, s *storage.Store, dsn string, do func() error, statement string, args ...any) {
	t.Helper()
	conn := pgSession(t, dsn)
	tx, err := conn.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), statement, args...)
	must(t, err)
	done := make(chan error, 1)
	go func() { done <- do() }()
	awaitLock(t, s, conn.PgConn().PID())
	must(t, tx.Commit(t.Context()))
	must(t, <-done)
}

// awaitLock waits until somebody waits for what the process at PostgreSQL has locked.
func awaitLock(t *testing.T, s *storage.Store, pid uint32) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		if number(t, s, "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))", int32(pid)) > 0 {
			return
		}
	}
	t.Fatal("nobody waits for the lock")
}
