package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/consent"
	"vestibule/provider/interaction"
	"vestibule/provider/operator"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

// shownConsent is how JSON shows what an app can do for a user.
type shownConsent struct {
	Client     string    `json:"client"`
	Scopes     []string  `json:"scopes"`
	Remembered bool      `json:"remembered"`     // the user is not asked for these scopes again
	Offline    bool      `json:"offline_access"` // the app has a refresh token
	Allowed    time.Time `json:"allowed"`        // first
	LastUsed   time.Time `json:"last_used,omitzero"`
}

func consentView(a consent.Access) shownConsent {
	view := shownConsent{a.Client.ID, interaction.RememberedScopes(a.Scopes), a.Remembered, a.Offline, a.Allowed.UTC(), a.Used.UTC()}
	if view.Scopes == nil {
		view.Scopes = []string{}
	}
	return view
}

// userConsentList shows which apps can use a user's account.
func userConsentList(w *env) *cli.Command {
	return &cli.Command{
		Name: "list", ArgsUsage: "[NAME]", Usage: "list the apps that can use a user's account",
		Flags: databaseFlags(subjectFlag(), terminal.OutputFlag()),
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := w.checkWhose(c, 0); err != nil {
				return err
			}
			return w.read(ctx, c, func(db *storage.Store) error {
				o := operations(db)
				subject, _, err := whose(ctx, o, c)
				if err != nil {
					return err
				}
				all, err := o.Accesses(ctx, subject)
				if err != nil {
					return err
				}
				list := []shownConsent{}
				rows := [][]string{w.Head("command.column.client", "command.column.allowed", "command.column.last_used", "command.column.remembered", "command.column.offline", "command.column.scopes")}
				for _, a := range all {
					view := consentView(a)
					list = append(list, view)
					rows = append(rows, []string{view.Client, w.Moment(a.Allowed), w.Moment(a.Used), w.YesNo(view.Remembered), w.YesNo(view.Offline), strings.Join(view.Scopes, " ")})
				}
				return w.Print(c, list, rows)
			})
		},
	}
}

// userConsentRevoke ends what an app can do for a user.
func userConsentRevoke(w *env) *cli.Command {
	return &cli.Command{
		Name: "revoke", ArgsUsage: "[NAME] CLIENT", Usage: "end what an app can do with a user's account, its tokens too",
		Flags: databaseFlags(subjectFlag(), &cli.StringFlag{Name: "reason", Usage: "`why`; it is recorded, and the user sees it; required"}),
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := w.checkWhose(c, 1); err != nil {
				return err
			}
			if err := terminal.AsFlags(operator.CheckEndAccess("found", c.String("reason"))); err != nil { // the subject, later
				return err
			}
			client := c.Args().Get(c.NArg() - 1)
			return w.operate(ctx, c, func(o *operator.Operator) error {
				subject, called, err := whose(ctx, o, c)
				if err != nil {
					return err
				}
				err = o.RevokeConsent(ctx, subject, client, c.String("reason"))
				if errors.Is(err, consent.ErrNotFound) {
					return terminal.Failure(fmt.Sprintf("%s can do nothing with the account of %s; vestibule user consent list shows what can", terminal.Printable(client), terminal.Printable(called)), err)
				}
				if err != nil {
					return err
				}
				return w.Tell(w.Stdout, "command.user.consent_revoked", catalogue.Values{"user": called, "client": client})
			})
		},
	}
}

func subjectFlag() cli.Flag {
	return &cli.StringFlag{Name: "subject", Usage: "`subject` of the user, in place of the name, where another program keeps the accounts"}
}

// checkWhose checks that a command names its user once, and has so many arguments beside that.
func (w *env) checkWhose(c *cli.Command, more int) error {
	named := c.NArg() - more
	if c.String("subject") != "" {
		named++
	}
	if named == 1 {
		return nil
	}
	return terminal.UsageErrors(fmt.Errorf("give %s, or --subject in place of NAME", strings.ReplaceAll(strings.ReplaceAll(c.ArgsUsage, "[", ""), "]", "")))
}

// whose is the user whom a command is about: the subject, and what the operator has called the user.
func whose(ctx context.Context, o *operator.Operator, c *cli.Command) (subject, called string, err error) {
	if subject = c.String("subject"); subject != "" {
		return subject, subject, nil
	}
	user, err := findUser(ctx, o, c.Args().First())
	return user.Subject, user.Username, err
}
