package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/operator"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

// shownFactor is how JSON shows an authenticator.
type shownFactor struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	totp.Params           // flat
	Created     time.Time `json:"created"`
	LastUsed    time.Time `json:"last_used,omitzero"`
}

// userTOTPList shows a user's authenticators, without what is secret about them.
func userTOTPList(w *env) *cli.Command {
	return &cli.Command{
		Name: "list", ArgsUsage: "NAME", Usage: "show a user's authenticators", Flags: databaseFlags(outputFlag()),
		Action: func(ctx context.Context, c *cli.Command) error {
			return w.read(ctx, c, func(db *storage.Store) error {
				o := operations(db)
				user, err := findUser(ctx, o, c.Args().First())
				if err != nil {
					return err
				}
				status, err := o.MFA.Status(ctx, user.Subject)
				if err != nil {
					return err
				}
				list := []shownFactor{}
				rows := [][]string{w.head("command.column.id", "command.column.name", "command.column.kind", "command.column.added", "command.column.last_used")}
				for _, a := range status.Authenticators {
					if a.Kind != totp.Name {
						continue
					}
					params, err := totp.ParseParams(a.Params)
					if err != nil {
						return err
					}
					list = append(list, shownFactor{a.ID, a.Name, params, a.Created.UTC(), a.LastUsed.UTC()})
					rows = append(rows, []string{a.ID, a.Name, w.params(params), w.moment(a.Created), w.moment(a.LastUsed)})
				}
				return w.print(c, list, rows)
			})
		},
	}
}

// userTOTPRemove takes one of several authenticators away. The last one is for user totp reset, which asks for a reason.
func userTOTPRemove(w *env) *cli.Command {
	return &cli.Command{
		Name: "remove", ArgsUsage: "NAME", Usage: "remove one of a user's authenticators",
		Flags: databaseFlags(
			&cli.StringFlag{Name: "authenticator", Usage: "`name` or id of the authenticator, as user totp list shows them; required"},
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			name, which := c.Args().First(), c.String("authenticator")
			if which == "" {
				return &usageError{"--authenticator is missing; `vestibule user totp list " + name + "` shows which there are"}
			}
			return w.operate(ctx, c, func(o *operator.Operator) error {
				user, err := findUser(ctx, o, name)
				if err != nil {
					return err
				}
				removed, err := o.RemoveAuthenticator(ctx, user, which)
				if err != nil {
					return removeFault(user.Username, which, err)
				}
				_, err = fmt.Fprintln(w.stdout, w.say("command.totp.removed", catalogue.Values{"name": printable(removed.Name), "user": user.Username})+"\n"+w.ended(removed.Sessions))
				return err
			})
		},
	}
}

func removeFault(username, which string, err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return &result{fmt.Sprintf("%s has no authenticator %s", username, printable(which)), err}
	case errors.Is(err, operator.ErrAmbiguous):
		return &usageError{fmt.Sprintf("%s has several authenticators %s; give the id, as user totp list shows it", username, printable(which))}
	case errors.Is(err, mfa.ErrLast):
		return fmt.Errorf("it is the only authenticator of %s; `vestibule user totp reset` takes the whole second factor away", username)
	}
	return err
}
