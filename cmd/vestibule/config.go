package main

import (
	"context"
	"strings"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/server"
	"vestibule/config"
	"vestibule/web/catalogue"
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
	if w.Language != nil {
		return
	}
	if texts, err := server.Texts(s); err == nil {
		w.Language = texts.Usual()
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

// configCheck prints every fault of the settings or, in one sentence, what the server will be.
func configCheck(w *env) *cli.Command {
	return &cli.Command{
		Name: "check", Usage: "say all that is wrong with the settings", Flags: settingsFlags(),
		Action: func(_ context.Context, c *cli.Command) error {
			s, err := w.settings(c)
			if err != nil {
				return err
			}
			if err := server.Check(s); err != nil {
				return err
			}
			for _, path := range s.ExposedFiles {
				if err := w.Tell(w.Stderr, "command.config.exposed", catalogue.Values{"path": path}); err != nil {
					return err
				}
			}
			return w.Tell(w.Stdout, "command.config.good", catalogue.Values{"issuer": s.Issuer, "address": s.Listen, "database": w.kind(s.Database)})
		},
	}
}

// kind names the database without its address, which may hold a password.
func (w *env) kind(address string) string {
	if isSQLite(address) {
		return w.Say("command.config.sqlite", catalogue.Values{"path": address[len("sqlite:"):]})
	}
	return "PostgreSQL"
}

func isSQLite(address string) bool { return strings.HasPrefix(address, "sqlite:") }
