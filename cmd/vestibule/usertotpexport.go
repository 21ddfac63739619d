package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"vestibule/mfa"
	"vestibule/mfa/totp"
	"vestibule/mfa/transfer"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// auditBatch bounds the events of one commit.
const auditBatch = 500

func passphraseFlag(f *flag.FlagSet) *string {
	return f.String("passphrase-file", "", "`file` that holds the passphrase, or - for standard input")
}

func readPassphrase(w *env, path string) (string, error) {
	if path == "" {
		return "", &usageError{"--passphrase-file is missing; it names the file with the passphrase that protects the secrets"}
	}
	return readInput(w, "passphrase-file", path)
}

// userTOTPExport writes authenticators with their secrets to standard output, in the age format, encrypted with a
// passphrase. The age tool opens it too.
func userTOTPExport(f *flag.FlagSet) action {
	load := vaultFlags(f)
	all := f.Bool("all", false, "export the authenticators of all users")
	file := passphraseFlag(f)
	return func(ctx context.Context, w *env, args []string) error {
		if *all == (len(args) == 1) {
			return &usageError{"give either the NAME of a user or --all"}
		}
		passphrase, err := readPassphrase(w, *file)
		if err != nil {
			return err
		}
		if utf8.RuneCountInString(passphrase) < transfer.ShortestPassphrase {
			return fmt.Errorf("--passphrase-file: the passphrase has fewer than %d characters, and whoever has the file may guess without end", transfer.ShortestPassphrase)
		}
		return withVault(ctx, w, load, func(v unsealed) error {
			b, err := v.export(ctx, args)
			if err != nil {
				return err
			}
			return b.Seal(w.stdout, passphrase)
		})
	}
}

// export returns the authenticators of the named user or, without a name, of all. Nothing leaves before it is recorded.
func (v unsealed) export(ctx context.Context, names []string) (transfer.Backup, error) {
	accounts, err := v.accounts(ctx, names)
	if err != nil {
		return transfer.Backup{}, err
	}
	b := transfer.Backup{Made: time.Now()}
	for _, a := range accounts {
		list, err := totp.Export(ctx, v.codes(), a.Subject)
		if err != nil {
			return transfer.Backup{}, fmt.Errorf("user %s: %w", a.Username, err)
		}
		if len(list) > 0 {
			b.Users = append(b.Users, transfer.User{Subject: a.Subject, Username: a.Username, Authenticators: list})
		}
	}
	if len(names) == 1 && len(b.Users) == 0 {
		return transfer.Backup{}, &result{accounts[0].Username + " has no authenticator", store.ErrNotFound}
	}
	return b, v.recordExport(ctx, b.Users)
}

func (v unsealed) accounts(ctx context.Context, names []string) ([]account.Account, error) {
	if len(names) == 0 {
		return v.db.Accounts(ctx)
	}
	user, err := findUser(ctx, v.db, names[0])
	return []account.Account{user}, err
}

