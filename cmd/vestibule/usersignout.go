package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/provider/operator"
	"vestibule/provider/store"
	"vestibule/web/catalogue"
)

// userSignOut ends all that a user has open, also of an account that another program keeps, whose names nobody knows here.
func userSignOut(w *env) *cli.Command {
	return &cli.Command{
		Name: "sign-out", ArgsUsage: "[NAME]", Usage: "sign a user out everywhere, and end all tokens",
		Flags: databaseFlags(subjectFlag(), reasonFlag()),
		Action: w.endOfUser(0, func(ctx context.Context, c *cli.Command, o *operator.Operator, u theUser) error {
			ended, err := o.EndAccess(ctx, u.subject, c.String("reason"))
			if err != nil {
				return err
			}
			if len(ended) == 0 {
				err = checkKnown(ctx, o, u.subject)
			}
			if errors.Is(err, store.ErrNotFound) { // which has kept nothing from ending
				return terminal.Failure(fmt.Sprintf("%v. If another program keeps the account, all that it had open has ended", err), store.ErrNotFound)
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(w.Stdout, strings.Join([]string{w.Say("command.user.signed_out", catalogue.Values{"user": u.called}), w.ended(ended)}, "\n"))
			return err
		}),
	}
}
