package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/provider/client"
	"vestibule/provider/operator"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

// clientCreate registers a relying party.
func clientCreate(w *env) *cli.Command {
	return &cli.Command{
		Name: "create", ArgsUsage: "ID", Usage: "register an app",
		Flags: databaseFlags(append(newClientFlags(),
			&cli.BoolFlag{Name: "public", Usage: "the app cannot keep a secret: it runs in a browser or on the user's device"},
			&cli.BoolFlag{Name: "resource-server", Usage: "an API: it asks at /introspect about the access tokens that are for it, and signs nobody in"},
			&cli.StringFlag{Name: "secret-file", Usage: "`file` that holds the client secret, or - for standard input; without it one is made", TakesFile: true},
			terminal.OutputFlag(),
		)...),
		Action: func(ctx context.Context, c *cli.Command) error {
			given := c.IsSet("secret-file")
			fresh := newClient(c)
			err := terminal.UsageErrors(terminal.Exclude(fresh.Public && given, "a --public app has no secret; leave out --secret-file"),
				terminal.Exclude(!fresh.Public && !fresh.NeedsSecret() && given, "the app authenticates by something else than a secret; leave out --secret-file"), terminal.AsFlags(fresh.Check()))
			if err != nil {
				return err
			}
			s, err := w.settings(c, "database")
			if err != nil {
				return err
			}
			if fresh.Secret, err = w.givenSecret(ctx, c); err != nil {
				return err
			}
			return operateOn(ctx, s, func(o *operator.Operator) error { return w.register(ctx, c, o, fresh) })
		},
	}
}

// newClient is the registration that the flags describe.
func newClient(c *cli.Command) operator.NewClient {
	fresh := client.Client{ID: c.Args().First(), Public: c.Bool("public"), ResourceServer: c.Bool("resource-server")}
	applyClientFlags(c, &fresh)
	return operator.NewClient{Client: fresh}
}

func (w *env) register(ctx context.Context, c *cli.Command, o *operator.Operator, fresh operator.NewClient) error {
	client, secret, err := o.RegisterClient(ctx, fresh)
	switch taken := resourceFault(err); {
	case taken != nil:
		return taken
	case errors.Is(err, store.ErrConflict):
		return terminal.Failure(fmt.Sprintf("there is a client %s already; choose another id, or remove that one first: vestibule client delete %s", fresh.ID, fresh.ID), err)
	case err != nil:
		return err
	}
	view := clientView(client)
	view.Secret = secret
	rows := [][]string{{w.Say("command.client.id", nil), client.ID}}
	made := fresh.Secret == "" && secret != ""
	if made {
		rows = append(rows, []string{w.Say("command.client.secret", nil), secret}, []string{"", w.Say("command.client.secret.once", nil)})
	}
	return w.PrintOnce(c, view, rows, fmt.Errorf("client %s is registered, but %w", client.ID, notShown(made, client.ID)))
}

// shownClient is how JSON shows a relying party: what it registers, and what the server says of that (RFC 7591 section 3.2.1).
type shownClient struct {
	client.Client
	Secret  string    `json:"client_secret,omitempty"` // only in the answer to create
	Created time.Time `json:"created"`

	// What is there also where it is empty, for the programs that read it.
	RedirectURIs           []string        `json:"redirect_uris"`
	PostLogoutRedirectURIs []string        `json:"post_logout_redirect_uris"`
	Scopes                 client.Words    `json:"scope"`
	TwoSteps               client.TwoSteps `json:"two_steps"` // as the flag has it
	Public                 bool            `json:"public"`
	ResourceServer         bool            `json:"resource_server"`
}

func clientView(c client.Client) shownClient {
	return shownClient{
		Client: c, Created: c.Created.UTC(), RedirectURIs: append([]string{}, c.RedirectURIs...), PostLogoutRedirectURIs: append([]string{}, c.PostLogoutRedirectURIs...),
		Scopes: c.Scopes, TwoSteps: client.TwoSteps(twoStepsText(c.TwoSteps)), Public: c.Public, ResourceServer: c.ResourceServer,
	}
}

