package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/interaction"
	"vestibule/provider/operator"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

// shownFactor is how JSON shows an authenticator.
type shownFactor struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	totp.Params           // flat
	Created     time.Time `json:"created"`
	LastUsed    time.Time `json:"last_used,omitzero"`
}

// userTOTPList shows a user's authenticators, without what is secret about them.
func userTOTPList(w *env) *cli.Command {
	return &cli.Command{
		Name: "list", ArgsUsage: "NAME", Usage: "show a user's authenticators", Flags: databaseFlags(terminal.OutputFlag()),
		Action: func(ctx context.Context, c *cli.Command) error {
			return w.read(ctx, c, func(db *storage.Store) error {
				o := operations(db)
				user, err := findUser(ctx, o, c.Args().First())
				if err != nil {
					return err
				}
				status, err := o.MFA.Status(ctx, user.Subject)
				if err != nil {
					return err
				}
				list := []shownFactor{}
				rows := [][]string{w.Head("command.column.id", "command.column.name", "command.column.kind", "command.column.added", "command.column.last_used")}
				for _, a := range status.Authenticators {
					if a.Kind != totp.Name {
						continue
					}
					params, err := totp.ParseParams(a.Params)
					if err != nil {
						return err
					}
					list = append(list, shownFactor{a.ID, a.Name, params, a.Created.UTC(), a.LastUsed.UTC()})
					rows = append(rows, []string{a.ID, a.Name, w.params(params), w.Moment(a.Created), w.Moment(a.LastUsed)})
				}
				return w.Print(c, list, rows)
			})
		},
	}
}

// params are those of an authenticator.
func (w *env) params(p totp.Params) string {
	return w.Say("command.totp.params", catalogue.Values{"length": p.Digits, "period": p.Period, "algorithm": totp.AlgorithmName(p.Algorithm)})
}

// userTOTPRemove takes one of several authenticators away. The last one is for user totp reset, which asks for a reason.
func userTOTPRemove(w *env) *cli.Command {
	return &cli.Command{
		Name: "remove", ArgsUsage: "NAME", Usage: "remove one of a user's authenticators",
		Flags: databaseFlags(
			&cli.StringFlag{Name: "authenticator", Usage: "`name` or id of the authenticator, as user totp list shows them; required"},
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			name, which := c.Args().First(), c.String("authenticator")
			if which == "" {
				return terminal.UsageError("--authenticator is missing; `vestibule user totp list " + name + "` shows which there are")
			}
			return w.operate(ctx, c, func(o *operator.Operator) error {
				user, err := findUser(ctx, o, name)
				if err != nil {
					return err
				}
				removed, err := o.RemoveAuthenticator(ctx, user, which)
				if err != nil {
					return removeFault(user.Username, which, err)
				}
				_, err = fmt.Fprintln(w.Stdout, w.Say("command.totp.removed", catalogue.Values{"name": terminal.Printable(removed.Name), "user": user.Username})+"\n"+w.ended(removed.Sessions))
				return err
			})
		},
	}
}

func removeFault(username, which string, err error) error {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return terminal.Failure(fmt.Sprintf("%s has no authenticator %s", username, terminal.Printable(which)), err)
	case errors.Is(err, operator.ErrAmbiguous):
		return terminal.UsageError(fmt.Sprintf("%s has several authenticators %s; give the id, as user totp list shows it", username, terminal.Printable(which)))
	case errors.Is(err, mfa.ErrLast):
		return fmt.Errorf("it is the only authenticator of %s; `vestibule user totp reset` takes the whole second factor away", username)
	}
	return err
}

