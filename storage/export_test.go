package storage

import (
	"context"
	"io/fs"
	"slices"
	"strings"

	"vestibule/storage/database"
)

// The tests are of another package so that they may use storagetest. This is what they see of the inside.

func (s *Store) Exec(ctx context.Context, missed error, query string, args ...any) error {
	return s.exec(ctx, missed, query, args...)
}

// ExecApart is Exec of a write that stands apart.
func (s *Store) ExecApart(ctx context.Context, missed error, query string, args ...any) error {
	return s.execApart(ctx, missed, query, args...)
}

// LockApart is a lock of rows of a key.
func (s *Store) LockApart(ctx context.Context, missed error, query string, args ...any) error {
	return s.lockApart(ctx, sessionRank, missed, query, args...)
}

// LockFirst is a lock that comes before those of LockApart.
func (s *Store) LockFirst(ctx context.Context, missed error, query string, args ...any) error {
	return s.lock(ctx, accountRank, missed, query, args...)
}

// Row returns the columns of the only row, all of them text.
func (s *Store) Row(ctx context.Context, columns int, query string, args ...any) ([]string, error) {
	return one(ctx, s, func(r row) ([]string, error) {
		values := make([]string, columns)
		into := make([]any, columns)
		for i := range values {
			into[i] = &values[i]
		}
		return values, r.Scan(into...)
	}, query, args...)
}

// Number returns the only number.
func (s *Store) Number(ctx context.Context, query string, args ...any) (int64, error) {
	return s.number(ctx, query, args...)
}

func (s *Store) MigrateWith(ctx context.Context, files fs.FS) error { return s.db.Migrate(ctx, files) }

func Migrations() fs.FS { return migrations() }

// Plan is how the database looks for events: the last column of what EXPLAIN answers.
func (s *Store) Plan(ctx context.Context, explain string, f AuditFilter, kinds []string, n int) (string, error) {
	query, args := f.query(kinds, n)
	lines, err := all(ctx, s, func(r row) (line string, err error) {
		if s.IsSQLite() {
			var skipped any
			err = r.Scan(&skipped, &skipped, &skipped, &line)
			return line, err
		}
		err = r.Scan(&line)
		return line, err
	}, explain+query, args...)
	return strings.Join(lines, "\n"), err
}

const PurgeBatch = purgeBatch

// PurgeTexts returns the statements of Purge, each for one batch.
func (s *Store) PurgeTexts() []string {
	var texts []string
	for _, p := range purges {
		texts = append(texts, s.purgeText(p))
	}
	return texts
}

// PurgeBatchOf runs one of the PurgeTexts.
func (s *Store) PurgeBatchOf(ctx context.Context, query string, until, from int64) (n, last int64, err error) {
	return s.purgeBatch(ctx, query, until, from)
}

// IsSQLite tells which of the two databases it is.
func (s *Store) IsSQLite() bool {
	return strings.HasPrefix(s.db.RowsOf(""), "rowid")
}

// QueryPlan is how SQLite goes about a statement.
func (s *Store) QueryPlan(ctx context.Context, query string, args ...any) (string, error) {
	lines, err := all(ctx, s, func(r row) (line string, err error) {
		var skipped any
		err = r.Scan(&skipped, &skipped, &skipped, &line)
		return line, err
	}, "EXPLAIN QUERY PLAN "+query, args...)
	return strings.Join(lines, "\n"), err
}

// GoneTexts returns the statements that clean up after a client, of two families, each for one batch.
func (s *Store) GoneTexts() []string {
	return []string{goneFamilies, s.ofFamilies("access_token", 2), s.ofFamilies("code", 2), s.goneConsents()}
}

// ChangeLink has f change the link that has the event at the place: its last place, the ids and the hashes.
func (s *Store) ChangeLink(ctx context.Context, place int64, f func(last int64, ids []string, hashes []byte) (int64, []string, []byte)) error {
	l, err := one(ctx, s, scanLink, `SELECT place, ids, hashes FROM audit_link WHERE place >= $1 ORDER BY place LIMIT 1`, place)
	if err != nil {
		return err
	}
	last, ids, hashes := f(l.place, l.ids, l.hashes)
	return s.exec(ctx, nil, `UPDATE audit_link SET place = $2, newest = $3, ids = $4, hashes = $5 WHERE place = $1`,
		l.place, last, slices.Max(ids), strings.Join(ids, " "), hashes)
}

// Insert inserts a row.
func (s *Store) Insert(ctx context.Context, into string, values ...any) error {
	return s.insert(ctx, into, values...)
}

// CountAlong has the rows of thing be counted along with what is asked next.
func (s *Store) CountAlong(ctx context.Context) (context.Context, func(context.Context) (int64, error)) {
	ctx, found := database.Along(ctx, s.db, func(r row) (n int64, err error) {
		err = r.Scan(&n)
		return n, err
	}, `SELECT count(*) FROM thing`)
	return ctx, func(ctx context.Context) (int64, error) {
		all, err := found(ctx)
		if err != nil {
			return 0, err
		}
		return all[0], nil
	}
}
