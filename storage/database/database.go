// Package database runs one SQL text on PostgreSQL and on SQLite: it opens them, puts the writes of an Atomic off into one
// transaction, migrates, and tells outcomes from faults. It knows no tables, and never starts a goroutine that outlives a
// call.
//
// Types are TEXT, BIGINT, BOOLEAN and BYTEA, arguments $1. Begin with Open; statements run through All, One, Exec and
// Lock.
package database

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// A statement or a batch may take so long, waiting for a free connection and for locks included. A database that hangs is
// then a store.ErrUnavailable, not a pile of waiting requests.
const (
	answerTime        = 5 * time.Second
	patientAnswerTime = 30 * time.Second
)

// DB is a database. It is safe for use by any number of goroutines.
type DB struct {
	conn     conn
	limit    time.Duration // of a statement or a batch
	observer atomic.Pointer[func(Trip)]
}

// Open connects to the database that dsn names: sqlite:PATH, where the file is made if need be, or
// postgres://USER:PASSWORD@HOST/NAME with the parameters of libpq and of pgxpool. A process uses at
// most 16 connections to PostgreSQL, or pool_max_conns, and one that writes to a SQLite file; who
// finds none free waits, but no longer than for an answer. It fails if the database does not answer.
func Open(ctx context.Context, dsn string) (*DB, error) {
	c, err := connect(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	d := &DB{conn: c, limit: answerTime}
	if err := d.Ping(ctx); err != nil {
		defer d.Close()
		return nil, fmt.Errorf("open database: %w", d.openFault(dsn, err))
	}
	return d, nil
}

// OpenPatient is Open for a command, which no browser waits for: it waits longer for its turn beside a busy server.
func OpenPatient(ctx context.Context, dsn string) (*DB, error) {
	d, err := Open(ctx, dsn)
	if err == nil {
		d.limit = patientAnswerTime
	}
	return d, err
}

func connect(ctx context.Context, dsn string) (conn, error) {
	scheme, path, _ := strings.Cut(dsn, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(path)
	case "postgres", "postgresql":
		return openPostgres(ctx, dsn)
	}
	return nil, errors.New("the name of a database begins with sqlite: or postgres://")
}

// Close ends all connections.
func (d *DB) Close() error {
	return d.conn.close()
}

// Ping asks the database for an answer: store.ErrUnavailable if there is none.
func (d *DB) Ping(ctx context.Context) error {
	_, err := Number(ctx, d, `SELECT 1`)
	return err
}

// Now asks the database what time it is. The answer is as old as the way back from it.
func (d *DB) Now(ctx context.Context) (time.Time, error) {
	at, err := Number(ctx, d, d.conn.clock())
	if err != nil {
		return time.Time{}, err
	}
	return time.UnixMicro(at).UTC(), nil
}

// RowsOf is the condition that a row is one of those that a SELECT, which is given from its FROM on, finds first. The
// database goes to them directly, however large the table is.
func (d *DB) RowsOf(from string) string { return d.conn.rowsOf(from) }
