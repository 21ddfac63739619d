package database

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"runtime"
	"strings"

	"github.com/pressly/goose/v3"
	sqlitedriver "modernc.org/sqlite"
	sqlitecode "modernc.org/sqlite/lib"

	"vestibule/provider/store"
)

// sqliteOptions hold for each connection. FULL: what was answered survives a power cut. SQLite does not look at the
// context while it waits for another process's lock, so that commit has it wait for a short time, again and again.
var sqliteOptions = []string{
	"journal_mode(wal)", "synchronous(full)", "busy_timeout(500)", "foreign_keys(on)",
}

// sqlite has one connection that writes, so that writers queue in order instead of polling for the
// lock of the file, and some that only read, which never wait for it.
type sqlite struct {
	writer, reader *sql.DB
}

func openSQLite(path string) (*sqlite, error) {
	if err := touch(path); err != nil {
		return nil, err
	}
	writer, err := sqlitePool(path, 1)
	if err != nil {
		return nil, err
	}
	reader, err := sqlitePool(path, max(4, runtime.GOMAXPROCS(0)), "query_only(on)")
	if err != nil {
		return nil, err
	}
	return &sqlite{writer: writer, reader: reader}, nil
}

// sqlitePool opens connections when they are needed, and keeps them.
func sqlitePool(path string, connections int, more ...string) (*sql.DB, error) {
	connector, err := sqlitedriver.NewConnector(sqliteName(path, more...))
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(keeper{connector})
	pool.SetMaxOpenConns(connections)
	pool.SetMaxIdleConns(connections)
	return pool, nil
}

// touch makes the file, for its owner only; SQLite gives the files beside it the same mode. The
// system's error says more than SQLite's would.
func touch(path string) error {
	if path == "" || strings.HasPrefix(path, ":") {
		return fmt.Errorf("sqlite:%s: the name of a file is needed", path)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// sqliteName is a URI, in which a path may have any character.
func sqliteName(path string, more ...string) string {
	options := url.Values{"_pragma": append(more, sqliteOptions...)}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + options.Encode()
}

func (l *sqlite) close() error {
	return errors.Join(l.reader.Close(), l.writer.Close())
}

// clock is that of this machine; SQLite tells milliseconds.
func (l *sqlite) clock() string {
	return `SELECT CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000`
}

func (l *sqlite) rowsOf(from string) string {
	return `rowid IN (SELECT rowid` + from + `)`
}

// join leaves the writes as they are: a statement costs little here.
func (l *sqlite) join(writes []write) []write { return writes }

func (l *sqlite) migrator() migrator {
	return migrator{
		dialect: goose.DialectSQLite3,
		db:      l.writer,
		exists:  `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'goose_db_version'`,
	}
}

// query waits for its turn as commit does, if it writes and returns what it has written. Nothing is won here by what goes
// along: it is asked afterwards, and by itself if that fails.
func (l *sqlite) query(ctx context.Context, q question, along []*rider) error {
	if err := l.ask(ctx, q); err != nil {
		return err
	}
	for _, r := range along {
		r.answered = l.ask(ctx, r.question) == nil
	}
	return nil
}

func (l *sqlite) ask(ctx context.Context, q question) error {
	if reads(q.query) {
		return sqliteQuery(ctx, l.reader, q.query, q.args, q.scan)
	}
	for {
		err := sqliteQuery(ctx, l.writer, q.query, q.args, q.scan)
		if !isBusy(err) || ctx.Err() != nil {
			return err
		}
	}
}

func sqliteQuery(ctx context.Context, db *sql.DB, query string, args []any, scan func(Row) error) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return sqliteError(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return outcome{err}
		}
	}
	return sqliteError(rows.Err())
}

// commit waits for its turn until the context is over: a process that writes all the time lets others in by chance only.
func (l *sqlite) commit(ctx context.Context, writes []write) error {
	for {
		err := l.tryCommit(ctx, writes)
		if !isBusy(err) || ctx.Err() != nil {
			return err
		}
	}
}

// tryCommit speaks to the driver itself: database/sql would start goroutines for each statement. What has begun to write is
// not interrupted, but ends after the statement that is running.
func (l *sqlite) tryCommit(ctx context.Context, writes []write) error {
	c, err := l.writer.Conn(ctx)
	if err != nil {
		return sqliteError(err)
	}
	defer c.Close()
	return c.Raw(func(c any) error { return sqliteError(c.(*keptConn).commit(ctx, writes)) })
}

func (c *keptConn) commit(ctx context.Context, writes []write) error {
	if len(writes) == 1 {
		return c.write(ctx, writes[0])
	}
	tx, err := c.BeginTx(ctx, driver.TxOptions{})
	if err != nil {
		return err
	}
	for _, w := range writes {
		if err := c.write(ctx, w); err != nil {
			tx.Rollback()
			return err
		}
	}
	return tx.Commit()
}

func (c *keptConn) write(ctx context.Context, w write) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	args, err := driverArgs(w.args)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if reads(w.query) {
		return c.condition(ctx, w, args)
	}
	done, err := c.ExecContext(ctx, w.query, args)
	if err != nil {
		return err
	}
	n, err := done.RowsAffected()
	if err == nil && n == 0 {
		return w.miss()
	}
	return err
}

// condition is a write that only looks whether there is a row. Nobody else writes meanwhile.
func (c *keptConn) condition(ctx context.Context, w write, args []driver.NamedValue) error {
	rows, err := c.QueryContext(ctx, w.query, args)
	if err != nil {
		return err
	}
	err = rows.Next(make([]driver.Value, len(rows.Columns())))
	if err == io.EOF {
		err = w.miss()
	}
	if closed := rows.Close(); err == nil {
		err = closed
	}
	return err
}

// driverArgs are arguments as drivers know them.
func driverArgs(args []any) ([]driver.NamedValue, error) {
	values := make([]driver.NamedValue, len(args))
	for i, arg := range args {
		v, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return nil, fmt.Errorf("argument $%d: %w", i+1, err)
		}
		values[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return values, nil
}

// sqliteText makes positions of the arguments: to SQLite $2 is a name, which most drivers bind by
// the order of appearance. It locks no rows, but the whole file.
func sqliteText(query string) string {
	return strings.ReplaceAll(strings.TrimSuffix(query, ForShare), "$", "?")
}

// isBusy reports whether another process writes; then nothing was written.
func isBusy(err error) bool {
	var fault *sqlitedriver.Error
	return errors.As(err, &fault) && fault.Code()&0xff == sqlitecode.SQLITE_BUSY
}

// sqliteError tells the outcomes apart by SQLite's extended codes.
func sqliteError(err error) error {
	var fault *sqlitedriver.Error
	if !errors.As(err, &fault) {
		return err
	}
	switch fault.Code() {
	case sqlitecode.SQLITE_CONSTRAINT_UNIQUE, sqlitecode.SQLITE_CONSTRAINT_PRIMARYKEY:
		return store.ErrConflict
	}
	switch fault.Code() & 0xff {
	case sqlitecode.SQLITE_BUSY, sqlitecode.SQLITE_LOCKED, sqlitecode.SQLITE_NOMEM, sqlitecode.SQLITE_READONLY,
		sqlitecode.SQLITE_INTERRUPT, sqlitecode.SQLITE_IOERR, sqlitecode.SQLITE_CORRUPT, sqlitecode.SQLITE_FULL,
		sqlitecode.SQLITE_CANTOPEN, sqlitecode.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", store.ErrUnavailable, err)
	}
	return err
}
