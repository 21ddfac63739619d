package main

import (
	"cmp"
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
		Flags: databaseFlags(
			subjectFlag(),
			&cli.StringFlag{Name: "reason", Usage: "`why`; it is recorded, and the user sees it; required"},
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			out := signOut{w, c.Args().First(), c.String("subject"), c.String("reason")}
			if err := out.check(); err != nil {
				return err
			}
			return w.operate(ctx, c, func(o *operator.Operator) error { return out.run(ctx, o) })
		},
	}
}

// signOut is what the arguments ask for.
type signOut struct {
	*env
	name, subject, reason string
}

func (s signOut) check() error {
	if (s.name == "") == (s.subject == "") {
		return terminal.UsageErrors(errors.New("give either NAME or --subject"))
	}
	found := cmp.Or(s.subject, "found") // by the name, later
	return terminal.AsFlags(operator.CheckEndAccess(found, s.reason))
}

func (s signOut) run(ctx context.Context, o *operator.Operator) error {
	subject, called := s.subject, s.subject
	if s.name != "" {
		user, err := findUser(ctx, o, s.name)
		if err != nil {
			return err
		}
		subject, called = user.Subject, user.Username
	}
	ended, err := o.EndAccess(ctx, subject, s.reason)
	if err != nil {
		return err
	}
	stranger, err := o.IsStranger(ctx, subject)
	if err != nil {
		return err
	}
	if stranger && len(ended) == 0 {
		return strangerFault(subject)
	}
	_, err = fmt.Fprintln(s.Stdout, strings.Join([]string{s.Say("command.user.signed_out", catalogue.Values{"user": called}), s.ended(ended)}, "\n"))
	return err
}

// strangerFault tells of a subject that is probably mistyped. That it is has kept nothing from ending: a database with users of
// its own may also serve a program that keeps others.
func strangerFault(subject string) error {
	return terminal.Failure(fmt.Sprintf("there is no user with the subject %s, nor a session of one; `vestibule user get NAME` shows the subject of a user. If another program keeps the account, all that it had open has ended",
		terminal.Printable(subject)), store.ErrNotFound)
}
