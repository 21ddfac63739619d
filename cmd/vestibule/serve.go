package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/heap"
	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/storage"
)

// serve runs the server until ctx ends.
func serve(w *env) *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "run the server", Flags: settingsFlags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return w.run(ctx, cmd, func(c config.Config) error {
				if c.HydraAdminURL != "" {
					return errors.New("hydra_admin_url is set, so that an Ory Hydra gives the tokens; run `vestibule hydra`, or leave it out")
				}
				return nil
			})
		},
	}
}

// hydraCommand runs the server until ctx ends, for an Ory Hydra that gives the tokens.
func hydraCommand(w *env) *cli.Command {
	return &cli.Command{
		Name: "hydra", Usage: "run the server as the login and consent app of an Ory Hydra", Flags: settingsFlags(),
		Action: func(ctx context.Context, cmd *cli.Command) error {
			return w.run(ctx, cmd, func(c config.Config) error {
				if c.HydraAdminURL == "" {
					return errors.New("hydra_admin_url is missing; set it to the address of Hydra's admin API, such as https://hydra:4445")
				}
				return nil
			})
		},
	}
}

// run runs a server with the settings, unless they are for another command.
func (w *env) run(ctx context.Context, cmd *cli.Command, fits func(c config.Config) error) error {
	c, err := w.settings(cmd)
	if err != nil {
		return err
	}
	if err := errors.Join(fits(c), server.Check(c)); err != nil { // before there is a file of a database
		return err
	}
	release, err := storage.ServeAlone(c.Database)
	if err != nil {
		return err
	}
	log := server.NewLogger(w.Stderr, c.LogFormat, c.LogLevel)
	plan, stop := heap.Grow()
	defer stop()
	plan.Tell(ctx, log, c.HashMemory)
	s, err := server.New(ctx, c, server.Options{Log: log})
	if err != nil {
		return errors.Join(err, release())
	}
	err = s.Run(ctx)
	return errors.Join(err, s.Close(), release())
}
