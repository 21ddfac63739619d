package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/provider/operator"
	"vestibule/provider/store"
	"vestibule/web/catalogue"
	"vestibule/web/enrol"
)

// shownLink is how JSON shows a new link, the only time that anybody sees it.
type shownLink struct {
	Link    string    `json:"link"`
	Expires time.Time `json:"expires"`
}

// userEnrolLink makes a link that lets a user set up an authenticator once, with the password and, if there is an
// authenticator, its code.
func userEnrolLink(w *env) *cli.Command {
	return &cli.Command{
		Name: "enrol-link", ArgsUsage: "NAME", Usage: "make a link with which a user sets up an authenticator, once",
		Flags: settingsFlags(
			&cli.DurationFlag{Name: "ttl", Value: 24 * time.Hour, Usage: "how long the link works; `time` such as 30m or 24h", DefaultText: "24h"},
			terminal.OutputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := operator.CheckLink(c.Duration("ttl")); err != nil {
				return err
			}
			s, err := w.existing(c, "database", "issuer")
			if err != nil {
				return err
			}
			return operateOn(ctx, s, func(o *operator.Operator) error { return w.makeLink(ctx, c, o, s.Issuer) })
		},
	}
}

func (w *env) makeLink(ctx context.Context, c *cli.Command, o *operator.Operator, issuer string) error {
	user, err := findUser(ctx, o, c.Args().First())
	if err != nil {
		return err
	}
	if user.Disabled {
		w.Tell(w.Stderr, "command.link.disabled", catalogue.Values{"user": user.Username})
	}
	address, id := enrol.NewLink(issuer)
	link, err := o.IssueLink(ctx, user, id, c.Duration("ttl"))
	switch {
	case errors.Is(err, store.ErrConflict):
		return terminal.Failure(fmt.Sprintf("the account of %s was changed at the same moment; look at it with vestibule user get, then try again", user.Username), err)
	case err != nil:
		return err
	}
	rows := [][]string{{address}, {w.Say("command.link.give", catalogue.Values{"user": user.Username, "time": terminal.Moment(link.Expires)})}}
	return w.PrintOnce(c, shownLink{address, link.Expires.UTC()}, rows, errors.New("the link is made, but it could not be shown; make another, which takes its place"))
}
