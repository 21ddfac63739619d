package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/storage"
)

// loadSettings is a way to read the settings once the flags are parsed.
type loadSettings func(w *env) (config.Config, error)

// settingsFlags adds --config and a flag for each setting that may be one. Only names the settings that may not be
// faulty, if not all.
func settingsFlags(f *flag.FlagSet, only ...string) loadSettings {
	path := f.String("config", "", "settings `file` in YAML")
	given := map[string]string{}
	for _, s := range config.Flags() {
		f.Func(s.Name, s.Usage, func(value string) error {
			given[s.Name] = value
			return nil
		})
	}
	return func(w *env) (config.Config, error) { return config.Load(*path, w.environ, given, only...) }
}

// databaseFlags is settingsFlags for commands that need the database and, beside the settings named, nothing else.
func databaseFlags(f *flag.FlagSet, more ...string) loadSettings {
	path := f.String("config", "", "settings `file` in YAML")
	given := map[string]string{}
	f.Func("database", "`address` of the database: sqlite:PATH or postgres://...", func(value string) error {
		given["database"] = value
		return nil
	})
	return func(w *env) (config.Config, error) {
		return config.Load(*path, w.environ, given, append(more, "database")...)
	}
}

// existing refuses a SQLite file that does not exist: a command that only looks at the database, or changes
// what must be there, would otherwise make an empty one where the address is wrong.
func existing(load loadSettings) loadSettings {
	return func(w *env) (config.Config, error) {
		c, err := load(w)
		if err != nil {
			return c, err
		}
		path, ok := strings.CutPrefix(c.Database, "sqlite:")
		if _, err := os.Stat(path); ok && errors.Is(err, fs.ErrNotExist) {
			return c, fmt.Errorf("there is no file %s; check VESTIBULE_DATABASE", path)
		}
		return c, nil
	}
}

// withStore runs work on the database that the settings name, at the schema of this program. It puts what work has
// recorded into the chain: a server would do that, but none may run.
func withStore(ctx context.Context, w *env, load loadSettings, work func(db *storage.Store) error) error {
	return readStore(ctx, w, load, func(db *storage.Store) error {
		err := work(db)
		server.LinkAudit(ctx, db) // what goes wrong now is not the fault of the command, and whoever links next does it
		return err
	})
}

// readStore is withStore for what records nothing, and may have a database that it can only read.
func readStore(ctx context.Context, w *env, load loadSettings, work func(db *storage.Store) error) error {
	c, err := load(w)
	if err != nil {
		return err
	}
	db, err := server.OpenDatabase(ctx, storage.OpenPatient, c.Database)
	if err != nil {
		return err
	}
	return errors.Join(work(db), db.Close())
}

func isSQLite(address string) bool { return strings.HasPrefix(address, "sqlite:") }

// largestInput is far above any password or client secret.
const largestInput = 64 << 10

// readInput reads a secret from a file, or from standard input for "-", without the newline at the end.
func readInput(w *env, flagName, path string) (string, error) {
	in := w.stdin
	if path != "-" {
		file, err := os.Open(path)
		var why *fs.PathError
		if flagName == "secret-file" && errors.As(err, &why) { // perhaps the path is the secret itself: it is not shown again
			return "", fmt.Errorf("--%s: the file cannot be opened: %w", flagName, why.Err)
		}
		if err != nil {
			return "", fmt.Errorf("--%s: %w", flagName, err)
		}
		defer file.Close()
		in = file
	}
	content, err := io.ReadAll(io.LimitReader(in, largestInput+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("--%s: %w", flagName, err)
	case len(content) > largestInput:
		return "", fmt.Errorf("--%s: the input is too large", flagName)
	}
	content = bytes.TrimSuffix(bytes.TrimSuffix(content, []byte("\n")), []byte("\r"))
	return string(content), nil
}
