package database

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"

	"vestibule/provider/store"
)

// mostJobs is how many jobs share a transaction of SQLite.
const mostJobs = 32

// job is what one caller writes to SQLite, whole or not at all. Those that come while another one is being committed share the
// next transaction: to make one durable costs more than to write it, and there is one writer.
type job struct {
	ctx       context.Context
	run       func(c *sql.Conn) error
	statement bool // it is one, of which nothing is left when it fails
	rows      bool // it is one, and hands rows on: it is not done twice

	begun bool // in a transaction: it does not wait for another turn
	err   error
}

// errNotDone is what is told of a job that was not reached.
var errNotDone = fmt.Errorf("%w: the write was not done", store.ErrUnavailable)

// write does a job when its turn has come, and waits until the context is over: a process that writes all the time lets others
// in by chance only.
func (l *sqlite) write(j job) error {
	for {
		j := j
		j.err = errNotDone
		if err := l.writes.join(j.ctx, &j); err != nil {
			return err
		}
		if j.begun || !isBusy(j.err) || j.ctx.Err() != nil {
			return j.err
		}
	}
}

func (l *sqlite) doFor(ctx context.Context, jobs []*job) {
	c, err := l.writer.Conn(ctx)
	if err != nil {
		failAll(jobs, sqliteError(err))
		return
	}
	defer c.Close()
	switch {
	case len(jobs) > 1:
		err = together(c, jobs)
	case jobs[0].statement:
		jobs[0].do(c)
	default:
		err = transaction(c, jobs, (*job).unsaved)
	}
	if err != nil && err != errRolledBack {
		failAll(jobs, err)
	}
}

// failAll is for jobs of which nothing was written, or nothing is known.
func failAll(jobs []*job, err error) {
	for _, j := range jobs {
		j.err = err
	}
}

// do runs a job, unless who wants it has gone. What has begun to write is not interrupted, but ends after the statement that is
// running.
func (j *job) do(c *sql.Conn) (begun bool) {
	if j.err = j.ctx.Err(); j.err != nil {
		return false
	}
	j.err = j.run(c)
	return true
}

// errRolledBack reports that a job has failed and the others are to be done again.
var errRolledBack = errors.New("a job of the transaction has failed")

// together commits jobs as one transaction. If one fails, all are done again between savepoints, so that only that one leaves
// nothing behind: a savepoint costs a copy of each page, and few fail. Those with rows come when no other can fail any more. If
// the database fails, none has written, and all are told so: what one was told may rest on another.
func together(c *sql.Conn, jobs []*job) error {
	slices.SortStableFunc(jobs, func(a, b *job) int { return compareBool(a.rows, b.rows) })
	err := transaction(c, jobs, (*job).unsaved)
	if err == errRolledBack {
		for _, j := range jobs {
			j.begun = false
		}
		err = transaction(c, jobs, (*job).saved)
	}
	return err
}

// transaction commits jobs, or none of them with the error of one. The errors of those of which nothing is left are theirs alone.
func transaction(c *sql.Conn, jobs []*job, do func(*job, *sql.Conn) error) error {
	if err := onKept(c, (*keptConn).begin); err != nil {
		return sqliteError(err)
	}
	ended := false
	defer func() {
		if !ended { // a panic, which is the leader's
			failAll(jobs, errNotDone)
			onKept(c, (*keptConn).rollback)
		}
	}()
	for _, j := range jobs {
		j.begun = true
		if err := do(j, c); err != nil {
			ended = true
			onKept(c, (*keptConn).rollback)
			return err
		}
	}
	ended = true
	return sqliteError(onKept(c, (*keptConn).commit))
}

// unsaved does a job that must not fail, unless it is one statement. The error is the transaction's.
func (j *job) unsaved(c *sql.Conn) error {
	if begun := j.do(c); begun && j.err != nil && !j.statement {
		return cmp.Or(fatal(j.err), errRolledBack)
	}
	return fatal(j.err)
}

// saved does a job of which nothing is left when it fails. The error is the transaction's: SQLite may have rolled it back by
// itself.
func (j *job) saved(c *sql.Conn) error {
	if j.statement {
		return j.unsaved(c)
	}
	if err := onKept(c, func(c *keptConn) error { return c.exec("SAVEPOINT job") }); err != nil {
		return sqliteError(err)
	}
	j.do(c)
	if err := fatal(j.err); err != nil {
		return err
	}
	return sqliteError(onKept(c, func(c *keptConn) error {
		if j.err != nil {
			if err := c.exec("ROLLBACK TO job"); err != nil {
				return err
			}
		}
		return c.exec("RELEASE job")
	}))
}

// fatal is an error that a transaction does not survive; nil: it is the job's own.
func fatal(err error) error {
	if errors.Is(err, store.ErrUnavailable) {
		return err
	}
	return nil
}

func onKept(c *sql.Conn, f func(c *keptConn) error) error {
	return c.Raw(func(c any) error { return f(c.(*keptConn)) })
}

func (c *keptConn) writeAll(ctx context.Context, writes []write) error {
	for _, w := range writes {
		if err := c.write(ctx, w); err != nil {
			return err
		}
	}
	return nil
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
