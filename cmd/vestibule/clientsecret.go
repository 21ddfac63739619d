package main

import (
	"context"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/provider/operator"
)

// clientSecretRotate gives an app another secret.
func clientSecretRotate(w *env) *cli.Command {
	return &cli.Command{
		Name: "rotate", ArgsUsage: "ID", Usage: "give an app another secret; the one before is good for a while more",
		Flags: databaseFlags(
			&cli.DurationFlag{Name: "overlap", Value: 24 * time.Hour, Usage: "`duration` for which the secret before is good too; 0 ends it at once"},
			&cli.StringFlag{Name: "secret-file", Usage: "`file` that holds the new secret, or - for standard input; without it one is made", TakesFile: true},
			terminal.OutputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			id, path := c.Args().First(), c.String("secret-file")
			var given string
			if path != "" {
				var err error
				if given, err = w.ReadSecret(ctx, "secret-file", path); err != nil {
					return err
				}
			}
			return w.operate(ctx, c, func(o *operator.Operator) error {
				changed, secret, err := o.RotateSecret(ctx, id, given, c.Duration("overlap"))
				if err != nil {
					return terminal.AsFlags(changeFault(id, err))
				}
				return w.printRotated(c, shownSecret{ID: id, Secret: secret, PreviousEnds: changed.PreviousSecretEnds.UTC()}, given == "")
			})
		},
	}
}

// shownSecret is how JSON shows a new secret.
type shownSecret struct {
	ID           string    `json:"client_id"`
	Secret       string    `json:"client_secret"`
	PreviousEnds time.Time `json:"previous_secret_ends,omitzero"` // not there: it has ended
}

func (w *env) printRotated(c *cli.Command, view shownSecret, made bool) error {
	rows := [][]string{{w.Say("command.client.id", nil), view.ID}}
	if made {
		rows = append(rows, []string{w.Say("command.client.secret", nil), view.Secret}, []string{"", w.Say("command.client.secret.once", nil)})
	}
	if !view.PreviousEnds.IsZero() {
		rows = append(rows, w.previousRow(view.PreviousEnds))
	}
	return w.Print(c, view, rows)
}
