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
	"vestibule/storage"
)

// Commands about what a user has open name the user, or give the subject of one whose account another program keeps, where nobody
// knows the name.

func subjectFlag() cli.Flag {
	return &cli.StringFlag{Name: "subject", Usage: "`subject` of the user, in place of the name, where another program keeps the accounts"}
}

func reasonFlag() cli.Flag {
	return &cli.StringFlag{Name: "reason", Usage: "`why`; it is recorded, and the user sees it; required"}
}

// checkWhose checks that a command names its user once, and has so many arguments beside that.
func checkWhose(c *cli.Command, more int) error {
	named := c.NArg() - more
	if c.String("subject") != "" {
		named++
	}
	if named == 1 {
		return nil
	}
	return terminal.UsageErrors(fmt.Errorf("give %s, or --subject in place of NAME", strings.NewReplacer("[", "", "]", "").Replace(c.ArgsUsage)))
}

// theUser is whom a command is about: the subject, and what the operator has called the user.
type theUser struct{ subject, called string }

func whose(ctx context.Context, o *operator.Operator, c *cli.Command) (theUser, error) {
	if subject := c.String("subject"); subject != "" {
		return theUser{subject, subject}, nil
	}
	user, err := findUser(ctx, o, c.Args().First())
	return theUser{user.Subject, user.Username}, err
}

// ofUser shows what read finds of the user whom the command names.
func (l listing[T, V]) ofUser(w *env, read func(o *operator.Operator, ctx context.Context, subject string) ([]T, error)) cli.ActionFunc {
	return func(ctx context.Context, c *cli.Command) error {
		if err := checkWhose(c, 0); err != nil {
			return err
		}
		var all []T
		err := w.read(ctx, c, func(db *storage.Store) error {
			o := operations(db)
			u, err := whose(ctx, o, c)
			if err != nil {
				return err
			}
			if all, err = read(o, ctx, u.subject); err != nil || len(all) > 0 {
				return err
			}
			return checkKnown(ctx, o, u.subject)
		})
		if err != nil {
			return err
		}
		return l.print(w, c, all)
	}
}

// endOfUser is the action of a command that ends something of a user, which so many arguments name beside the user, and says why.
func (w *env) endOfUser(more int, end func(ctx context.Context, c *cli.Command, o *operator.Operator, u theUser) error) cli.ActionFunc {
	return func(ctx context.Context, c *cli.Command) error {
		subject := cmp.Or(c.String("subject"), "found") // by the name, later
		if err := errors.Join(checkWhose(c, more), terminal.AsFlags(operator.CheckEndAccess(subject, c.String("reason")))); err != nil {
			return err
		}
		return w.operate(ctx, c, func(o *operator.Operator) error {
			u, err := whose(ctx, o, c)
			if err != nil {
				return err
			}
			return end(ctx, c, o, u)
		})
	}
}

// checkKnown returns an error if nobody has the subject, which is probably mistyped: a database with users of its own may also serve
// a program that keeps others.
func checkKnown(ctx context.Context, o *operator.Operator, subject string) error {
	stranger, err := o.IsStranger(ctx, subject)
	if err != nil || !stranger {
		return err
	}
	return terminal.Failure(fmt.Sprintf("there is no user with the subject %s, nor a session of one; `vestibule user get NAME` shows the subject of a user",
		terminal.Printable(subject)), store.ErrNotFound)
}
