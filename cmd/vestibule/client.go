package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
		Flags: databaseFlags(
			&cli.StringSliceFlag{Name: "redirect-uri", Usage: "`address` to send users back to; required, but for an API"},
			&cli.StringSliceFlag{Name: "post-logout-redirect-uri", Usage: "`address` to send users to after a sign-out that the app asks for"},
			&cli.StringSliceFlag{Name: "scope", Usage: "`scope` that the app may ask for", DefaultText: "openid profile email offline_access"},
			&cli.StringFlag{Name: "name", Usage: "`name` that users see", DefaultText: "the ID"},
			&cli.BoolFlag{Name: "public", Usage: "the app cannot keep a secret: it runs in a browser or on the user's device"},
			&cli.BoolFlag{Name: "resource-server", Usage: "an API: it asks at /introspect about access tokens, and signs nobody in"},
			&cli.StringFlag{Name: "two-steps", Usage: "what its users must have: `optional|required|phishing-resistant`", Validator: checkTwoSteps},
			acrNameFlag("`LEVEL=NAME`, what the app calls aal1, aal2 or phr; the first of a level is the one in answers"),
			idTokenClaimsFlag("`scope` whose claims are in its ID tokens too: profile, email, address, phone or groups"),
			&cli.StringSliceFlag{Name: "response-type", Usage: "`type` of the answers that the app may have: code, or id_token, which comes in a form and alone", DefaultText: "code"},
			&cli.StringFlag{Name: "id-token-alg", Usage: "`algorithm` of its ID tokens: RS256, ES256, PS256 or EdDSA", DefaultText: "the server's own"},
			&cli.StringFlag{Name: "secret-file", Usage: "`file` that holds the client secret, or - for standard input; without it one is made", TakesFile: true},
			terminal.OutputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			path := c.String("secret-file")
			fresh := newClient(c)
			err := terminal.UsageErrors(terminal.Exclude(fresh.Public && path != "", "a --public app has no secret; leave out --secret-file"), terminal.AsFlags(fresh.Check()))
			if err != nil {
				return err
			}
			s, err := w.settings(c, "database")
			if err != nil {
				return err
			}
			if path != "" {
				if fresh.Secret, err = w.ReadSecret(ctx, "secret-file", path); err != nil {
					return err
				}
			}
			return operateOn(ctx, s, func(o *operator.Operator) error { return w.register(ctx, c, o, fresh) })
		},
	}
}

// newClient is the registration that the flags describe.
func newClient(c *cli.Command) operator.NewClient {
	return operator.NewClient{Client: client.Client{
		ID: c.Args().First(), Name: c.String("name"), RedirectURIs: c.StringSlice("redirect-uri"),
		PostLogoutRedirectURIs: c.StringSlice("post-logout-redirect-uri"), Scopes: splitWords(c.StringSlice("scope")),
		Public: c.Bool("public"), ResourceServer: c.Bool("resource-server"), TwoSteps: twoSteps(c),
		ACRNames: acrNames(c), IDTokenAlg: c.String("id-token-alg"), IDTokenClaims: idTokenClaims(c), ResponseTypes: splitWords(c.StringSlice("response-type")),
	}}
}

func (w *env) register(ctx context.Context, c *cli.Command, o *operator.Operator, fresh operator.NewClient) error {
	client, secret, err := o.RegisterClient(ctx, fresh)
	switch {
	case errors.Is(err, store.ErrConflict):
		return terminal.Failure(fmt.Sprintf("there is a client %s already; choose another id, or remove that one first: vestibule client delete %s", fresh.ID, fresh.ID), err)
	case err != nil:
		return err
	}
	view := clientView(client)
	view.Secret = secret
	rows := [][]string{{w.Say("command.client.id", nil), client.ID}}
	if fresh.Secret == "" && secret != "" {
		rows = append(rows, []string{w.Say("command.client.secret", nil), secret}, []string{"", w.Say("command.client.secret.once", nil)})
	}
	return w.Print(c, view, rows)
}

// shownClient is how JSON shows a relying party, in the words of RFC 7591.
type shownClient struct {
	ID           string    `json:"client_id"`
	Secret       string    `json:"client_secret,omitempty"` // only in the answer to create
	Name         string    `json:"client_name"`
	Public       bool      `json:"public"`
	RedirectURIs []string  `json:"redirect_uris"`
	AfterLogout  []string  `json:"post_logout_redirect_uris"`
	Scope        string    `json:"scope"`
	Algorithm    string    `json:"id_token_signed_response_alg,omitempty"`
	Created      time.Time `json:"created"`

	ResponseTypes  []string            `json:"response_types,omitempty"` // none: a code
	TwoSteps       string              `json:"two_steps"`                // as the flag has it
	IDTokenClaims  []string            `json:"id_token_claims,omitempty"`
	ACRNames       map[string][]string `json:"acr_names,omitempty"`
	ResourceServer bool                `json:"resource_server"`
}