// userTOTPAdd gives a user an authenticator that was set up with another product. No recovery codes are made: whoever
// moves here makes them on the account pages.
func userTOTPAdd(w *env) *cli.Command {
	return &cli.Command{
		Name: "add", ArgsUsage: "NAME", Usage: "give a user an authenticator that another product has set up",
		Flags: databaseFlags(
			&cli.StringFlag{Name: "secret-file", Usage: "`file` that holds the secret in base32 or as an otpauth:// URI, or - for standard input; required", TakesFile: true},
			&cli.StringFlag{Name: "name", Usage: "`name` of the authenticator, as the user will see it"},
			&cli.StringFlag{Name: "algorithm", Usage: "`SHA1|SHA256|SHA512`, if the secret is no URI", DefaultText: "SHA1"},
			&cli.IntFlag{Name: "digits", Usage: "`6|8`, if the secret is no URI", DefaultText: "6"},
			&cli.IntFlag{Name: "period", Usage: "`30|60` seconds, if the secret is no URI", DefaultText: "30"},
			&cli.BoolFlag{Name: "allow-short", Usage: "take a secret of 80 bits; 128 are good (RFC 4226 section 4)"},
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			path := c.String("secret-file")
			if path == "" {
				return terminal.UsageError("--secret-file is missing; secrets do not belong into a command line, where every user of this machine can read them")
			}
			s, err := w.existing(c, ofVault...)
			if err != nil {
				return err
			}
			text, err := w.ReadSecret(ctx, "secret-file", path)
			if err != nil {
				return err
			}
			p, err := portable(c, text)
			if err != nil {
				return err
			}
			return openVault(ctx, s, func(v unsealed) error { return w.addTOTP(ctx, v.operations(), c.Args().First(), p) })
		},
	}
}

func (w *env) addTOTP(ctx context.Context, o *operator.Operator, name string, p totp.Portable) error {
	user, err := findUser(ctx, o, name)
	if err != nil {
		return err
	}
	names, err := o.AddAuthenticators(ctx, user, p)
	if err != nil {
		return importFault(user.Username, err)
	}
	return w.Tell(w.Stdout, "command.totp.added", catalogue.Values{"name": terminal.Printable(names[0]), "user": user.Username, "params": w.params(p.Params)})
}

// portable reads the secret. What the flags say of it must not go against what a URI says.
func portable(c *cli.Command, text string) (totp.Portable, error) {
	short := c.Bool("allow-short")
	p, err := totp.ParseSecret(text, short)
	if err != nil {
		if _, other := totp.ParseSecret(text, true); other == nil { // it is short, and nothing else is wrong
			err = fmt.Errorf("%w (--allow-short takes 80 bits)", err)
		}
		return p, fmt.Errorf("--secret-file: %w", err)
	}
	p.Name = c.String("name")
	algorithm, digits, period := c.String("algorithm"), c.Int("digits"), c.Int("period")
	if algorithm == "" && digits == 0 && period == 0 {
		return p, nil
	}
	if isURI(text) {
		return p, terminal.UsageError("the otpauth URI says what kind of codes it makes; leave --algorithm, --digits and --period out")
	}
	if algorithm != "" {
		p.Algorithm = algorithm
	}
	if digits != 0 {
		p.Digits = digits
	}
	if period != 0 {
		p.Period = period
	}
	return p, terminal.UsageErrors(p.Check())
}

// isURI reports whether a secret is an otpauth URI.
func isURI(text string) bool { return strings.Contains(text, ":") }

// importFault says what stands against an authenticator of the user's.
func importFault(username string, err error) error {
	text := ""
	switch {
	case errors.Is(err, mfa.ErrNameTaken):
		text = "has an authenticator of that name; give --name another"
	case errors.Is(err, mfa.ErrSecretTaken):
		text = "has an authenticator with this secret: it is there already"
	case errors.Is(err, mfa.ErrNameLong):
		return terminal.UsageErrors(errors.New("--name must be at most 64 characters"))
	case errors.Is(err, mfa.ErrTooMany):
		text = "has as many authenticators as totp_authenticators allows"
	case errors.Is(err, mfa.ErrChanged), errors.Is(err, store.ErrConflict):
		text = "has changed the authenticators meanwhile; run this again"
	default:
		return err
	}
	return terminal.Failure(username+" "+text, store.ErrConflict)
}

// ended says which sessions there were.
func (w *env) ended(sessions []interaction.Session) string {
	if len(sessions) == 0 {
		return w.Say("command.session.none", nil)
	}
	var lines []string
	for _, s := range sessions {
		lines = append(lines, w.Say("command.session.ended", catalogue.Values{
			"created": terminal.Moment(s.Created), "methods": strings.Join(s.Login.AMR(), " "), "used": w.Moment(s.Seen),
		}))
	}
	return strings.Join(lines, "\n")
}
