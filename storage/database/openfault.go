package database

import (
	"errors"
	"fmt"
	"strings"

	sqlitedriver "modernc.org/sqlite"
	sqlitecode "modernc.org/sqlite/lib"
)

// unfit reports a database that is there and cannot be opened: what is wrong in one sentence, and nothing of the cause.
type unfit struct {
	text  string
	cause error
}

func (u *unfit) Error() string { return u.text }
func (u *unfit) Unwrap() error { return u.cause }

// openFault says what to do about a database that gives no first answer. What was asked is of no interest to anybody.
func (d *DB) openFault(dsn string, err error) error {
	var file *sqlitedriver.Error
	switch {
	case errors.As(err, &file) && file.Code()&0xff == sqlitecode.SQLITE_NOTADB:
		path := strings.TrimPrefix(dsn, "sqlite:")
		return &unfit{fmt.Sprintf("%s is a file, but no SQLite database: name another, or move this one away and a new one is made", path), err}
	case hasState(err, stateNoDatabase):
		name := d.conn.(*postgres).pool.Config().ConnConfig.Database
		return &unfit{fmt.Sprintf("PostgreSQL has no database %q: make it (CREATE DATABASE), or name another in the address", name), err}
	}
	if cause := errors.Unwrap(err); cause != nil {
		return cause
	}
	return err
}
