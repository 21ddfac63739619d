package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"vestibule/provider/store"
)

// postgresConns is how many connections a process opens at most, unless the address has
// pool_max_conns. PostgreSQL allows 100 in all by default.
const postgresConns = 16

// postgresTries is how often a statement or batch runs that loses a deadlock. Nothing of a lost one is left.
const postgresTries = 3

// SQLSTATE codes, PostgreSQL appendix A.
const (
	stateDivisionByZero  = "22012"
	stateUntranslatable  = "22021" // bytes that are not UTF-8, or NUL, in a text
	stateUniqueViolation = "23505"
	stateReadOnly        = "25006" // the primary has become a standby
	stateNoDatabase      = "3D000"
	stateSerialization   = "40001"
	stateUnknown         = "40003" // whether the statement was completed
	stateDeadlock        = "40P01"
)

type postgres struct {
	pool    *pgxpool.Pool
	reads   *sharing
	commits *committing
	joiner
}

func openPostgres(ctx context.Context, dsn string) (*postgres, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err // without the password: the parser takes it out
	}
	if !strings.Contains(dsn, "pool_max_conns") {
		config.MaxConns = postgresConns
	}
	if config.ConnConfig.ConnectTimeout == 0 || config.ConnConfig.ConnectTimeout > answerTime {
		config.ConnConfig.ConnectTimeout = answerTime
	}
	if config.ConnConfig.RuntimeParams["application_name"] == "" {
		config.ConnConfig.RuntimeParams["application_name"] = "vestibule"
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return &postgres{pool: pool, reads: newSharing(pool), commits: newCommitting(pool)}, nil
}

func (p *postgres) close() error {
	p.pool.Close()
	return nil
}

func (p *postgres) clock() string {
	return `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`
}

// rowsOf has an array, which is made before the rows are looked for. What is IN a subquery may be looked for by reading
// the whole table. A row that was changed since has another place; its lock is waited for all the same.
func (p *postgres) rowsOf(from string) string {
	return `ctid = ANY (ARRAY(SELECT ctid` + from + `))`
}

// migrator lends the pool to the migrations, which speak database/sql.
func (p *postgres) migrator() migrator {
	return migrator{
		dialect: goose.DialectPostgres,
		db:      stdlib.OpenDBFromPool(p.pool),
		locker:  postgresLock{},
		exists: `SELECT count(*) FROM pg_tables
			WHERE schemaname = current_schema() AND tablename = 'goose_db_version'`,
		whole: []any{pgx.QueryExecModeSimpleProtocol},
	}
}

// postgresLock lets one session migrate a schema at a time; the others wait in line. It ends with
// the session, however that ends.
type postgresLock struct{}

// The number is "vest" and the schema: other programs and schemas do not wait for ours.
const postgresLockNumber = `(1986360180::bigint << 32) | oid::bigint FROM pg_namespace WHERE nspname = current_schema()`

