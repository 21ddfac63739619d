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
	"vestibule/provider/operator"
	"vestibule/storage"
)

// asSetting is the category of flags that stand for the setting of their name.
const asSetting = "settings"

// configFlag is --config.
func configFlag() cli.Flag {
	return &cli.StringFlag{Name: "config", Usage: "settings `file` in YAML", TakesFile: true}
}

// settingsFlags are --config and a flag for each setting that may be one.
func settingsFlags(more ...cli.Flag) []cli.Flag {
	flags := []cli.Flag{configFlag()}
	for _, s := range config.Flags() {
		flags = append(flags, &cli.StringFlag{Name: s.Name, Usage: s.Usage, Category: asSetting})
	}
	return append(flags, more...)
}

// databaseFlags are those of the settings that a command has which needs a database and no server.
func databaseFlags(more ...cli.Flag) []cli.Flag {
	return append([]cli.Flag{
		configFlag(),
		&cli.StringFlag{Name: "database", Usage: "`address` of the database: sqlite:PATH or postgres://...", Category: asSetting},
	}, more...)
}

// settings reads them, where the flags of a command have the last word. Only names those that may not be faulty, if not
// all. From now on the command speaks the language of the settings.
func (w *env) settings(c *cli.Command, only ...string) (config.Config, error) {
	return w.load(c, settingsGiven(c), only...)
}

func (w *env) load(c *cli.Command, given map[string]string, only ...string) (config.Config, error) {
	s, err := config.Load(c.String("config"), w.environ, given, only...)
	if err == nil {
		w.listen(s)
	}
	return s, err
}

// listen finds the language of the operator. That there is none of that name, or that its file is faulty, is for serve and
// config check to tell: it must not keep anybody from helping a user.
func (w *env) listen(s config.Config) {
	if w.language != nil {
		return
	}
	if texts, err := server.Texts(s); err == nil {
		w.language = texts.Usual()
	}
}

// settingsGiven are the settings that flags of the command give.
func settingsGiven(c *cli.Command) map[string]string {
	values := map[string]string{}
	for _, f := range c.Flags {
		if one, ok := f.(cli.CategorizableFlag); ok && one.GetCategory() == asSetting && f.IsSet() {
			name := f.Names()[0]
			values[name] = c.String(name)
		}
	}
	return values
}

// existing is settings for a command that only looks at the database, or changes what must be there: where the address is
// wrong it would make an empty SQLite file.
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
	return linkedStore(ctx, s, func(db *storage.Store) error { return work(operations(db)) })
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

// operations are what the person who runs the command does to a store.
func operations(db *storage.Store) *operator.Operator {
	return operator.New(db, commandAuditor(db, time.Now), actor())
}

// read runs work on the database that is there. Work records nothing, and the database may be one that it can only read.
func (w *env) read(ctx context.Context, c *cli.Command, work func(db *storage.Store) error) error {
	s, err := w.existing(c, "database")
	if err != nil {
		return err
	}
	return readStore(ctx, s, work)
}

// readStore is read on the database that the settings name, at the schema of this program.
func readStore(ctx context.Context, s config.Config, work func(db *storage.Store) error) error {
	db, err := server.OpenDatabase(ctx, storage.OpenPatient, s.Database)
	if err != nil {
		return err
	}
	return errors.Join(work(db), db.Close())
}

// actor names who runs the command.
func actor() string {
	u, err := user.Current()
	if err != nil {
		return "cli"
	}
	return "cli:" + u.Uid
}

func isSQLite(address string) bool { return strings.HasPrefix(address, "sqlite:") }
