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
	"vestibule/web/catalogue"
)

// shownConsent is how JSON shows what an app can do for a user.
type shownConsent struct {
	Client     string    `json:"client"`
	Scopes     []string  `json:"scopes"`
	APIs       []string  `json:"apis"`           // that the app may use in the user's name
	Remembered bool      `json:"remembered"`     // the user is not asked for this again
	Offline    bool      `json:"offline_access"` // the app has a refresh token
	Allowed    time.Time `json:"allowed"`        // first
	LastUsed   time.Time `json:"last_used,omitzero"`
}

func consentView(a consent.Access) shownConsent {
	view := shownConsent{a.Client.ID, []string{}, []string{}, a.Remembered, a.Offline, a.Allowed.UTC(), a.Used.UTC()}
	allowed := interaction.ReadAllowed(a.Scopes)
	view.Scopes = append(view.Scopes, allowed.Scopes...)
	for _, api := range allowed.APIs {
		view.APIs = append(view.APIs, api.ID)
	}
	return view
}

// userConsentList shows which apps can use a user's account.
func userConsentList(w *env) *cli.Command {
	return &cli.Command{
		Name: "list", ArgsUsage: "[NAME]", Usage: "list the apps that can use a user's account",
		Flags: databaseFlags(subjectFlag(), terminal.OutputFlag()),
		Action: listing[consent.Access, shownConsent]{
			columns: []string{"command.column.client", "command.column.allowed", "command.column.last_used", "command.column.remembered", "command.column.offline", "command.column.scopes", "command.column.api"},
			view:    consentView,
			row: func(a consent.Access) []string {
				view := consentView(a)
				return []string{view.Client, terminal.Moment(a.Allowed), w.lastUse(a.Used), w.YesNo(view.Remembered), w.YesNo(view.Offline), strings.Join(view.Scopes, " "), strings.Join(view.APIs, " ")}
			},
		}.ofUser(w, (*operator.Operator).Accesses),
	}
}

// userConsentRevoke ends what an app can do for a user.
func userConsentRevoke(w *env) *cli.Command {
	return &cli.Command{
		Name: "revoke", ArgsUsage: "[NAME] CLIENT", Usage: "end what an app can do with a user's account, its tokens too",
		Flags: databaseFlags(subjectFlag(), reasonFlag()),
		Action: w.endOfUser(1, func(ctx context.Context, c *cli.Command, o *operator.Operator, u theUser) error {
			client := c.Args().Get(c.NArg() - 1)
			err := o.RevokeConsent(ctx, u.subject, client, c.String("reason"))
			if errors.Is(err, consent.ErrNotFound) {
				return terminal.Failure(fmt.Sprintf("no access of %s to the account of %s is known here; vestibule user consent list shows what is", terminal.Printable(client), terminal.Printable(u.called)), err)
			}
			if err != nil {
				return err
			}
			return w.Tell(w.Stdout, "command.user.consent_revoked", catalogue.Values{"user": u.called, "client": client})
		}),
	}
}

// lastUse is when the app last got something; what it got may have been forgotten since.
func (w *env) lastUse(at time.Time) string {
	if at.IsZero() {
		return w.Say("command.user.unknown", nil)
	}
	return terminal.Moment(at)
}
