package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/mfa"
	"vestibule/provider/operator"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

// secretKeyGenerate prints nothing but the key, so that its output can be the file.
func secretKeyGenerate(w *env) *cli.Command {
	return &cli.Command{
		Name: "generate", Usage: "print a new secret key",
		Action: func(context.Context, *cli.Command) error {
			_, err := fmt.Fprintln(w.Stdout, mfa.NewKey())
			return err
		},
	}
}

// secretKeyList names the keys of the settings and what each has sealed. The names tell nothing about the keys.
func secretKeyList(w *env) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "name the secret keys of the settings and say what each has sealed", Flags: databaseFlags(terminal.OutputFlag()),
		Action: func(ctx context.Context, c *cli.Command) error {
			s, err := w.existing(c, "database", "secret_keys")
			if err != nil {
				return err
			}
			keys, err := mfa.ParseKeyring(s.SecretKeys)
			if err != nil {
				return err
			}
			return readStore(ctx, s, func(db *storage.Store) error {
				o := operations(db)
				o.Keys = keys
				list, err := o.SecretKeys(ctx)
				if err != nil {
					return err
				}
				shown := []shownKey{}
				rows := [][]string{w.Head("command.column.key", "command.column.state", "command.column.sealed")}
				for _, k := range list {
					shown = append(shown, shownKey(k))
					rows = append(rows, []string{k.ID, w.Say(keyStates[k.State], nil), strings.Join(k.Sealed, ", ")})
				}
				return w.Print(c, shown, rows)
			})
		},
	}
}

// keyStates are the texts of the states of a key.
var keyStates = map[string]string{
	operator.KeySeals: "command.key.seals", operator.KeyOpens: "command.key.opens", operator.KeyMissing: "command.key.missing",
}

// shownKey is how JSON shows a secret key.
type shownKey struct {
	ID     string   `json:"id"`
	State  string   `json:"state"`  // seals, opens, missing
	Sealed []string `json:"sealed"` // tables
}

// secretKeyRotate seals with the newest key what older ones have sealed, while servers run.
func secretKeyRotate(w *env) *cli.Command {
	return &cli.Command{
		Name: "rotate", Usage: "seal with the newest secret key what older ones have sealed", Flags: databaseFlags(),
		Action: func(ctx context.Context, c *cli.Command) error {
			return w.withVault(ctx, c, func(v unsealed) error {
				done, err := v.operations().Reseal(ctx, w.progress(v))
				if err != nil {
					return err
				}
				return w.reportResealed(v, done)
			})
		},
	}
}

// progress writes how far a rotation is, about once a second.
func (w *env) progress(v unsealed) func(table string, rows int) {
	var told time.Time
	return func(table string, rows int) {
		if time.Since(told) >= time.Second {
			told = time.Now()
			w.Tell(w.Stderr, "command.key.progress", catalogue.Values{"table": table, "n": rows, "key": v.keys.Newest()})
		}
	}
}

// reportResealed says what was done, and what still hangs on the old keys of the settings.
func (w *env) reportResealed(v unsealed, done operator.Resealed) error {
	err := w.Tell(w.Stdout, "command.key.sealed", catalogue.Values{
		"key": v.keys.Newest(), "authenticators": done[operator.SealedAuthenticators], "setups": done[operator.SealedSetups], "signing": done[operator.SealedSigningKeys], "pairwise": done[operator.SealedPairwiseKeys],
	})
	old := v.keys.IDs()[1:]
	switch {
	case err != nil:
		return err
	case len(old) == 0:
		return w.Tell(w.Stdout, "command.key.alone", nil)
	}
	return w.Tell(w.Stdout, "command.key.old", catalogue.Values{"keys": strings.Join(old, ", "), "span": w.Span(v.config.RefreshTokenLifetime)})
}
