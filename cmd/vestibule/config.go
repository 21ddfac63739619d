package main

import (
	"context"
	"flag"
	"fmt"
)

// configCheck prints every fault of the settings or, in one sentence, what the server will be.
func configCheck(f *flag.FlagSet) action {
	load := settingsFlags(f)
	return func(_ context.Context, w *env, _ []string) error {
		c, err := load(w)
		if err != nil {
			return err
		}
		fmt.Fprintf(w.stdout, "The settings are good. The server will be %s on %s, with %s.\n", c.Issuer, c.Listen, kind(c.Database))
		return nil
	}
}

// kind names the database without its address, which may hold a password.
func kind(address string) string {
	if isSQLite(address) {
		return "the SQLite file " + address[len("sqlite:"):]
	}
	return "PostgreSQL"
}
