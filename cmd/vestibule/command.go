package main

import (
	"context"
	"fmt"
	"strings"

	"vestibule/cmd/vestibule/server"

	"github.com/urfave/cli/v3"
)

// run is the program without the process around it.
func run(ctx context.Context, args []string, w *env) error {
	setTemplates()
	return program(w).Run(ctx, append([]string{"vestibule"}, args...))
}

// program is the command line.
func program(w *env) *cli.Command {
	root := &cli.Command{
		Name: "vestibule", Usage: "an OpenID Connect authorization server", Version: server.Version(),
		Commands: append(commands(w), helpCommand()),
		Reader:   w.stdin, Writer: w.stdout, ErrWriter: w.stderr,
		HideHelpCommand:       true, // ours takes several words
		EnableShellCompletion: true,
		ConfigureShellCompletionCommand: func(c *cli.Command) {
			c.Hidden, c.Usage = false, "scripts that complete commands and flags in a shell"
		},
		ExitErrHandler: func(context.Context, *cli.Command, error) {}, // report does
	}
	root.Walk(func(c *cli.Command) error {
		c.DisableSliceFlagSeparator = true // several values are several flags
		c.OnUsageError = func(_ context.Context, c *cli.Command, err error, _ bool) error {
			return withUsage(c, flagError(c, err))
		}
		c.CommandNotFound = func(_ context.Context, c *cli.Command, _ string) { show(c.Root().Writer, c) } // --help behind an argument
		c.Action = checked(c.Action)
		return nil
	})
	return root
}

// group is a word that several commands begin with.
func group(word, about string, commands ...*cli.Command) *cli.Command {
	return &cli.Command{Name: word, Usage: about, Commands: commands}
}

// checked runs an action with as many arguments as its command has, and says how the command is used if it says that it
// cannot be run. A group of commands has no action.
func checked(act cli.ActionFunc) cli.ActionFunc {
	return func(ctx context.Context, c *cli.Command) error {
		if act == nil {
			return unknown(c, c.Args().First())
		}
		err := count(c)
		if err == nil {
			err = asFlags(act(ctx, c))
		}
		return withUsage(c, err)
	}
}

func count(c *cli.Command) error {
	wanted := strings.Fields(c.ArgsUsage)
	switch given := c.Args().Slice(); {
	case strings.Contains(c.ArgsUsage, "..."): // any number
	case len(given) < len(wanted) && !strings.HasPrefix(wanted[len(given)], "["): // one in brackets may be left out
		return &usageError{wanted[len(given)] + " is missing"}
	case len(given) > len(wanted):
		return &usageError{fmt.Sprintf("there is an argument too many: %q; to give a flag several values, repeat the flag", given[len(wanted)])}
	}
	return nil
}

// splitWords are the words of values that may hold several each.
func splitWords(values []string) []string {
	var words []string
	for _, value := range values {
		words = append(words, strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' })...)
	}
	return words
}
