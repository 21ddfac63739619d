package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/operator"
	"vestibule/storage"
	"vestibule/web/notice"
)

// existing is settings for a command that only looks at the database, or changes what must be there: where the address is
// wrong it would make an empty SQLite file. What needs nothing to be there asks settings itself, and so makes the file.
func (w *env) existing(c *cli.Command, only ...string) (config.Config, error) {
	s, err := w.settings(c, only...)
	if err != nil {
		return s, err
	}
	return s, fileExists(s.Database)
}

func fileExists(database string) error {
	path, ok := strings.CutPrefix(database, "sqlite:")
	if _, err := os.Stat(path); ok && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no file %s; check VESTIBULE_DATABASE", path)
	}
	return nil
}

// operate runs work on the database that is there, in the name of whoever runs the command.
func (w *env) operate(ctx context.Context, c *cli.Command, work func(o *operator.Operator) error) error {
	s, err := w.existing(c, "database")
	if err != nil {
		return err
	}
	return operateOn(ctx, s, work)
}

// operateOn is operate on the database that the settings name, which need not be there.
func operateOn(ctx context.Context, s config.Config, work func(o *operator.Operator) error) error {
	return linkedStore(ctx, s, func(db *storage.Store) error {
		o := operations(db)
		o.Passwords = server.PasswordRules(s)
		o.Documents, o.Issuer = server.Documents(s), s.Issuer
		return work(o)
	})
}

// linkedStore is readStore for what records something, and puts that into the chain: a server would do so, but none may
// run.
func linkedStore(ctx context.Context, s config.Config, work func(db *storage.Store) error) error {
	return readStore(ctx, s, func(db *storage.Store) error {
		err := work(db)
		server.LinkAudit(ctx, db) // what goes wrong now is not the fault of the command, and whoever links next does it
		return err
	})
}

// read runs work on the database that is there. Work records nothing, and the database may be one that it can only read.
func (w *env) read(ctx context.Context, c *cli.Command, work func(db *storage.Store) error) error {
	s, err := w.existing(c, "database")
	if err != nil {
		return err
	}
	return readStore(ctx, s, work)
}

// listing is what a command shows of all that there is of one kind.
type listing[T, V any] struct {
	columns []string // keys of the texts above the table
	read    func(*storage.Store, context.Context) ([]T, error)
	view    func(T) V        // as JSON has one
	row     func(T) []string // as the table has it
}

// action shows it.
func (l listing[T, V]) action(w *env) cli.ActionFunc {
	return func(ctx context.Context, c *cli.Command) error {
		var all []T
		err := w.read(ctx, c, func(db *storage.Store) (err error) {
			all, err = l.read(db, ctx)
			return err
		})
		if err != nil {
			return err
		}
		return l.print(w, c, all)
	}
}

func (l listing[T, V]) print(w *env, c *cli.Command, all []T) error {
	shown, rows := []V{}, [][]string{w.Head(l.columns...)}
	for _, one := range all {
		shown, rows = append(shown, l.view(one)), append(rows, l.row(one))
	}
	return w.Print(c, shown, rows)
}

// readStore is read on the database that the settings name, at the schema of this program.
func readStore(ctx context.Context, s config.Config, work func(db *storage.Store) error) error {
	db, err := server.OpenDatabase(ctx, storage.OpenPatient, s.Database)
	if err != nil {
		return err
	}
	return errors.Join(work(db), db.Close())
}

// atAnySchema is readStore on a database that may have the schema of another program, or none.
func atAnySchema(ctx context.Context, s config.Config, work func(db *storage.Store) error) error {
	db, err := storage.OpenPatient(ctx, s.Database)
	if err != nil {
		return err
	}
	return errors.Join(work(db), db.Close())
}

// operations are what the person who runs the command does to a store. They write notices, and what a Hydra must hear,
// always: a command does not know whether the servers send mail, or serve a Hydra. What no server sends is purged.
func operations(db *storage.Store) *operator.Operator {
	who := actor()
	return operator.New(db, &audit.Log{Store: db, Now: time.Now, Actor: who, Hooks: []audit.Hook{notice.Hook(db), server.RevocationHook(db)}}, who)
}

// actor names who runs the command.
func actor() string {
	u, err := user.Current()
	if err != nil {
		return "cli"
	}
	return "cli:" + u.Uid
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
	s, err := w.existing(c, ofVault...)
	if err != nil {
		return err
	}
	return openVault(ctx, s, work)
}

// ofVault are the settings that openVault needs.
var ofVault = []string{"database", "secret_keys", "name", "totp_authenticators", "totp_algorithms", "totp_digits", "totp_periods"}

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