func (v unsealed) recordExport(ctx context.Context, users []transfer.User) error {
	events := commandAuditor(v.db, time.Now)
	for some := range slices.Chunk(users, auditBatch) {
		err := v.db.Atomic(ctx, func(ctx context.Context) error {
			for _, u := range some {
				err := events.Record(ctx, audit.Event{
					Kind: audit.EventAdminTOTPExported, Outcome: audit.OutcomeOK, Subject: u.Subject,
					Detail: map[string]string{"authenticators": strconv.Itoa(len(u.Authenticators))},
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// userTOTPImport puts back what user totp export has written. Each user's authenticators come back together or not
// at all, and what is there already stays as it is, so that it may be run again.
func userTOTPImport(f *flag.FlagSet) action {
	load := vaultFlags(f)
	file := passphraseFlag(f)
	afterReset := f.Bool("after-reset", false, "bring authenticators back also to users who had one removed, or all reset, since the backup was made")
	byName := f.Bool("by-name", false, "take a user of the same name for the same user, on a server where all were created anew")
	out := outputFlag(f)
	return func(ctx context.Context, w *env, args []string) error {
		passphrase, err := readPassphrase(w, *file)
		if err != nil {
			return err
		}
		b, err := openBackup(args[0], passphrase)
		if err != nil {
			return err
		}
		return withVault(ctx, w, load, func(v unsealed) error {
			results, conflicts, err := v.restore(ctx, b, *byName, *afterReset)
			if err != nil {
				return err
			}
			rows := [][]string{{"USER", "ADDED", "RESULT"}}
			for _, r := range results {
				rows = append(rows, []string{r.User, strconv.Itoa(r.Added), r.Result})
			}
			if err := out.print(w.stdout, results, rows); err != nil || conflicts == 0 {
				return err
			}
			return &result{fmt.Sprintf("%d of %d users were left as they are", conflicts, len(results)), store.ErrConflict}
		})
	}
}

// openBackup reads a file of user totp export, armored or not.
func openBackup(path, passphrase string) (transfer.Backup, error) {
	file, err := os.Open(path)
	if err != nil {
		return transfer.Backup{}, err
	}
	defer file.Close()
	b, err := transfer.Open(file, passphrase)
	var closed *transfer.Sealed
	switch {
	case errors.As(err, &closed):
		return transfer.Backup{}, fmt.Errorf("%s cannot be opened: it is no file of `vestibule user totp export`, was altered, or has another passphrase (%v)", path, closed.Cause)
	case errors.Is(err, transfer.ErrForm):
		return transfer.Backup{}, fmt.Errorf("%s was altered, or another version of vestibule has made it", path)
	case err != nil:
		return transfer.Backup{}, fmt.Errorf("%s: %w", path, err)
	}
	return b, nil
}

// restored says what became of a user's authenticators.
type restored struct {
	User   string `json:"user"`
	Added  int    `json:"added"`
	Result string `json:"result"`
}

func (v unsealed) restore(ctx context.Context, b transfer.Backup, byName, afterReset bool) (results []restored, conflicts int, err error) {
	results = []restored{}
	for _, u := range b.Users {
		user, found, err := v.owner(ctx, u, byName)
		if err != nil {
			return nil, 0, err
		}
		r := restored{User: u.Username}
		if found {
			r, err = v.restoreUser(ctx, user, u, func(ctx context.Context) error {
				if afterReset {
					return nil
				}
				return v.untouched(ctx, user.Subject, b.Made)
			})
		} else {
			r.Result, err = "there is no such user", store.ErrConflict
		}
		if err != nil && !errors.Is(err, store.ErrConflict) {
			return nil, 0, fmt.Errorf("user %s: %w", u.Username, err)
		}
		if err != nil {
			conflicts++
		}
		results = append(results, r)
	}
	return results, conflicts, nil
}

// owner finds whose authenticators they were. A name alone may be another person's by now.
func (v unsealed) owner(ctx context.Context, u transfer.User, byName bool) (account.Account, bool, error) {
	user, err := v.db.Account(ctx, u.Subject)
	if errors.Is(err, store.ErrNotFound) && byName {
		user, _, err = v.db.AccountByName(ctx, u.Username)
		if err == nil && user.Username != u.Username { // it is somebody's address
			err = store.ErrNotFound
		}
	}
	if errors.Is(err, store.ErrNotFound) {
		return user, false, nil
	}
	return user, err == nil, err
}

// untouched refuses a user who had an authenticator taken away since the backup was made: that phone may be in a
// thief's hands, and the backup would bring it back.
func (v unsealed) untouched(ctx context.Context, subject string, made time.Time) error {
	blocked, err := v.db.EnrolmentBlocked(ctx, subject)
	if err != nil {
		return err
	}
	last, err := v.db.Activity(ctx, subject, []string{audit.EventFactorRemoved, audit.EventAdminReset}, "", 1)
	if err != nil {
		return err
	}
	if blocked || len(last) > 0 && !last[0].Time.Before(made) {
		return &result{"a reset or a removal came after the backup was made; --after-reset brings all back", store.ErrConflict}
	}
	return nil
}

// restoreUser asks check in the commit.
func (v unsealed) restoreUser(ctx context.Context, user account.Account, u transfer.User, check func(context.Context) error) (restored, error) {
	r := restored{User: user.Username, Result: "restored"}
	names, err := v.importTOTP(ctx, user, u.Authenticators, check)
	r.Added = len(names)
	switch {
	case errors.Is(err, mfa.ErrNameTaken), errors.Is(err, mfa.ErrSecretTaken), errors.Is(err, mfa.ErrTooMany), errors.Is(err, mfa.ErrChanged),
		errors.Is(err, store.ErrConflict):
		r.Result, err = "left as it is: "+err.Error(), store.ErrConflict
	case err == nil && r.Added == 0:
		r.Result = "all were there"
	}
	return r, err
}

// isURI reports whether a secret is an otpauth URI.
func isURI(text string) bool { return strings.Contains(text, ":") }
