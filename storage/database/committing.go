package database

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"vestibule/provider/store"
)

const (
	// mostCommits is how many commits share a transaction.
	mostCommits = 32
	// lockTime is how long each of several commits may wait for its row, so that the others do not: then each goes by itself.
	lockTime = "20ms"
)

// committing has commits of one row each (ExecOne) that meet be one transaction of PostgreSQL: to end one, and to make it
// durable, costs more than to write. They lock their rows in the order of their keys, so that two such transactions seldom want
// each other's; if they do, lockTime ends it.
type committing struct {
	pool *pgxpool.Pool
	groups[committer]
}

// committer is a commit and what became of it.
type committer struct {
	write
	sent bool // otherwise nothing of it was written
	err  error
}

// errInDoubt is what is told unless the server has said what became of a commit.
var errInDoubt = fmt.Errorf("%w: a commit of several was not answered", store.ErrUnavailable)

func newCommitting(pool *pgxpool.Pool) *committing {
	c := &committing{pool: pool}
	c.groups = groups[committer]{most: 1, size: mostCommits, patience: patience, do: c.commitFor}
	return c
}

// key is that of the one row that a commit of the statement locks; empty: it may lock others.
func (w write) key() string {
	if w.parts == nil {
		return w.one
	}
	if slices.ContainsFunc(w.parts[1:], func(part write) bool { return !part.row }) {
		return ""
	}
	return w.parts[0].one
}

func (c *committing) commit(ctx context.Context, w write) error {
	j := &committer{write: w}
	if err := c.join(ctx, j); err != nil {
		return err
	}
	if !j.sent {
		return commitAlone(ctx, c.pool, w)
	}
	return j.err
}

func (c *committing) commitFor(ctx context.Context, group []*committer) {
	for _, j := range group {
		j.sent, j.err = true, errInDoubt
	}
	if len(group) == 1 {
		group[0].err = commitAlone(ctx, c.pool, group[0].write)
		return
	}
	group = ofDifferentRows(group)
	err := c.commitTogether(ctx, group)
	if err == nil {
		return
	}
	for _, j := range group {
		j.sent, j.err = !nothingLeft(err), err
	}
}

// ofDifferentRows are the commits in the order of their keys. Of those of one row, the others go by themselves: they would miss,
// and all with them.
func ofDifferentRows(group []*committer) []*committer {
	slices.SortFunc(group, func(a, b *committer) int { return cmp.Compare(a.key(), b.key()) })
	var different []*committer
	for i, j := range group {
		if j.sent = i == 0 || j.key() != group[i-1].key(); j.sent {
			different = append(different, j)
		}
	}
	return different
}

// commitTogether is nil if all is committed. What was told before is void otherwise.
func (c *committing) commitTogether(ctx context.Context, group []*committer) error {
	b := &pgx.Batch{}
	b.Queue(`SELECT set_config('lock_timeout', $1, TRUE)`, lockTime)
	for _, j := range group {
		b.Queue(j.query, j.args...)
	}
	results := c.pool.SendBatch(ctx, b)
	defer results.Close()
	if _, err := results.Exec(); err != nil {
		return err
	}
	for _, j := range group {
		tag, err := results.Exec()
		if err != nil {
			return err
		}
		j.err = j.became(tag, nil)
	}
	return results.Close()
}

// nothingLeft reports whether no commit was done: none was sent, or the server has said so. Without its word, or with a last one, a
// commit may have been done.
func nothingLeft(err error) bool {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return answer.SeverityUnlocalized == "ERROR" && answer.Code != stateUnknown && answer.Code[:2] != "08"
	}
	return pgconn.SafeToRetry(err)
}
