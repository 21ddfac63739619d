package main

import (
	"context"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/provider/operator"
	"vestibule/web/catalogue"
)

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
			w.tell(w.stderr, "command.key.progress", catalogue.Values{"table": table, "n": rows, "key": v.keys.Newest()})
		}
	}
}

// reportResealed says what was done, and what still hangs on the old keys of the settings.
func (w *env) reportResealed(v unsealed, done operator.Resealed) error {
	err := w.tell(w.stdout, "command.key.sealed", catalogue.Values{
		"key": v.keys.Newest(), "authenticators": done[operator.SealedAuthenticators], "setups": done[operator.SealedSetups], "signing": done[operator.SealedSigningKeys],
	})
	old := v.keys.IDs()[1:]
	switch {
	case err != nil:
		return err
	case len(old) == 0:
		return w.tell(w.stdout, "command.key.alone", nil)
	}
	return w.tell(w.stdout, "command.key.old", catalogue.Values{"keys": strings.Join(old, ", "), "span": w.span(v.config.RefreshTokenLifetime)})
}
