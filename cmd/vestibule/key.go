package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strings"

	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/storage"
)

// secretKeyGenerate prints nothing but the key, so that its output can be the file.
func secretKeyGenerate(*flag.FlagSet) action {
	return func(_ context.Context, w *env, _ []string) error {
		_, err := fmt.Fprintln(w.stdout, mfa.NewKey())
		return err
	}
}

// unsealed is the database and what opens the secrets in it.
type unsealed struct {
	config config.Config
	db     *storage.Store
	keys   *mfa.Keyring
}

// vaultFlags is databaseFlags for commands that open secrets.
func vaultFlags(f *flag.FlagSet) loadSettings {
	return existing(databaseFlags(f, "secret_keys", "name", "totp_authenticators", "totp_algorithms", "totp_digits", "totp_periods"))
}

// withVault is withStore for commands that open secrets. Like a server, they refuse a database with secrets that they
// cannot open.
func withVault(ctx context.Context, w *env, load loadSettings, work func(v unsealed) error) error {
	c, err := load(w)
	if err != nil {
		return err
	}
	keys, err := mfa.ParseKeyring(c.SecretKeys)
	if err != nil {
		return err
	}
	return withStore(ctx, w, func(*env) (config.Config, error) { return c, nil }, func(db *storage.Store) error {
		if err := server.CheckKeys(ctx, db, keys); err != nil {
			return err
		}
		return work(unsealed{c, db, keys})
	})
}

// secretKeyList names the keys of the settings and what each has sealed. The names tell nothing about the keys.
func secretKeyList(f *flag.FlagSet) action {
	load := existing(databaseFlags(f, "secret_keys"))
	out := outputFlag(f)
	return func(ctx context.Context, w *env, _ []string) error {
		c, err := load(w)
		if err != nil {
			return err
		}
		keys, err := mfa.ParseKeyring(c.SecretKeys)
		if err != nil {
			return err
		}
		return readStore(ctx, w, load, func(db *storage.Store) error {
			used, err := db.KeyIDs(ctx)
			if err != nil {
				return err
			}
			list := listKeys(keys, used)
			rows := [][]string{{"KEY", "STATE", "HAS SEALED"}}
			for _, k := range list {
				rows = append(rows, []string{k.ID, k.State, strings.Join(k.Sealed, ", ")})
			}
			return out.print(w.stdout, list, rows)
		})
	}
}

// shownKey is how JSON shows a secret key.
type shownKey struct {
	ID     string   `json:"id"`
	State  string   `json:"state"`  // seals, opens, missing
	Sealed []string `json:"sealed"` // tables
}

// listKeys returns the keys of the ring, newest first, and then those that the database knows and the ring does not.
func listKeys(keys *mfa.Keyring, used map[string][]string) []shownKey {
	ids := keys.IDs()
	tables := slices.Sorted(maps.Keys(used))
	for _, table := range tables {
		ids = append(ids, keys.Missing(used[table])...)
	}
	var list []shownKey
	for i, id := range ids {
		if slices.Contains(ids[:i], id) {
			continue
		}
		k := shownKey{ID: id, State: "opens", Sealed: []string{}}
		switch {
		case i == 0:
			k.State = "seals"
		case len(keys.Missing([]string{id})) > 0:
			k.State = "missing"
		}
		for _, table := range tables {
			if slices.Contains(used[table], id) {
				k.Sealed = append(k.Sealed, table)
			}
		}
		list = append(list, k)
	}
	return list
}
