package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// totpAdd is the flags of user totp add.
type totpAdd struct {
	secretFile, name, algorithm string
	digits, period              int
	short                       bool
}

// userTOTPAdd gives a user an authenticator that was set up with another product. No recovery codes are made: whoever
// moves here makes them on the account pages.
func userTOTPAdd(f *flag.FlagSet) action {
	load := vaultFlags(f)
	var a totpAdd
	f.StringVar(&a.secretFile, "secret-file", "", "`file` that holds the secret in base32 or as an otpauth:// URI, or - for standard input")
	f.StringVar(&a.name, "name", "", "`name` of the authenticator, as the user will see it")
	f.StringVar(&a.algorithm, "algorithm", "", "`SHA1|SHA256|SHA512`, if the secret is no URI; SHA1 if nothing is said")
	f.IntVar(&a.digits, "digits", 0, "`6|8`, if the secret is no URI; 6 if nothing is said")
	f.IntVar(&a.period, "period", 0, "`30|60` seconds, if the secret is no URI; 30 if nothing is said")
	f.BoolVar(&a.short, "allow-short", false, "take a secret of 80 bits; 128 are good (RFC 4226 section 4)")
	return func(ctx context.Context, w *env, args []string) error {
		if a.secretFile == "" {
			return &usageError{"--secret-file is missing; secrets do not belong into a command line, where every user of this machine can read them"}
		}
		text, err := readInput(w, "secret-file", a.secretFile)
		if err != nil {
			return err
		}
		p, err := a.portable(text)
		if err != nil {
			return err
		}
		return withVault(ctx, w, load, func(v unsealed) error {
			user, err := findUser(ctx, v.db, args[0])
			if err != nil {
				return err
			}
			names, err := v.importTOTP(ctx, user, []totp.Portable{p})
			if err != nil {
				return importFault(user, err)
			}
			_, err = fmt.Fprintf(w.stdout, "added %s to %s (%s)\n", printable(names[0]), user.Username, p.Params)
			return err
		})
	}
}

// portable reads the secret. What the flags say of it must not go against what a URI says.
func (a totpAdd) portable(text string) (totp.Portable, error) {
	p, err := totp.ParseSecret(text, a.short)
	if err != nil {
		if !a.short {
			err = fmt.Errorf("%w (--allow-short takes 80 bits)", err)
		}
		return p, fmt.Errorf("--secret-file: %w", err)
	}
	p.Name = a.name
	said := a.algorithm != "" || a.digits != 0 || a.period != 0
	if !said {
		return p, nil
	}
	if isURI(text) {
		return p, &usageError{"the otpauth URI says what kind of codes it makes; leave --algorithm, --digits and --period out"}
	}
	if a.algorithm != "" {
		p.Algorithm = a.algorithm
	}
	if a.digits != 0 {
		p.Digits = a.digits
	}
	if a.period != 0 {
		p.Period = a.period
	}
	return p, wrongUsage(p.Check())
}

// importTOTP makes the authenticators live, with the record of it in the same commit, and returns the names of those
// that were not there before. What a check finds, after the user's authenticators were read, ends the commit.
func (v unsealed) importTOTP(ctx context.Context, user account.Account, all []totp.Portable, checks ...func(context.Context) error) ([]string, error) {
	var added []string
	events := commandAuditor(v.db, time.Now)
	err := totp.Import(ctx, v.codes(), user.Subject, all, func(ctx context.Context, names []string) error {
		for _, check := range checks {
			if err := check(ctx); err != nil {
				return err
			}
		}
		for _, name := range names {
			err := events.Record(ctx, audit.Event{
				Kind: audit.EventAdminTOTPAdded, Outcome: audit.OutcomeOK, Subject: user.Subject,
				Detail: map[string]string{"name": name},
			})
			if err != nil {
				return err
			}
		}
		added = names
		return nil
	})
	if err != nil {
		return nil, err
	}
	return added, nil
}

// importFault says what stands against an authenticator of the user's.
func importFault(user account.Account, err error) error {
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
	return &result{user.Username + " " + text, store.ErrConflict}
}
