package main

import (
	"context"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/server"
	"vestibule/web/catalogue"
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
			return w.tell(w.stdout, "command.config.good", catalogue.Values{"issuer": s.Issuer, "address": s.Listen, "database": w.kind(s.Database)})
		},
	}
}

// kind names the database without its address, which may hold a password.
func (w *env) kind(address string) string {
	if isSQLite(address) {
		return w.say("command.config.sqlite", catalogue.Values{"path": address[len("sqlite:"):]})
	}
	return "PostgreSQL"
}
