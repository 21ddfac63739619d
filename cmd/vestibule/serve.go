package main

import (
	"context"
	"errors"
	"flag"

	"vestibule/cmd/vestibule/server"
	"vestibule/storage"
)

// serve runs the server until ctx ends.
func serve(f *flag.FlagSet) action {
	load := settingsFlags(f)
	return func(ctx context.Context, w *env, _ []string) error {
		c, err := load(w)
		if err != nil {
			return err
		}
		release, err := storage.ServeAlone(c.Database)
		if err != nil {
			return err
		}
		s, err := server.New(ctx, c, server.Options{Log: server.NewLogger(w.stderr, c.LogFormat, c.LogLevel)})
		if err != nil {
			return errors.Join(err, release())
		}
		err = s.Run(ctx)
		return errors.Join(err, s.Close(), release())
	}
}
