package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/provider/operator"
	"vestibule/storage"
)

// secretKeyGenerate prints nothing but the key, so that its output can be the file.
func secretKeyGenerate(w *env) *cli.Command {
	return &cli.Command{
		Name: "generate", Usage: "print a new secret key",
		Action: func(context.Context, *cli.Command) error {
			_, err := fmt.Fprintln(w.stdout, mfa.NewKey())
			return err
		},
	}
}

// unsealed is the database and what opens the secrets in it.
type unsealed struct {
	config config.Config
	db     *storage.Store
	keys   *mfa.Keyring
}

// withVault is operate for commands that open secrets. Like a server, they refuse a database with secrets that they cannot
// open.
func (w *env) withVault(ctx context.Context, c *cli.Command, work func(v unsealed) error) error {
	s, err := w.vaultSettings(c)
	if err != nil {
		return err
	}
	return openVault(ctx, s, work)
}

// vaultSettings are those that openVault needs.
func (w *env) vaultSettings(c *cli.Command) (config.Config, error) {
	return w.existing(c, "database", "secret_keys", "name", "totp_authenticators", "totp_algorithms", "totp_digits", "totp_periods")
}

// openVault is withVault for commands that ask for a secret once they know the settings.
func openVault(ctx context.Context, s config.Config, work func(v unsealed) error) error {
	keys, err := mfa.ParseKeyring(s.SecretKeys)
	if err != nil {
		return err
	}
	return linkedStore(ctx, s, func(db *storage.Store) error {
		if err := server.CheckKeys(ctx, db, keys); err != nil {
			return err
		}
		return work(unsealed{s, db, keys})
	})
}

// operations are those of a person who has the secret keys.
func (v unsealed) operations() *operator.Operator {
	o := operations(v.db)
	o.Keys = v.keys
	o.MFA = &mfa.Service{
		Store: v.db, Attempts: v.db, Setups: v.db, Keys: v.keys, Atomic: v.db.Atomic,
		Limits: server.Limits(v.config), Kinds: server.Kinds(v.config),
	}
	return o
}

// secretKeyList names the keys of the settings and what each has sealed. The names tell nothing about the keys.
func secretKeyList(w *env) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "name the secret keys of the settings and say what each has sealed", Flags: databaseFlags(outputFlag()),
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
				rows := [][]string{w.head("command.column.key", "command.column.state", "command.column.sealed")}
				for _, k := range list {
					shown = append(shown, shownKey(k))
					rows = append(rows, []string{k.ID, w.say(keyStates[k.State], nil), strings.Join(k.Sealed, ", ")})
				}
				return w.print(c, shown, rows)
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
