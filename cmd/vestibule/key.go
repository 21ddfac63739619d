package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/provider/jwks"
	"vestibule/provider/operator"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

// keyList shows what each signing key is for.
func keyList(w *env) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the keys that sign tokens, and when each does", Flags: databaseFlags(terminal.OutputFlag()),
		Action: listing[jwks.Term, shownSigningKey]{
			columns: []string{"command.column.key", "command.column.algorithm", "command.column.state", "command.column.from", "command.column.until"},
			read: func(db *storage.Store, ctx context.Context) ([]jwks.Term, error) {
				return operations(db).SigningKeys(ctx)
			},
			view: signingKeyView,
			row: func(t jwks.Term) []string {
				return []string{t.ID, t.Algorithm, w.Say(signingStates[t.State], nil), terminal.Moment(t.Signs), signingEnd(t)}
			},
		}.action(w),
	}
}

// signingStates are the texts of the states of a signing key.
var signingStates = map[string]string{
	jwks.StateNext: "command.signing.next", jwks.StateSigning: "command.signing.signing", jwks.StatePast: "command.signing.past",
	jwks.StateRetired: "command.signing.retired.state",
}

// shownSigningKey is how JSON shows a signing key.
type shownSigningKey struct {
	ID        string     `json:"kid"`
	Algorithm string     `json:"alg"`
	State     string     `json:"state"` // next, signing, past, retired
	Created   time.Time  `json:"created"`
	Signs     time.Time  `json:"signs"`
	Until     *time.Time `json:"until"` // null: no key follows yet
}

func signingKeyView(t jwks.Term) shownSigningKey {
	view := shownSigningKey{ID: t.ID, Algorithm: t.Algorithm, State: t.State, Created: t.Created.UTC(), Signs: t.Signs.UTC()}
	if until := t.Until.UTC(); !t.Until.IsZero() {
		view.Until = &until
	}
	return view
}

// signingEnd says until when it signs; empty: nobody knows yet.
func signingEnd(t jwks.Term) string {
	if t.Until.IsZero() {
		return ""
	}
	return terminal.Moment(t.Until)
}

// keyRotate has new keys sign, after they were published for some time.
func keyRotate(w *env) *cli.Command {
	return &cli.Command{
		Name: "rotate", Usage: "have new keys sign tokens in place of those that do, once they were published for a while",
		Flags: databaseFlags(
			&cli.StringSliceFlag{Name: "alg", Usage: "`algorithm` whose key is replaced", DefaultText: "all"},
			&cli.BoolFlag{Name: "now", Usage: fmt.Sprintf("in %v, as soon as all servers publish them; apps that keep the published keys may fail for some minutes", jwks.MinAnnounce)},
			terminal.OutputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			return w.withSigningKeys(ctx, c, func(v unsealed) error {
				in := v.config.SigningKeyAnnounce
				if c.Bool("now") {
					in = jwks.MinAnnounce
				}
				next, err := v.operations().RotateSigningKeys(ctx, splitWords(c.StringSlice("alg")), in)
				if err != nil {
					return signingKeyFault(err)
				}
				shown, rows := []shownSigningKey{}, [][]string{}
				for _, t := range next {
					shown = append(shown, signingKeyView(t))
					rows = append(rows, []string{w.Say("command.signing.will", catalogue.Values{"key": t.ID, "alg": t.Algorithm, "time": terminal.Moment(t.Signs)})})
				}
				return w.Print(c, shown, rows)
			})
		},
	}
}

// keyRetire takes a key away that somebody else may have.
func keyRetire(w *env) *cli.Command {
	return &cli.Command{
		Name: "retire", ArgsUsage: "KEY", Usage: "take a signing key away at once, which makes what it has signed worthless", Flags: databaseFlags(),
		Action: func(ctx context.Context, c *cli.Command) error {
			id := c.Args().First()
			return w.withSigningKeys(ctx, c, func(v unsealed) error {
				next, err := v.operations().RetireSigningKey(ctx, id)
				switch {
				case errors.Is(err, store.ErrNotFound):
					return terminal.Failure(fmt.Sprintf("there is no signing key %s; look for it with vestibule key list", terminal.Printable(id)), err)
				case err != nil:
					return signingKeyFault(err)
				}
				if err := w.Tell(w.Stdout, "command.signing.retired", catalogue.Values{"key": id}); err != nil || next == nil {
					return err
				}
				return w.Tell(w.Stdout, "command.signing.does", catalogue.Values{"key": next.ID, "alg": next.Algorithm})
			})
		},
	}
}

// withSigningKeys is withVault for commands that need to know when keys follow one another.
func (w *env) withSigningKeys(ctx context.Context, c *cli.Command, work func(v unsealed) error) error {
	s, err := w.existing(c, "database", "secret_keys", "signing_key_announce")
	if err != nil {
		return err
	}
	return openVault(ctx, s, work)
}

// signingKeyFault says what is wrong in the words of the flags.
func signingKeyFault(err error) error {
	if errors.Is(err, operator.ErrNoSigningKey) {
		return terminal.Failure(err.Error(), store.ErrNotFound)
	}
	if errors.Is(err, store.ErrConflict) {
		return terminal.Failure("somebody else has changed the signing keys at the same moment; look at them with vestibule key list, then try again", err)
	}
	return terminal.AsFlags(err)
}
