package main

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
)

func version(*flag.FlagSet) action {
	return func(_ context.Context, w *env, _ []string) error {
		_, err := fmt.Fprintf(w.stdout, "vestibule %s (%s %s/%s)\n", built(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return err
	}
}

// built is the version of the module, or of the working copy that the program was built from.
func built() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
