package main

import (
	"context"
	"flag"
	"fmt"
	"runtime"

	"vestibule/cmd/vestibule/server"
)

func version(*flag.FlagSet) action {
	return func(_ context.Context, w *env, _ []string) error {
		_, err := fmt.Fprintf(w.stdout, "vestibule %s (%s %s/%s)\n", server.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return err
	}
}
