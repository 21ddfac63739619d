package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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

// writerOptions hold for the connection that writes. It moves 16 MiB of what was written into the file at once: a page that was
// written again and again meanwhile is moved once.
var writerOptions = []string{"wal_autocheckpoint(4096)"}

// sqlite has one connection that writes, so that writers queue in order instead of polling for the
// lock of the file, and some that only read, which never wait for it.
type sqlite struct {
	writer, reader *sql.DB
	writes         groups[job]
}

func openSQLite(path string) (*sqlite, error) {
	if err := touch(path); err != nil {
		return nil, err
	}
	writer, err := sqlitePool(path, 1, writerOptions...)
	if err != nil {
		return nil, err
	}
	reader, err := sqlitePool(path, max(4, runtime.GOMAXPROCS(0)), "query_only(on)")
	if err != nil {
		return nil, err
	}
	l := &sqlite{writer: writer, reader: reader}
	l.writes = groups[job]{most: 1, size: mostJobs, do: l.doFor}
	return l, nil
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
	return l.write(job{ctx: ctx, statement: true, rows: true, run: func(c *sql.Conn) error {
		return sqliteQuery(context.WithoutCancel(ctx), c, q.query, q.args, q.scan)
	}})
}

// querier is a pool or one of its connections.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func sqliteQuery(ctx context.Context, db querier, query string, args []any, scan func(Row) error) error {
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

func (l *sqlite) commit(ctx context.Context, writes []write) error {
	return l.write(job{ctx: ctx, statement: len(writes) == 1, run: func(c *sql.Conn) error {
		return c.Raw(func(c any) error { return sqliteError(c.(*keptConn).writeAll(ctx, writes)) })
	}})
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
