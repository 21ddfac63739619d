package terminal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// Program is the command line of those commands, and of those that every program has: version and help. Its Run returns
// the error of the command, for Report.
func (t *Terminal) Program(version string, commands ...*cli.Command) *cli.Command {
	setTemplates()
	root := &cli.Command{
		Name: "vestibule", Usage: "an OpenID Connect authorization server", Version: version,
		Commands: append(commands, versionCommand(), helpCommand()),
		Reader:   t.Stdin, Writer: t.Stdout, ErrWriter: t.Stderr,
		HideHelpCommand:       true, // ours takes several words
		EnableShellCompletion: true,
		ConfigureShellCompletionCommand: func(c *cli.Command) {
			c.Hidden, c.Usage = false, "scripts that complete commands and flags in a shell"
			c.Action = checked(nil) // it is made after the others
		},
		ExitErrHandler: func(context.Context, *cli.Command, error) {}, // Report does
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

// checked runs an action with as many arguments as its command has, and says how the command is used if it says that it
// cannot be run. A group of commands has no action.
func checked(act cli.ActionFunc) cli.ActionFunc {
	return func(ctx context.Context, c *cli.Command) error {
		if act == nil {
			return unknown(c, c.Args().First())
		}
		err := count(c)
		if err == nil {
			err = AsFlags(act(ctx, c))
		}
		return withUsage(c, err)
	}
}

func count(c *cli.Command) error {
	wanted := strings.Fields(c.ArgsUsage)
	required := slices.DeleteFunc(slices.Clone(wanted), func(name string) bool { return strings.HasPrefix(name, "[") })
	switch given := c.Args().Slice(); {
	case strings.Contains(c.ArgsUsage, "..."): // any number
	case len(given) < len(required):
		return UsageError(required[len(given)] + " is missing")
	case len(given) > len(wanted):
		return UsageError(fmt.Sprintf("there is an argument too many: %q; to give a flag several values, repeat the flag", given[len(wanted)]))
	}
	return nil
}
