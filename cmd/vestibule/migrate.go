package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strconv"

	"vestibule/storage"
)

// migrateUp may be killed at any time and run again.
func migrateUp(f *flag.FlagSet) action {
	load := databaseFlags(f)
	return func(ctx context.Context, w *env, _ []string) error {
		db, err := openUnmigrated(ctx, w, load)
		if err != nil {
			return err
		}
		defer db.Close()
		if err := errors.Join(db.Migrate(ctx), db.CheckSchema(ctx)); err != nil {
			return err
		}
		_, err = fmt.Fprintln(w.stdout, "the database is at the schema of this program")
		return err
	}
}

// migrateStatus changes nothing.
func migrateStatus(f *flag.FlagSet) action {
	load := existing(databaseFlags(f))
	out := outputFlag(f)
	return func(ctx context.Context, w *env, _ []string) error {
		db, err := openUnmigrated(ctx, w, load)
		if err != nil {
			return err
		}
		defer db.Close()
		status, err := db.MigrationStatus(ctx)
		if err != nil {
			return fmt.Errorf("migration status: %w", err)
		}
		migrations := []migration{}
		rows := [][]string{{"VERSION", "NAME", "APPLIED"}}
		for _, m := range status {
			migrations = append(migrations, migration{m.Version, m.Name, m.Applied})
			rows = append(rows, []string{strconv.FormatInt(m.Version, 10), m.Name, yesNo(m.Applied)})
		}
		return out.print(w.stdout, migrations, rows)
	}
}

// migration is how JSON shows a step of the schema.
type migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

func openUnmigrated(ctx context.Context, w *env, load loadSettings) (*storage.Store, error) {
	c, err := load(w)
	if err != nil {
		return nil, err
	}
	return storage.OpenPatient(ctx, c.Database)
}