func clientView(c client.Client) shownClient {
	return shownClient{
		ID: c.ID, Name: c.Name, Public: c.Public, RedirectURIs: append([]string{}, c.RedirectURIs...), AfterLogout: append([]string{}, c.PostLogoutRedirectURIs...), // never null
		Scope: strings.Join(c.Scopes, " "), Algorithm: c.IDTokenAlg, Created: c.Created.UTC(),
		ResponseTypes: c.ResponseTypes, TwoSteps: twoStepsText(c.TwoSteps), IDTokenClaims: c.IDTokenClaims, ACRNames: c.ACRNames, ResourceServer: c.ResourceServer,
	}
}

func clientList(w *env) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the apps", Flags: databaseFlags(terminal.OutputFlag()),
		Action: func(ctx context.Context, c *cli.Command) error {
			var all []client.Client
			err := w.read(ctx, c, func(db *storage.Store) (err error) {
				all, err = db.Clients(ctx)
				return err
			})
			if err != nil {
				return err
			}
			clients := []shownClient{}
			rows := [][]string{w.Head("command.column.id", "command.column.name", "command.column.public", "command.column.api", "command.column.two_steps", "command.column.scopes", "command.column.id_token_claims", "command.column.acr_names", "command.column.post_logout_redirect_uris", "command.column.redirect_uris")}
			for _, one := range all {
				clients = append(clients, clientView(one))
				rows = append(rows, []string{
					one.ID, one.Name, w.YesNo(one.Public), w.YesNo(one.ResourceServer), twoStepsText(one.TwoSteps),
					strings.Join(one.Scopes, " "), strings.Join(one.IDTokenClaims, " "), acrNamesText(one.ACRNames), strings.Join(one.PostLogoutRedirectURIs, " "), strings.Join(one.RedirectURIs, " "),
				})
			}
			return w.Print(c, clients, rows)
		},
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

// checkTwoSteps says what is wrong with the value of --two-steps.
func checkTwoSteps(value string) error {
	if value != twoStepsOptional && (value == "" || !client.TwoSteps(value).IsKnown()) {
		return errors.New("it should be optional, required or phishing-resistant")
	}
	return nil
}

const twoStepsOptional = "optional"

// twoSteps is the value of the flag.
func twoSteps(c *cli.Command) client.TwoSteps {
	if value := c.String("two-steps"); value != twoStepsOptional {
		return client.TwoSteps(value)
	}
	return client.TwoStepsOptional
}

// twoStepsText shows it as the flag takes it.
func twoStepsText(t client.TwoSteps) string { return cmp.Or(string(t), twoStepsOptional) }

// idTokenClaimsFlag is a flag whose values are scopes.
func idTokenClaimsFlag(usage string) cli.Flag {
	return &cli.StringSliceFlag{Name: "id-token-claims", Usage: usage}
}

// idTokenClaims are the values of the flag; nil: there are none.
func idTokenClaims(c *cli.Command) []string { return splitWords(c.StringSlice("id-token-claims")) }

// acrNameFlag is a flag whose values are LEVEL=NAME.
func acrNameFlag(usage string) cli.Flag {
	return pairsFlag("acr-name", usage, errors.New("it should be LEVEL=NAME, such as aal2=https://refeds.org/profile/mfa"))
}

// pairsFlag is a flag whose values are two words with an equals sign between them; else they are wrong.
func pairsFlag(name, usage string, wrong error) cli.Flag {
	return &cli.StringSliceFlag{Name: name, Usage: usage, Validator: func(values []string) error {
		if slices.ContainsFunc(values, func(value string) bool { return !strings.Contains(value, "=") }) {
			return wrong
		}
		return nil
	}}
}

// acrNames are the values of the flag by level, in their order: the first name of a level is the one in answers.
func acrNames(c *cli.Command) map[string][]string {
	var names map[string][]string
	for _, value := range c.StringSlice("acr-name") {
		if names == nil {
			names = map[string][]string{}
		}
		level, name, _ := strings.Cut(value, "=")
		names[level] = append(names[level], name)
	}
	return names
}

