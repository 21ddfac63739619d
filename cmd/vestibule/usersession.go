package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/provider/interaction"
	"vestibule/provider/operator"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

// shownSession is how JSON shows a session.
type shownSession struct {
	ID      string    `json:"sid"`
	Browser string    `json:"browser"`
	Address string    `json:"address"` // from which it was signed in
	AMR     []string  `json:"amr"`
	Created time.Time `json:"created"`
	Seen    time.Time `json:"last_used"`
	Expires time.Time `json:"expires"`
}

func sessionView(s interaction.Session) shownSession {
	return shownSession{s.Login.Session, s.Agent, s.Address, s.Login.AMR(), s.Created.UTC(), s.Seen.UTC(), s.Expires.UTC()}
}

// userSessionList shows where a user is signed in.
func userSessionList(w *env) *cli.Command {
	return &cli.Command{
		Name: "list", ArgsUsage: "[NAME]", Usage: "list the browsers that a user is signed in in",
		Flags: databaseFlags(subjectFlag(), terminal.OutputFlag()),
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := checkWhose(c, 0); err != nil {
				return err
			}
			return w.read(ctx, c, func(db *storage.Store) error {
				o := operations(db)
				subject, _, err := whose(ctx, o, c)
				if err != nil {
					return err
				}
				open, err := o.OpenSessions(ctx, subject)
				if err == nil {
					err = checkKnown(ctx, o, subject, len(open))
				}
				if err != nil {
					return err
				}
				list := []shownSession{}
				rows := [][]string{w.Head("command.column.session", "command.column.browser", "command.column.address", "command.column.amr", "command.column.signed_in", "command.column.last_used")}
				for _, s := range open {
					list = append(list, sessionView(s))
					rows = append(rows, []string{s.Login.Session, w.Say("command.session.browser", catalogue.Values{"browser": s.Agent}), s.Address, strings.Join(s.Login.AMR(), " "), w.Moment(s.Created), w.Moment(s.Seen)})
				}
				return w.Print(c, list, rows)
			})
		},
	}
}

// userSessionEnd signs a user out in one browser.
func userSessionEnd(w *env) *cli.Command {
	return &cli.Command{
		Name: "end", ArgsUsage: "[NAME] SESSION", Usage: "sign a user out in one browser, and end the tokens that came of that session",
		Flags: databaseFlags(subjectFlag(), reasonFlag()),
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := checkEnding(c, 1); err != nil {
				return err
			}
			sid := c.Args().Get(c.NArg() - 1)
			return w.operate(ctx, c, func(o *operator.Operator) error {
				subject, called, err := whose(ctx, o, c)
				if err != nil {
					return err
				}
				ended, err := o.EndSession(ctx, subject, sid, c.String("reason"))
				if errors.Is(err, store.ErrNotFound) {
					return terminal.Failure(fmt.Sprintf("%s has no session %s; vestibule user session list shows those that there are", terminal.Printable(called), terminal.Printable(sid)), err)
				}
				if err != nil {
					return err
				}
				return w.Tell(w.Stdout, "command.user.session_ended", catalogue.Values{"user": called, "browser": ended.Agent})
			})
		},
	}
}
