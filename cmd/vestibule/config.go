package main

import (
	"context"
	"fmt"

	"vestibule/cmd/vestibule/server"

	"github.com/urfave/cli/v3"
)

// configCheck prints every fault of the settings or, in one sentence, what the server will be.
func configCheck(w *env) *cli.Command {
	return &cli.Command{
		Name: "check", Usage: "say all that is wrong with the settings", Flags: settingsFlags(),
		Action: func(_ context.Context, c *cli.Command) error {
			s, err := w.settings(c)
			if err != nil {
				return err
			}
			if err := server.Check(s); err != nil {
				return err
			}
			fmt.Fprintf(w.stdout, "The settings are good. The server will be %s on %s, with %s.\n", s.Issuer, s.Listen, kind(s.Database))
			return nil
		},
	}
}

// kind names the database without its address, which may hold a password.
func kind(address string) string {
	if isSQLite(address) {
		return "the SQLite file " + address[len("sqlite:"):]
	}
	return "PostgreSQL"
}
