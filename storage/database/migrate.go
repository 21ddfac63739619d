package database

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Schemas that CheckSchema refuses.
var (
	// ErrSchemaOld reports that migrations are waiting.
	ErrSchemaOld = errors.New("run vestibule migrate up")
	// ErrSchemaNew reports that a newer program has migrated the database.
	ErrSchemaNew = errors.New("run the newer vestibule, or restore the backup from before its migration")
)

// Migration is a numbered step of the schema.
type Migration struct {
	Version int64
	Name    string // of its file; empty if this program does not know it
	Applied bool
}

// migrator is what the migrations need of a database.
type migrator struct {
	dialect goose.Dialect
	db      *sql.DB
	locker  lock.SessionLocker // nil: the database has no locks, see climb
	exists  string             // a query for the number of version tables
	whole   []any              // arguments with which a text of many statements is sent as it is
}

// Migrate brings the schema up to date with the files. It may be killed at any statement and run again: each file is
// one transaction with its number. Processes that migrate at once wait for each other.
func (d *DB) Migrate(ctx context.Context, files fs.FS) error {
	m := d.conn.migrator()
	steps, err := m.steps(files)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(steps...)}
	if m.locker != nil {
		options = append(options, goose.WithSessionLocker(m.locker))
	}
	up, err := goose.NewProvider(m.dialect, m.db, nil, options...)
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	if err := d.climb(ctx, up); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// steps are the files, each sent as it is. Goose would take them apart into statements, which costs a buffer of four
// megabytes for every line that finds none in a pool: most of the time that a new database takes.
func (m migrator) steps(files fs.FS) ([]*goose.Migration, error) {
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	var steps []*goose.Migration
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		steps = append(steps, goose.NewGoMigration(version, &goose.GoFunc{RunTx: func(ctx context.Context, tx *sql.Tx) error {
			return m.step(ctx, tx, files, name)
		}}, nil))
	}
	return steps, nil
}

func (m migrator) step(ctx context.Context, tx *sql.Tx, files fs.FS, name string) error {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, string(text), m.whole...); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// climb applies what is missing. Where there is no lock, another process may have taken the same step
// in the meantime: then the version has moved although we failed, and we go on from there.
func (d *DB) climb(ctx context.Context, up *goose.Provider) error {
	for {
		before, err := d.applied(ctx)
		if err != nil {
			return err
		}
		_, failed := up.Up(ctx)
		if failed == nil {
			return nil
		}
		after, err := d.applied(ctx)
		if err != nil || len(after) == len(before) {
			return failed
		}
	}
}

// MigrationStatus returns all migrations that the files or the database have, in order. It changes nothing.
func (d *DB) MigrationStatus(ctx context.Context, files fs.FS) ([]Migration, error) {
	applied, err := d.applied(ctx)
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return nil, err
	}
	var status []Migration
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		status = append(status, Migration{version, name, applied[version]})
		delete(applied, version)
	}
	return append(status, unknown(applied)...), nil
}

func unknown(applied map[int64]bool) []Migration {
	var more []Migration
	for version := range applied {
		more = append(more, Migration{Version: version, Applied: true})
	}
	slices.SortFunc(more, func(a, b Migration) int { return cmp.Compare(a.Version, b.Version) })
	return more
}

// CheckSchema reports whether the files and the database fit together: ErrSchemaOld or ErrSchemaNew if they do not.
func (d *DB) CheckSchema(ctx context.Context, files fs.FS) error {
	status, err := d.MigrationStatus(ctx, files)
	if err != nil {
		return err
	}
	var pending int
	for _, m := range status {
		switch {
		case m.Name == "":
			return fmt.Errorf("the database has migration %d, which this vestibule does not know: %w", m.Version, ErrSchemaNew)
		case !m.Applied:
			pending++
		}
	}
	if pending > 0 {
		return fmt.Errorf("the database lacks %d of %d migrations: %w", pending, len(status), ErrSchemaOld)
	}
	return nil
}

// applied returns the numbers of the migrations that the database has.
func (d *DB) applied(ctx context.Context) (map[int64]bool, error) {
	number := func(r Row) (n int64, err error) {
		err = r.Scan(&n)
		return n, err
	}
	tables, err := One(ctx, d, number, d.conn.migrator().exists)
	if err != nil || tables == 0 {
		return map[int64]bool{}, err
	}
	versions, err := All(ctx, d, number, `SELECT version_id FROM goose_db_version WHERE version_id > 0`)
	applied := make(map[int64]bool, len(versions))
	for _, v := range versions {
		applied[v] = true
	}
	return applied, err
}