func clientList(w *env) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the apps", Flags: databaseFlags(terminal.OutputFlag()),
		Action: listing[client.Client, shownClient]{
			columns: []string{"command.column.id", "command.column.name", "command.column.registered_by", "command.column.public", "command.column.api", "command.column.two_steps", "command.column.scopes", "command.column.id_token_claims", "command.column.acr_names", "command.column.post_logout_redirect_uris", "command.column.redirect_uris"},
			read:    (*storage.Store).Clients,
			view:    clientView,
			row: func(one client.Client) []string {
				return []string{
					one.ID, one.Name, w.registrant(one), w.YesNo(one.Public), w.YesNo(one.ResourceServer), twoStepsText(one.TwoSteps),
					strings.Join(one.Scopes, " "), strings.Join(one.IDTokenClaims, " "), acrNamesText(one.ACRNames), strings.Join(one.PostLogoutRedirectURIs, " "), strings.Join(one.RedirectURIs, " "),
				}
			},
		}.action(w),
	}
}

func clientDelete(w *env) *cli.Command {
	return &cli.Command{
		Name: "delete", ArgsUsage: "ID", Usage: "remove an app and all its tokens", Flags: databaseFlags(),
		Action: func(ctx context.Context, c *cli.Command) error {
			id := c.Args().First()
			return w.operate(ctx, c, func(o *operator.Operator) error {
				if err := o.DeleteClient(ctx, id); err != nil {
					return noClient(id, err)
				}
				return w.Tell(w.Stdout, "command.client.deleted", catalogue.Values{"id": id})
			})
		},
	}
}

// noClient says so if that is what is wrong.
func noClient(id string, err error) error {
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return terminal.Failure(fmt.Sprintf("there is no client %s", terminal.Printable(id)), err)
}

// clientUpdate changes what is given and leaves the rest.
func clientUpdate(w *env) *cli.Command {
	return &cli.Command{
		Name: "update", ArgsUsage: "ID", Usage: "change an app",
		Description: "What is left out stays as it is. A list takes the place of the one there is.",
		Flags:       databaseFlags(append(changedClientFlags(), terminal.OutputFlag())...),
		Action: func(ctx context.Context, c *cli.Command) error {
			if err := checkClientChange(c); err != nil {
				return err
			}
			return w.operate(ctx, c, func(o *operator.Operator) error {
				var before client.Client
				client, err := o.UpdateClient(ctx, c.Args().First(), func(changed *client.Client) {
					before = *changed
					applyClientFlags(c, changed)
				})
				if err != nil {
					return changeFault(c.Args().First(), err)
				}
				if err := w.tellSubjects(before, client); err != nil {
					return err
				}
				return w.Print(c, clientView(client), [][]string{{w.Say("command.client.updated", catalogue.Values{"id": client.ID})}})
			})
		},
	}
}

// tellSubjects warns whoever has an app know its users anew.
func (w *env) tellSubjects(before, c client.Client) error {
	if before.Sector() == c.Sector() {
		return nil
	}
	return w.Tell(w.Stderr, "command.client.subjects", catalogue.Values{"id": c.ID})
}

// resourceFault says so if a resource URI is another's; else it is nil.
func resourceFault(err error) error {
	var taken *client.ResourceTaken
	if !errors.As(err, &taken) {
		return nil
	}
	return terminal.Failure(taken.Error()+"; choose another, or take it from that one: vestibule client list --output json shows which it is", err)
}

func changeFault(id string, err error) error {
	if taken := resourceFault(err); taken != nil {
		return taken
	}
	if errors.Is(err, store.ErrConflict) {
		return terminal.Failure(fmt.Sprintf("somebody else changed or removed client %s at the same moment; look at it with vestibule client list, then try again", id), err)
	}
	return noClient(id, err)
}
