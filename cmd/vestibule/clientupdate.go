package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"vestibule/provider/operator"
	"vestibule/provider/store"
	"vestibule/web/catalogue"
)

// clientUpdate changes what is given and leaves the rest.
func clientUpdate(w *env) *cli.Command {
	return &cli.Command{
		Name: "update", ArgsUsage: "ID", Usage: "change an app",
		Flags: databaseFlags(
			&cli.StringSliceFlag{Name: "redirect-uri", Usage: "`address` to send users back to, in place of those there are"},
			&cli.StringSliceFlag{Name: "scope", Usage: "`scope` that the app may ask for, in place of those there are"},
			acrNameFlag("`LEVEL=NAME`, what the app calls aal1, aal2 or phr, in place of the names there are"),
			&cli.BoolFlag{Name: "no-acr-names", Usage: "the app has no names of its own for the levels any more"},
			&cli.StringFlag{Name: "name", Usage: "`name` that users see"},
			&cli.StringFlag{Name: "two-steps", Usage: "what its users must have: `optional|required|phishing-resistant`", Validator: checkTwoSteps},
			outputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			change, err := clientChange(c)
			if err != nil {
				return err
			}
			return w.operate(ctx, c, func(o *operator.Operator) error {
				client, err := o.UpdateClient(ctx, c.Args().First(), change)
				if err != nil {
					return changeFault(c.Args().First(), err)
				}
				return w.print(c, clientView(client), [][]string{{w.say("command.client.updated", catalogue.Values{"id": client.ID})}})
			})
		},
	}
}

// clientChange is what the flags ask for.
func clientChange(c *cli.Command) (operator.ClientChange, error) {
	change := operator.ClientChange{RedirectURIs: c.StringSlice("redirect-uri"), Scopes: splitWords(c.StringSlice("scope"))}
	if name := c.String("name"); c.IsSet("name") {
		change.Name = &name
	}
	if must := twoSteps(c); c.IsSet("two-steps") {
		change.TwoSteps = &must
	}
	names := acrNames(c)
	if c.Bool("no-acr-names") || names != nil {
		change.ACRNames = &names
	}
	return change, wrongUsage(
		exclude(c.Bool("no-acr-names") && names != nil, "--acr-name and --no-acr-names exclude each other"),
		asFlags(change.Check()),
	)
}

func changeFault(id string, err error) error {
	if errors.Is(err, store.ErrConflict) {
		return &result{fmt.Sprintf("somebody else changed or removed client %s at the same moment; look at it with vestibule client list, then try again", id), err}
	}
	return noClient(id, err)
}