// SessionLock waits for the lock.
func (postgresLock) SessionLock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock(n) FROM (SELECT `+postgresLockNumber+`) AS lock (n)`)
	return err
}

// SessionUnlock gives it back.
func (postgresLock) SessionUnlock(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, `SELECT pg_advisory_unlock(n) FROM (SELECT `+postgresLockNumber+`) AS lock (n)`)
	return err
}

func (p *postgres) query(ctx context.Context, q question, along []*rider) error {
	if reads(q.query) && slices.ContainsFunc(q.args, untranslatable) {
		return nil // no row has such a key, and those who share the trip would have to ask again
	}
	for try := 1; ; try++ {
		scanned, err := p.ask(ctx, q, along)
		switch {
		case hasState(err, stateUntranslatable) && reads(q.query):
			return nil // no row has such a key
		case scanned || try == postgresTries || !lost(err):
			return postgresError(err)
		}
	}
}

// untranslatable reports whether a text is none to PostgreSQL.
func untranslatable(arg any) bool {
	text, ok := arg.(string)
	return ok && (strings.ContainsRune(text, 0) || !utf8.ValidString(text))
}

func (p *postgres) ask(ctx context.Context, q question, along []*rider) (scanned bool, err error) {
	switch {
	case len(along) == 0 && q.single && reads(q.query):
		return p.reads.ask(ctx, q)
	case len(along) == 0:
		return askAlone(ctx, p.pool, q)
	}
	b := &pgx.Batch{}
	b.Queue(q.query, q.args...)
	for _, r := range along {
		b.Queue(r.query, r.args...)
	}
	results := p.pool.SendBatch(ctx, b)
	defer results.Close()
	if scanned, err = q.next(results); err != nil {
		return scanned, err
	}
	for _, r := range along {
		if _, err := r.next(results); err != nil {
			return true, err // the rows of this one are scanned: another try would double them
		}
	}
	if err := results.Close(); err != nil { // what was written is committed here
		return scanned, err
	}
	for _, r := range along {
		r.answered = true
	}
	return scanned, nil
}

// next reads the next result of a batch.
func (q question) next(results pgx.BatchResults) (scanned bool, err error) {
	rows, err := results.Query()
	if err != nil {
		return false, err
	}
	return q.read(rows)
}

func (q question) read(rows pgx.Rows) (scanned bool, err error) {
	defer rows.Close()
	for rows.Next() {
		scanned = true
		if err := q.scan(rows); err != nil {
			return true, outcome{err}
		}
	}
	return scanned, rows.Err()
}

func (p *postgres) commit(ctx context.Context, writes []write) error {
	var err error
	for range postgresTries {
		err = p.try(ctx, writes)
		if err == errOneMissed {
			writes = parts(writes)
			err = p.try(ctx, writes)
		}
		if !lost(err) {
			break
		}
	}
	return postgresError(err)
}

// errOneMissed reports that one of the writes of a statement has changed nothing, and not which: each for itself tells.
var errOneMissed = errors.New("one of several writes has missed")

// parts are the writes that statements are made of.
func parts(statements []write) []write {
	var all []write
	for _, w := range statements {
		if w.parts == nil {
			all = append(all, w)
		}
		all = append(all, w.parts...)
	}
	return all
}

func (p *postgres) try(ctx context.Context, writes []write) error {
	switch {
	case len(writes) > 1:
		return p.batch(ctx, writes)
	case writes[0].key() != "":
		return p.commits.commit(ctx, writes[0])
	}
	return commitAlone(ctx, p.pool, writes[0])
}

func commitAlone(ctx context.Context, pool *pgxpool.Pool, w write) error {
	tag, err := pool.Exec(ctx, w.query, w.args...)
	return w.became(tag, err)
}

// became is what becomes of the only write of a commit.
func (w write) became(tag pgconn.CommandTag, err error) error {
	if err == nil && tag.RowsAffected() == 0 {
		return w.miss()
	}
	return w.failed(err)
}

// batch sends all writes in one round trip, which PostgreSQL runs as one transaction. A write that
// may not miss is wrapped so that the server itself fails, and rolls back, when no row is changed:
// to look at the count here and then commit or not would take a second trip with locks held.
func (p *postgres) batch(ctx context.Context, writes []write) error {
	b := &pgx.Batch{}
	for _, w := range writes {
		b.Queue(w.text(), w.args...)
	}
	results := p.pool.SendBatch(ctx, b)
	for _, w := range writes {
		if _, err := results.Exec(); err != nil {
			results.Close()
			return w.failed(err)
		}
	}
	return results.Close()
}

func (w write) text() string {
	if w.missed == nil || w.parts != nil {
		return w.query
	}
	return "WITH done AS (" + w.counted() + ") SELECT 1 / count(*) FROM done"
}

// counted is the text that returns a row for each that it has changed or found.
func (w write) counted() string {
	if reads(w.query) {
		return w.query
	}
	return w.query + " RETURNING 1"
}

// failed tells what an error of the write means.
func (w write) failed(err error) error {
	switch {
	case !hasState(err, stateDivisionByZero):
		return err
	case w.missed != nil:
		return w.miss()
	case w.parts != nil:
		return errOneMissed
	}
	return err
}

// postgresError tells the outcomes apart. All that is no answer of the server is trouble on the way.
func postgresError(err error) error {
	var answer *pgconn.PgError
	var o outcome
	switch {
	case err == nil, errors.As(err, &o):
		return err
	case hasState(err, stateUniqueViolation):
		return store.ErrConflict
	case !errors.As(err, &answer), away(answer.Code):
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}

// away reports whether a server that answers so cannot work now: connection, authorization,
// resources, operator, and its own faults.
func away(state string) bool {
	switch state[:2] {
	case "08", "28", "3D", "53", "55", "57", "58", "XX":
		return true
	}
	return state == stateReadOnly || state == stateDeadlock || state == stateSerialization
}

// lost reports whether a transaction was rolled back in favour of another one, and may run again.
func lost(err error) bool {
	return hasState(err, stateDeadlock, stateSerialization)
}

func hasState(err error, states ...string) bool {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return false
	}
	for _, state := range states {
		if answer.Code == state {
			return true
		}
	}
	return false
}
