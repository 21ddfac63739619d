package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/provider/operator"
)

// secretKeyRotate seals with the newest key what older ones have sealed, while servers run.
func secretKeyRotate(w *env) *cli.Command {
	return &cli.Command{
		Name: "rotate", Usage: "seal with the newest secret key what older ones have sealed", Flags: databaseFlags(),
		Action: func(ctx context.Context, c *cli.Command) error {
			return w.withVault(ctx, c, func(v unsealed) error {
				done, err := v.operations().Reseal(ctx, v.progress(w.stderr))
				if err != nil {
					return err
				}
				return v.report(w.stdout, done)
			})
		},
	}
}

// progress writes how far a rotation is, about once a second.
func (v unsealed) progress(to io.Writer) func(table string, rows int) {
	var told time.Time
	return func(table string, rows int) {
		if time.Since(told) >= time.Second {
			told = time.Now()
			fmt.Fprintf(to, "%s: %d rows sealed with %s\n", table, rows, v.keys.Newest())
		}
	}
}

// report says what was done, and what still hangs on the old keys of the settings.
func (v unsealed) report(to io.Writer, done operator.Resealed) error {
	fmt.Fprintf(to, "sealed with %s: %d authenticators, %d set-ups, %d signing keys\n", v.keys.Newest(),
		done[operator.SealedAuthenticators], done[operator.SealedSetups], done[operator.SealedSigningKeys])
	old := v.keys.IDs()[1:]
	if len(old) == 0 {
		_, err := fmt.Fprintln(to, "the settings have no other key")
		return err
	}
	_, err := fmt.Fprintf(to, `no row needs these keys any more: %s
Keep them in secret_keys for a while all the same: tokens and sign-ins that were made while one of them was the first
are checked with it. That is over %s after the last server put the new key first; whoever takes an old key out before
then has users sign in again, and apps lose their refresh tokens. Links that cancel a planned reset are checked with it
until the reset is due. The cookies by which browsers are known last for 365 days: without the key of its cookie a
browser is an unknown one, and nothing else.
`, strings.Join(old, ", "), span(v.config.RefreshTokenLifetime))
	return err
}

// span is a duration in whole hours or, if it is none, in minutes, rounded up.
func span(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d minutes", (d+time.Minute-1)/time.Minute)
}
