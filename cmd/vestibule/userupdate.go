package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/urfave/cli/v3"

	"vestibule/provider/account"
	"vestibule/provider/operator"
	"vestibule/web/catalogue"
)

// userUpdate changes an account. All changes are one commit, with the record of them.
func userUpdate(w *env) *cli.Command {
	return &cli.Command{
		Name: "update", ArgsUsage: "NAME", Usage: "change a user's names, address, groups or password, or shut the user out",
		Flags: databaseFlags(
			&cli.StringFlag{Name: "email", Usage: "new e-mail `address`; empty: none"},
			&cli.StringFlag{Name: "name", Usage: "new full `name` for display; empty: none"},
			&cli.StringSliceFlag{Name: "group", Usage: "`group` that the user is in, in place of all others"},
			&cli.BoolFlag{Name: "no-groups", Usage: "take the user out of all groups"},
			&cli.BoolFlag{Name: "disable", Usage: "shut the user out, and sign the user out everywhere"},
			&cli.BoolFlag{Name: "enable", Usage: "let a disabled user in again"},
			&cli.StringFlag{Name: "password-file", Usage: "`file` that holds a new password, or - for standard input; the user is signed out everywhere", TakesFile: true},
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			change, err := userChange(c)
			if err != nil {
				return err
			}
			s, err := w.existing(c, "database")
			if err != nil {
				return err
			}
			if path := c.String("password-file"); path != "" {
				password, err := w.readNewSecret(ctx, "password-file", path)
				if err != nil {
					return err
				}
				change.Password = &password
			}
			return operateOn(ctx, s, func(o *operator.Operator) error { return w.update(ctx, o, c.Args().First(), change) })
		},
	}
}

// userChange is what the flags ask for; the password, which is not read yet, is empty. All that is wrong with them is said
// at once.
func userChange(c *cli.Command) (operator.UserChange, error) {
	var change operator.UserChange
	if email := c.String("email"); c.IsSet("email") {
		change.Email = &email
	}
	if name := c.String("name"); c.IsSet("name") {
		change.Name = &name
	}
	groups := c.StringSlice("group")
	if c.IsSet("group") || c.IsSet("no-groups") {
		change.Groups = &groups
	}
	if disable := c.Bool("disable"); c.IsSet("disable") || c.IsSet("enable") {
		change.Disabled = &disable
	}
	if empty := ""; c.String("password-file") != "" {
		change.Password = &empty
	}
	return change, wrongUsage(
		exclude(c.Bool("disable") && c.Bool("enable"), "--disable and --enable exclude each other"),
		exclude(c.Bool("no-groups") && len(groups) > 0, "--group and --no-groups exclude each other"),
		asFlags(change.Check()),
	)
}

func exclude(both bool, text string) error {
	if both {
		return errors.New(text)
	}
	return nil
}

func (w *env) update(ctx context.Context, o *operator.Operator, name string, change operator.UserChange) error {
	user, err := findUser(ctx, o, name)
	if err != nil {
		return err
	}
	err = o.UpdateUser(ctx, user, change)
	var taken *account.NameTaken
	switch {
	case errors.As(err, &taken):
		return nameTaken(err)
	case err != nil:
		return fmt.Errorf("update %s: %w", user.Username, err)
	}
	return w.tell(w.stdout, "command.user.updated", catalogue.Values{"user": user.Username})
}
