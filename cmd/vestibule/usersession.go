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
		Action: listing[interaction.Session, shownSession]{
			columns: []string{"command.column.session", "command.column.browser", "command.column.address", "command.column.amr", "command.column.signed_in", "command.column.last_used"},
			view:    sessionView,
			row: func(s interaction.Session) []string {
				browser := w.Say("command.session.browser", catalogue.Values{"browser": s.Agent})
				return []string{s.Login.Session, browser, s.Address, strings.Join(s.Login.AMR(), " "), w.Moment(s.Created), w.Moment(s.Seen)}
			},
		}.ofUser(w, (*operator.Operator).OpenSessions),
	}
}

// userSessionEnd signs a user out in one browser.
func userSessionEnd(w *env) *cli.Command {
	return &cli.Command{
		Name: "end", ArgsUsage: "[NAME] SESSION", Usage: "sign a user out in one browser, and end the tokens that came of that session",
		Flags: databaseFlags(subjectFlag(), reasonFlag()),
		Action: w.endOfUser(1, func(ctx context.Context, c *cli.Command, o *operator.Operator, u theUser) error {
			sid := c.Args().Get(c.NArg() - 1)
			ended, err := o.EndSession(ctx, u.subject, sid, c.String("reason"))
			if errors.Is(err, store.ErrNotFound) {
				return terminal.Failure(fmt.Sprintf("%s has no session %s; vestibule user session list shows those that there are", terminal.Printable(u.called), terminal.Printable(sid)), err)
			}
			if err != nil {
				return err
			}
			return w.Tell(w.Stdout, "command.user.session_ended", catalogue.Values{"user": u.called, "browser": ended.Agent})
		}),
	}
}
