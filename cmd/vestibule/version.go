package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v3"
)

func version(w *env) *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version",
		Action: func(context.Context, *cli.Command) error { return printVersion(w.stdout) },
	}
}

func printVersion(to io.Writer) error {
	_, err := fmt.Fprintf(to, "vestibule %s (%s %s/%s)\n", built(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// built is the version of the module, or of the working copy that the program was built from.
func built() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}
