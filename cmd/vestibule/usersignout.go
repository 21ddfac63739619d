package main

import (
	"context"
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
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := checkEnding(c, 0); err != nil {
				return err
			}
			return w.operate(ctx, c, func(o *operator.Operator) error { return w.signOut(ctx, o, c) })
		},
	}
}

func (w *env) signOut(ctx context.Context, o *operator.Operator, c *cli.Command) error {
	subject, called, err := whose(ctx, o, c)
	if err != nil {
		return err
	}
	ended, err := o.EndAccess(ctx, subject, c.String("reason"))
	if err != nil {
		return err
	}
	if err := checkKnown(ctx, o, subject, len(ended)); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w.Stdout, strings.Join([]string{w.Say("command.user.signed_out", catalogue.Values{"user": called}), w.ended(ended)}, "\n"))
	return err
}

// strangerFault tells of a subject that is probably mistyped. That it is has kept nothing from ending: a database with users of
// its own may also serve a program that keeps others.
func strangerFault(subject string) error {
	return terminal.Failure(fmt.Sprintf("there is no user with the subject %s, nor a session of one; `vestibule user get NAME` shows the subject of a user. If another program keeps the account, all that it had open has ended",
		terminal.Printable(subject)), store.ErrNotFound)
}
