package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/config"
	"vestibule/provider/account"
	"vestibule/provider/operator"
	"vestibule/provider/store"
	"vestibule/web/catalogue"
)

// userTOTPReset takes a user's second factor away, for one who has lost phone and recovery
// codes: at once, or after a delay in which the user can object. Who that person is must have been
// checked before; the reason says how.
func userTOTPReset(w *env) *cli.Command {
	return &cli.Command{
		Name: "reset", ArgsUsage: "NAME", Usage: "remove a user's second factor, and sign the user out everywhere, now or later",
		Flags: databaseFlags(
			&cli.StringFlag{Name: "reason", Usage: "`why`, and how the user's identity was checked; it is recorded, and the user sees it; required, but with --cancel"},
			&cli.DurationFlag{Name: "delay", Usage: "announce it and let the server do it after this `time`, such as 24h; until then the user can cancel it", HideDefault: true},
			&cli.BoolFlag{Name: "cancel", Usage: "cancel the reset that is planned"},
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			r := reset{w, c.String("reason"), c.Duration("delay"), c.Bool("cancel")}
			if err := r.check(); err != nil {
				return err
			}
			s, err := w.existing(c, "database")
			if err != nil {
				return err
			}
			return operateOn(ctx, s, func(o *operator.Operator) error {
				user, err := findUser(ctx, o, c.Args().First())
				if err != nil {
					return err
				}
				return r.run(ctx, o, user, s)
			})
		},
	}
}

// reset is what the flags ask for.
type reset struct {
	*env
	reason string
	delay  time.Duration
	cancel bool
}

func (r reset) check() error {
	if r.cancel {
		return terminal.UsageErrors(terminal.Exclude(r.delay != 0, "--cancel and --delay exclude each other"))
	}
	return terminal.AsFlags(operator.CheckReset(r.reason, r.delay))
}

func (r reset) run(ctx context.Context, o *operator.Operator, user account.Account, s config.Config) error {
	switch {
	case r.cancel:
		return r.undo(ctx, o, user)
	case r.delay > 0:
		return r.plan(ctx, o, user, s)
	}
	done, err := o.ResetFactors(ctx, user, r.reason)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(r.Stdout, strings.Join([]string{
		r.Say("command.totp.reset", catalogue.Values{"user": user.Username, "n": done.Authenticators}),
		r.ended(done.Sessions),
		r.Say("command.totp.reset.next", catalogue.Values{"user": user.Username}),
	}, "\n"))
	return err
}

func (r reset) plan(ctx context.Context, o *operator.Operator, user account.Account, s config.Config) error {
	plan, err := o.PlanReset(ctx, user, r.reason, r.delay)
	switch {
	case errors.Is(err, store.ErrConflict):
		return terminal.Failure(fmt.Sprintf("a reset of %s is planned already; user get shows when, --cancel cancels it", user.Username), err)
	case err != nil:
		return err
	}
	if text := r.untold(user, s); text != "" {
		fmt.Fprintln(r.Stderr, text)
	}
	return r.Tell(r.Stdout, "command.totp.reset.planned", catalogue.Values{"user": user.Username, "time": terminal.Moment(plan.Due)})
}

// untold says why nobody may learn of a planned reset before it takes place.
func (w *env) untold(user account.Account, s config.Config) string {
	switch {
	case user.Email == "":
		return w.Say("command.totp.reset.no_address", catalogue.Values{"user": user.Username})
	case s.MailServer == "":
		return w.Say("command.totp.reset.no_mail", nil)
	}
	return ""
}

// undo cancels a planned reset.
func (r reset) undo(ctx context.Context, o *operator.Operator, user account.Account) error {
	err := o.CancelReset(ctx, user, r.reason)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return terminal.Failure(fmt.Sprintf("no reset of %s is planned", user.Username), err)
	case err != nil:
		return err
	}
	return r.Tell(r.Stdout, "command.totp.reset.cancelled", catalogue.Values{"user": user.Username})
}
