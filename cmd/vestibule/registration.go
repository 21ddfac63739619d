package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/provider/client"
	"vestibule/provider/operator"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

// registrationTokenCreate makes an initial access token (RFC 7591 section 1.2).
func registrationTokenCreate(w *env) *cli.Command {
	return &cli.Command{
		Name: "create", Usage: "make a token with which apps register themselves",
		Flags: settingsFlags(
			&cli.IntFlag{Name: "uses", Value: 1, Usage: "how many `apps` can be registered with it"},
			&cli.DurationFlag{Name: "ttl", Value: 24 * time.Hour, Usage: "how long it is good; `time` such as 30m or 720h", DefaultText: "24h"},
			terminal.OutputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			uses, life := int(c.Int("uses")), c.Duration("ttl")
			if err := operator.CheckInitialToken(uses, life); err != nil {
				return terminal.AsFlags(err)
			}
			s, err := w.settings(c, "database", "issuer")
			if err != nil {
				return err
			}
			return operateOn(ctx, s, func(o *operator.Operator) error {
				t, secret, err := o.MakeInitialToken(ctx, uses, life)
				if err != nil {
					return err
				}
				view := initialTokenView(t)
				view.Token = secret
				rows := [][]string{{secret}, {w.Say("command.token.made", catalogue.Values{"endpoint": s.Issuer + "/register", "time": terminal.Moment(t.Expires)})}}
				return w.PrintOnce(c, view, rows, fmt.Errorf("the token is made, but it could not be shown; make another, and end this one: vestibule registration token revoke %s", t.ID))
			})
		},
	}
}

// shownInitialToken is how JSON shows a token.
type shownInitialToken struct {
	ID      string    `json:"id"`
	Token   string    `json:"token,omitempty"` // only in the answer to create
	Uses    int       `json:"uses"`
	Left    int       `json:"left"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
}

func initialTokenView(t operator.InitialToken) shownInitialToken {
	return shownInitialToken{ID: t.ID, Uses: t.Uses, Left: t.Left, Created: t.Created.UTC(), Expires: t.Expires.UTC()}
}

// registrationTokenList shows tokens, and not what they are checked by.
func registrationTokenList(w *env) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the initial access tokens, also those that are used up or over", Flags: databaseFlags(terminal.OutputFlag()),
		Action: listing[operator.InitialToken, shownInitialToken]{
			columns: []string{"command.column.id", "command.column.uses", "command.column.left", "command.column.created", "command.column.until"},
			read:    (*storage.Store).InitialTokens,
			view:    initialTokenView,
			row: func(t operator.InitialToken) []string {
				return []string{t.ID, strconv.Itoa(t.Uses), strconv.Itoa(t.Left), terminal.Moment(t.Created), terminal.Moment(t.Expires)}
			},
		}.action(w),
	}
}

func registrationTokenRevoke(w *env) *cli.Command {
	return &cli.Command{
		Name: "revoke", ArgsUsage: "TOKEN", Usage: "end an initial access token, by its id", Flags: databaseFlags(),
		Action: func(ctx context.Context, c *cli.Command) error {
			id := c.Args().First()
			return w.operate(ctx, c, func(o *operator.Operator) error {
				err := o.RevokeInitialToken(ctx, id)
				if errors.Is(err, store.ErrNotFound) {
					return terminal.Failure(fmt.Sprintf("there is no initial access token %s; look for it with vestibule registration token list", terminal.Printable(id)), err)
				}
				if err != nil {
					return err
				}
				return w.Tell(w.Stdout, "command.token.revoked", catalogue.Values{"id": id})
			})
		},
	}
}

// registrants are the texts of whose doing a registration is.
var registrants = map[client.RegisteredBy]string{
	client.ByOperator: "command.client.registered_by.operator", client.ByItself: "command.client.registered_by.itself",
	client.ByInitialToken: "command.client.registered_by.token", client.ByDocument: "command.client.registered_by.document",
}

// registrant says whose doing a registration is.
func (w *env) registrant(c client.Client) string { return w.Say(registrants[c.RegisteredBy], nil) }
