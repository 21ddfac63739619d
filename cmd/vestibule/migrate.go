package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/storage"
)

// migrateUp may be killed at any time and run again.
func migrateUp(w *env) *cli.Command {
	return &cli.Command{
		Name: "up", Usage: "bring the database to the schema of this program", Flags: databaseFlags(),
		Action: func(ctx context.Context, c *cli.Command) error {
			s, err := w.settings(c, "database")
			if err != nil {
				return err
			}
			migrate := func(db *storage.Store) error { return errors.Join(db.Migrate(ctx), db.CheckSchema(ctx)) }
			if err := atAnySchema(ctx, s, migrate); err != nil {
				return err
			}
			return w.Tell(w.Stdout, "command.migrate.done", nil)
		},
	}
}

// migrateStatus changes nothing.
func migrateStatus(w *env) *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "list the migrations and whether they ran", Flags: databaseFlags(terminal.OutputFlag()),
		Action: func(ctx context.Context, c *cli.Command) error {
			s, err := w.existing(c, "database")
			if err != nil {
				return err
			}
			return atAnySchema(ctx, s, func(db *storage.Store) error {
				status, err := db.MigrationStatus(ctx)
				if err != nil {
					return fmt.Errorf("migration status: %w", err)
				}
				migrations := []migration{}
				rows := [][]string{w.Head("command.column.version", "command.column.name", "command.column.applied")}
				for _, m := range status {
					migrations = append(migrations, migration{m.Version, m.Name, m.Applied})
					rows = append(rows, []string{strconv.FormatInt(m.Version, 10), m.Name, w.YesNo(m.Applied)})
				}
				return w.Print(c, migrations, rows)
			})
		},
	}
}

// migration is how JSON shows a step of the schema.
type migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}
