package main

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/server"
)

func version(w *env) *cli.Command {
	return &cli.Command{
		Name: "version", Usage: "print the version",
		Action: func(context.Context, *cli.Command) error { return printVersion(w.stdout) },
	}
}

func printVersion(to io.Writer) error {
	_, err := fmt.Fprintf(to, "vestibule %s (%s %s/%s)\n", server.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}
