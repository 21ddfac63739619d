package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/server"
	"vestibule/storage"
)

// serve runs the server until ctx ends.
func serve(w *env) *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "run the server", Flags: settingsFlags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			c, err := w.settings(cmd)
			if err != nil {
				return err
			}
			if err := server.Check(c); err != nil { // before there is a file of a database
				return err
			}
			release, err := storage.ServeAlone(c.Database)
			if err != nil {
				return err
			}
			s, err := server.New(ctx, c, server.Options{Log: server.NewLogger(w.Stderr, c.LogFormat, c.LogLevel)})
			if err != nil {
				return errors.Join(err, release())
			}
			err = s.Run(ctx)
			return errors.Join(err, s.Close(), release())
		},
	}
}
