package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/urfave/cli/v3"

	"vestibule/provider/operator"
	"vestibule/provider/store"
)

const (
	// backupVersion is that of the form below. It rises when an older program would misread a newer file.
	backupVersion = 1
	// shortPassphrase is too short to keep secrets for years; the file can be attacked without any limit of guesses.
	shortPassphrase = 12
	// largestBackup is far above a million users.
	largestBackup = 1 << 30
)

// backup is what lies, encrypted, in a file of user totp export.
type backup struct {
	Version int `json:"version"`
	operator.Backup
}

func passphraseFlag() cli.Flag {
	return &cli.StringFlag{Name: "passphrase-file", Usage: "`file` that holds the passphrase, or - for standard input; required", TakesFile: true}
}

// passphraseFile is what the flag says.
func passphraseFile(c *cli.Command) (string, error) {
	path := c.String("passphrase-file")
	if path == "" {
		return "", &usageError{"--passphrase-file is missing; it names the file with the passphrase that protects the secrets"}
	}
	return path, nil
}

// userTOTPExport writes authenticators with their secrets to standard output, in the age format, encrypted with a
// passphrase. The age tool opens it too.
func userTOTPExport(w *env) *cli.Command {
	return &cli.Command{
		Name: "export", ArgsUsage: "[NAME]", Usage: "write authenticators with their secrets, encrypted with a passphrase",
		Flags: databaseFlags(
			&cli.BoolFlag{Name: "all", Usage: "export the authenticators of all users"},
			passphraseFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			if c.Bool("all") == (c.NArg() == 1) {
				return &usageError{"give either the NAME of a user or --all"}
			}
			path, err := passphraseFile(c)
			if err != nil {
				return err
			}
			passphrase, err := w.readNewSecret(ctx, "passphrase-file", path)
			if err != nil {
				return err
			}
			if utf8.RuneCountInString(passphrase) < shortPassphrase {
				return fmt.Errorf("--passphrase-file: the passphrase has fewer than %d characters, and whoever has the file may guess without end", shortPassphrase)
			}
			return w.withVault(ctx, c, func(v unsealed) error {
				b, err := export(ctx, v.operations(), c.Args().Slice())
				if err != nil {
					return err
				}
				return seal(w.stdout, backup{backupVersion, b}, passphrase)
			})
		},
	}
}

// export returns the authenticators of the named user or, without a name, of all.
func export(ctx context.Context, o *operator.Operator, names []string) (operator.Backup, error) {
	if len(names) == 0 {
		return o.ExportAll(ctx)
	}
	user, err := findUser(ctx, o, names[0])
	if err != nil {
		return operator.Backup{}, err
	}
	b, err := o.ExportUser(ctx, user)
	if errors.Is(err, store.ErrNotFound) {
		err = &result{user.Username + " has no authenticator", err}
	}
	return b, err
}

func seal(to io.Writer, b backup, passphrase string) error {
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return err
	}
	armored := armor.NewWriter(to)
	sealed, err := age.Encrypt(armored, recipient)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(sealed).Encode(b); err != nil {
		return err
	}
	return errors.Join(sealed.Close(), armored.Close())
}

// userTOTPImport puts back what user totp export has written. Each user's authenticators come back together or not
// at all, and what is there already stays as it is, so that it may be run again.
func userTOTPImport(w *env) *cli.Command {
	return &cli.Command{
		Name: "import", ArgsUsage: "FILE", Usage: "put back what was exported",
		Flags: databaseFlags(
			passphraseFlag(),
			&cli.BoolFlag{Name: "after-reset", Usage: "bring authenticators back also to users who had one removed, or all reset, since the backup was made"},
			&cli.BoolFlag{Name: "by-name", Usage: "take a user of the same name for the same user, on a server where all were created anew"},
			outputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			path, err := passphraseFile(c)
			if err != nil {
				return err
			}
			passphrase, err := w.readSecret(ctx, "passphrase-file", path)
			if err != nil {
				return err
			}
			b, err := openBackup(c.Args().First(), passphrase)
			if err != nil {
				return err
			}
			how := operator.Restore{ByName: c.Bool("by-name"), AfterReset: c.Bool("after-reset")}
			return w.withVault(ctx, c, func(v unsealed) error {
				results, err := v.operations().RestoreBackup(ctx, b.Backup, how)
				if err != nil {
					return err
				}
				return w.printRestored(c, results)
			})
		},
	}
}

// openBackup reads a file of user totp export, armored or not.
func openBackup(path, passphrase string) (backup, error) {
	file, err := os.Open(path)
	if err != nil {
		return backup{}, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, largestBackup))
	if err != nil {
		return backup{}, fmt.Errorf("%s: %w", path, err)
	}
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return backup{}, fmt.Errorf("--passphrase-file: %w", err)
	}
	var sealed io.Reader = bytes.NewReader(content)
	if strings.HasPrefix(string(content), armor.Header) {
		sealed = armor.NewReader(sealed)
	}
	plain, err := age.Decrypt(sealed, identity)
	if err != nil {
		return backup{}, fmt.Errorf("%s cannot be opened: it is no file of `vestibule user totp export`, was altered, or has another passphrase (%v)", path, err)
	}
	var b backup
	decoder := json.NewDecoder(plain)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&b); err != nil || b.Version != backupVersion {
		return backup{}, fmt.Errorf("%s was altered, or another version of vestibule has made it", path)
	}
	return b, nil
}

// restored is how JSON shows what became of a user's authenticators.
type restored struct {
	User   string `json:"user"`
	Added  int    `json:"added"`
	Result string `json:"result"`
}

// printRestored fails if any user was left as is.
func (w *env) printRestored(c *cli.Command, results []operator.Restored) error {
	shown := []restored{}
	rows := [][]string{{"USER", "ADDED", "RESULT"}}
	left := 0
	for _, r := range results {
		if r.Cause != nil {
			left++
		}
		shown = append(shown, restored{r.User, r.Added, restoredText(r)})
		rows = append(rows, []string{r.User, strconv.Itoa(r.Added), restoredText(r)})
	}
	if err := w.print(c, shown, rows); err != nil || left == 0 {
		return err
	}
	return &result{fmt.Sprintf("%d of %d users were left as they are", left, len(results)), store.ErrConflict}
}

func restoredText(r operator.Restored) string {
	switch {
	case errors.Is(r.Cause, store.ErrNotFound):
		return "there is no such user"
	case errors.Is(r.Cause, operator.ErrTakenSince):
		return "left as it is: " + r.Cause.Error() + "; --after-reset brings all back"
	case r.Cause != nil:
		return "left as it is: " + r.Cause.Error()
	case r.Added == 0:
		return "all were there"
	}
	return "restored"
}
