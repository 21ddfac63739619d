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

// checkEnding is checkWhose of a command that ends something, and says why.
func checkEnding(c *cli.Command, more int) error {
	subject := cmp.Or(c.String("subject"), "found") // by the name, later
	return errors.Join(checkWhose(c, more), terminal.AsFlags(operator.CheckEndAccess(subject, c.String("reason"))))
}

// whose is the user whom a command is about: the subject, and what the operator has called the user.
func whose(ctx context.Context, o *operator.Operator, c *cli.Command) (subject, called string, err error) {
	if subject = c.String("subject"); subject != "" {
		return subject, subject, nil
	}
	user, err := findUser(ctx, o, c.Args().First())
	return user.Subject, user.Username, err
}

// checkKnown returns an error if nothing was found of a subject that nobody has, which is probably mistyped.
func checkKnown(ctx context.Context, o *operator.Operator, subject string, found int) error {
	if found > 0 {
		return nil
	}
	stranger, err := o.IsStranger(ctx, subject)
	if err == nil && stranger {
		err = strangerFault(subject)
	}
	return err
}
