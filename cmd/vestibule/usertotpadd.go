package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/operator"
	"vestibule/provider/store"
	"vestibule/web/catalogue"
)

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
				return &usageError{"--secret-file is missing; secrets do not belong into a command line, where every user of this machine can read them"}
			}
			s, err := w.vaultSettings(c)
			if err != nil {
				return err
			}
			text, err := w.readSecret(ctx, "secret-file", path)
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
	return w.tell(w.stdout, "command.totp.added", catalogue.Values{"name": printable(names[0]), "user": user.Username, "params": w.params(p.Params)})
}

// portable reads the secret. What the flags say of it must not go against what a URI says.
func portable(c *cli.Command, text string) (totp.Portable, error) {
	short := c.Bool("allow-short")
	p, err := totp.ParseSecret(text, short)
	if err != nil {
		if !short {
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
		return p, &usageError{"the otpauth URI says what kind of codes it makes; leave --algorithm, --digits and --period out"}
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
	return p, wrongUsage(p.Check())
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
		return wrongUsage(errors.New("--name must be at most 64 characters"))
	case errors.Is(err, mfa.ErrTooMany):
		text = "has as many authenticators as totp_authenticators allows"
	case errors.Is(err, mfa.ErrChanged), errors.Is(err, store.ErrConflict):
		text = "has changed the authenticators meanwhile; run this again"
	default:
		return err
	}
	return &result{username + " " + text, store.ErrConflict}
}
