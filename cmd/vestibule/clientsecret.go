package main

import (
	"context"
	"errors"
	"fmt"
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
			&cli.DurationFlag{Name: "overlap", Value: 24 * time.Hour, Usage: "`duration` for which the secret before is good too; 0 ends it at once, and all earlier ones"},
			&cli.StringFlag{Name: "secret-file", Usage: "`file` that holds the new secret, or - for standard input; without it one is made", TakesFile: true},
			terminal.OutputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			id := c.Args().First()
			given, err := w.givenSecret(ctx, c)
			if err != nil {
				return err
			}
			return w.operate(ctx, c, func(o *operator.Operator) error {
				done, err := o.RotateSecret(ctx, id, given, c.Duration("overlap"))
				if err != nil {
					return terminal.AsFlags(changeFault(id, err))
				}
				return w.printRotated(c, done, given == "")
			})
		},
	}
}

// givenSecret is the one of --secret-file; empty: there is no such flag, and one is to be made.
func (w *env) givenSecret(ctx context.Context, c *cli.Command) (string, error) {
	if !c.IsSet("secret-file") {
		return "", nil
	}
	return w.ReadSecret(ctx, "secret-file", c.String("secret-file"))
}

// shownSecret is how JSON shows a new secret.
type shownSecret struct {
	ID           string      `json:"client_id"`
	Secret       string      `json:"client_secret"`
	Had          bool        `json:"unchanged,omitempty"`            // it is the secret that it had
	PreviousEnds []time.Time `json:"previous_secret_ends,omitempty"` // of each that is good still, the newest first
}

func (w *env) printRotated(c *cli.Command, done operator.RotatedSecret, made bool) error {
	view := shownSecret{ID: done.ID, Secret: done.Secret, Had: done.Had}
	rows := [][]string{{w.Say("command.client.id", nil), done.ID}}
	switch {
	case made:
		rows = append(rows, []string{w.Say("command.client.secret", nil), done.Secret}, []string{"", w.Say("command.client.secret.once", nil)})
	case done.Had:
		rows = append(rows, []string{w.Say("command.client.secret", nil), w.Say("command.client.secret.had", nil)})
	}
	for _, p := range done.GoodPreviousSecrets(time.Now()) {
		view.PreviousEnds = append(view.PreviousEnds, p.Ends.UTC())
		rows = append(rows, w.previousRow(p.Ends))
	}
	return w.PrintOnce(c, view, rows, fmt.Errorf("client %s has its new secret, but %w", done.ID, notShown(made, done.ID)))
}

// notShown says what to do where something was done to an app and its secret could not be shown.
func notShown(made bool, id string) error {
	if !made {
		return errors.New("that could not be shown")
	}
	return fmt.Errorf("the secret could not be shown; give it another, which can: vestibule client secret rotate %s", id)
}