// acrNamesText shows names as the flag takes them.
func acrNamesText(names map[string][]string) string {
	var all []string
	for _, level := range slices.Sorted(maps.Keys(names)) {
		for _, name := range names[level] {
			all = append(all, level+"="+name)
		}
	}
	return strings.Join(all, " ")
}

// clientUpdate changes what is given and leaves the rest.
func clientUpdate(w *env) *cli.Command {
	return &cli.Command{
		Name: "update", ArgsUsage: "ID", Usage: "change an app",
		Flags: databaseFlags(
			&cli.StringSliceFlag{Name: "redirect-uri", Usage: "`address` to send users back to, in place of those there are"},
			&cli.StringSliceFlag{Name: "post-logout-redirect-uri", Usage: "`address` to send users to after a sign-out that the app asks for, in place of those there are"},
			&cli.BoolFlag{Name: "no-post-logout-redirect-uris", Usage: "users stay here after a sign-out that the app asks for"},
			&cli.StringSliceFlag{Name: "scope", Usage: "`scope` that the app may ask for, in place of those there are"},
			&cli.StringSliceFlag{Name: "response-type", Usage: "`type` of the answers that the app may have, code or id_token, in place of those there are"},
			acrNameFlag("`LEVEL=NAME`, what the app calls aal1, aal2 or phr, in place of the names there are"),
			idTokenClaimsFlag("`scope` whose claims are in its ID tokens too, in place of those there are"),
			&cli.BoolFlag{Name: "no-id-token-claims", Usage: "no claims about the user are in its ID tokens any more, unless it asks for them by the claims parameter"},
			&cli.BoolFlag{Name: "no-acr-names", Usage: "the app has no names of its own for the levels any more"},
			&cli.StringFlag{Name: "name", Usage: "`name` that users see"},
			&cli.StringFlag{Name: "two-steps", Usage: "what its users must have: `optional|required|phishing-resistant`", Validator: checkTwoSteps},
			terminal.OutputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			change, err := clientChange(c)
			if err != nil {
				return err
			}
			return w.operate(ctx, c, func(o *operator.Operator) error {
				client, err := o.UpdateClient(ctx, c.Args().First(), change)
				if err != nil {
					return changeFault(c.Args().First(), err)
				}
				return w.Print(c, clientView(client), [][]string{{w.Say("command.client.updated", catalogue.Values{"id": client.ID})}})
			})
		},
	}
}

// clientChange is what the flags ask for.
func clientChange(c *cli.Command) (operator.ClientChange, error) {
	change := operator.ClientChange{RedirectURIs: c.StringSlice("redirect-uri"), Scopes: splitWords(c.StringSlice("scope")),
		ResponseTypes: splitWords(c.StringSlice("response-type"))}
	if name := c.String("name"); c.IsSet("name") {
		change.Name = &name
	}
	if must := twoSteps(c); c.IsSet("two-steps") {
		change.TwoSteps = &must
	}
	after := c.StringSlice("post-logout-redirect-uri")
	if c.Bool("no-post-logout-redirect-uris") || len(after) > 0 {
		change.PostLogoutRedirectURIs = &after
	}
	inIDToken := idTokenClaims(c)
	if c.Bool("no-id-token-claims") || inIDToken != nil {
		change.IDTokenClaims = &inIDToken
	}
	names := acrNames(c)
	if c.Bool("no-acr-names") || names != nil {
		change.ACRNames = &names
	}
	return change, terminal.UsageErrors(
		terminal.Exclude(c.Bool("no-acr-names") && names != nil, "--acr-name and --no-acr-names exclude each other"),
		terminal.Exclude(c.Bool("no-post-logout-redirect-uris") && len(after) > 0, "--post-logout-redirect-uri and --no-post-logout-redirect-uris exclude each other"),
		terminal.Exclude(c.Bool("no-id-token-claims") && inIDToken != nil, "--id-token-claims and --no-id-token-claims exclude each other"),
		terminal.AsFlags(change.Check()),
	)
}

func changeFault(id string, err error) error {
	if errors.Is(err, store.ErrConflict) {
		return terminal.Failure(fmt.Sprintf("somebody else changed or removed client %s at the same moment; look at it with vestibule client list, then try again", id), err)
	}
	return noClient(id, err)
}

// splitWords are the words of values that may hold several each.
func splitWords(values []string) []string {
	var words []string
	for _, value := range values {
		words = append(words, strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == ',' })...)
	}
	return words
}
