package main

import (
	"context"
	"flag"
	"fmt"

	"vestibule/mfa"
)

// secretKeyGenerate prints nothing but the key, so that its output can be the file.
func secretKeyGenerate(*flag.FlagSet) action {
	return func(_ context.Context, w *world, _ []string) error {
		_, err := fmt.Fprintln(w.stdout, mfa.NewKey())
		return err
	}
}
