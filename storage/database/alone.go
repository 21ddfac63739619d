package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	sqlitedriver "modernc.org/sqlite"
	sqlitecode "modernc.org/sqlite/lib"
)

// ServeAlone makes sure that no other process serves from the SQLite file of the dsn, until release is called or the
// process ends, however it ends. Any number may serve from PostgreSQL. Processes that do not call it are not kept out.
//
// The lock is on a file of its own beside the database: SQLite's lock of the database is given back with each commit.
func ServeAlone(dsn string) (release func() error, err error) {
	path, ok := strings.CutPrefix(dsn, "sqlite:")
	if !ok {
		return func() error { return nil }, nil
	}
	if err := touch(path); err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if path, err = filepath.EvalSymlinks(path); err != nil { // other names of the file have the same lock
		return nil, fmt.Errorf("open database: %w", err)
	}
	release, err = lockFile(path + ".lock")
	var fault *sqlitedriver.Error
	switch {
	case errors.As(err, &fault) && fault.Code()&0xff == sqlitecode.SQLITE_BUSY:
		return nil, fmt.Errorf("another process serves from %s, and a SQLite file has only one; end that one first, or use PostgreSQL", path)
	case err != nil:
		return nil, fmt.Errorf("lock %s.lock: %w", path, err)
	}
	return release, nil
}

// lockFile has SQLite lock a file that stays empty, in the way of the operating system. The kernel gives it back when the
// process is gone.
func lockFile(path string) (release func() error, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case err == nil:
		err = f.Close()
	case errors.Is(err, fs.ErrExist): // closing it would give back a lock that this process has
		err = nil
	}
	if err != nil {
		return nil, err
	}
	options := url.Values{"_txlock": {"exclusive"}, "_pragma": {"busy_timeout(0)"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+options.Encode())
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), db.Close()) }, nil
}
