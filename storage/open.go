package storage

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

// Store is a database. It is safe for use by any number of goroutines.
type Store struct {
	conn     conn
	limit    time.Duration // of a statement or a batch
	observer atomic.Pointer[func(Trip)]
	events   atomic.Uint32 // that were named, see NewEventID
}

// Open connects to the database that dsn names: sqlite:PATH, where the file is made if need be, or
// postgres://USER:PASSWORD@HOST/NAME with the parameters of libpq and of pgxpool. A process uses at
// most 16 connections to PostgreSQL, or pool_max_conns, and one that writes to a SQLite file; who
// finds none free waits, but no longer than for an answer. It fails if the database does not answer.
func Open(ctx context.Context, dsn string) (*Store, error) {
	c, err := connect(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	s := &Store{conn: c, limit: answerTime}
	if err := s.Ping(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("open database: %w", err)
	}
	return s, nil
}

// OpenPatient is Open for a command, which no browser waits for: it waits longer for its turn beside a busy server.
func OpenPatient(ctx context.Context, dsn string) (*Store, error) {
	s, err := Open(ctx, dsn)
	if err == nil {
		s.limit = patientAnswerTime
	}
	return s, err
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
func (s *Store) Close() error {
	return s.conn.close()
}

// Ping asks the database for an answer: store.ErrUnavailable if there is none.
func (s *Store) Ping(ctx context.Context) error {
	_, err := one(ctx, s, func(r row) (int64, error) {
		var n int64
		return n, r.Scan(&n)
	}, `SELECT 1`)
	return err
}
