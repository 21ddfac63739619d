package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"unicode/utf8"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/config"
	"vestibule/mfa/transfer"
	"vestibule/provider/operator"
	"vestibule/provider/store"
	"vestibule/web/catalogue"
)

func passphraseFlag() cli.Flag {
	return &cli.StringFlag{Name: "passphrase-file", Usage: "`file` that holds the passphrase, or - for standard input; required", TakesFile: true}
}

// passphrase returns the settings for openVault, and reads the passphrase from where the flag says. Only who has made no
// fault is asked for it.
func (w *env) passphrase(ctx context.Context, c *cli.Command, read func(ctx context.Context, flag, path string) (string, error)) (config.Config, string, error) {
	path := c.String("passphrase-file")
	if path == "" {
		return config.Config{}, "", terminal.UsageError("--passphrase-file is missing; it names the file with the passphrase that protects the secrets")
	}
	s, err := w.existing(c, ofVault...)
	if err != nil {
		return s, "", err
	}
	passphrase, err := read(ctx, "passphrase-file", path)
	return s, passphrase, err
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
				return terminal.UsageError("give either the NAME of a user or --all")
			}
			s, passphrase, err := w.passphrase(ctx, c, w.ReadNewSecret)
			if err != nil {
				return err
			}
			if utf8.RuneCountInString(passphrase) < transfer.ShortestPassphrase {
				return fmt.Errorf("--passphrase-file: the passphrase has fewer than %d characters, and whoever has the file may guess without end", transfer.ShortestPassphrase)
			}
			return openVault(ctx, s, func(v unsealed) error {
				b, err := export(ctx, v.operations(), c.Args().Slice())
				if err != nil {
					return err
				}
				return b.Seal(w.Stdout, passphrase)
			})
		},
	}
}

// export returns the authenticators of the named user or, without a name, of all.
func export(ctx context.Context, o *operator.Operator, names []string) (transfer.Backup, error) {
	if len(names) == 0 {
		return o.ExportAll(ctx)
	}
	user, err := findUser(ctx, o, names[0])
	if err != nil {
		return transfer.Backup{}, err
	}
	b, err := o.ExportUser(ctx, user)
	if errors.Is(err, store.ErrNotFound) {
		err = terminal.Failure(user.Username+" has no authenticator", err)
	}
	return b, err
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
			terminal.OutputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			s, passphrase, err := w.passphrase(ctx, c, w.ReadSecret)
			if err != nil {
				return err
			}
			b, err := openBackup(c.Args().First(), passphrase)
			if err != nil {
				return err
			}
			how := operator.Restore{ByName: c.Bool("by-name"), AfterReset: c.Bool("after-reset")}
			return openVault(ctx, s, func(v unsealed) error {
				results, err := v.operations().RestoreBackup(ctx, b, how)
				if err != nil {
					return err
				}
				return w.printRestored(c, results)
			})
		},
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

// restored is how JSON shows what became of a user's authenticators.
type restored struct {
	User   string `json:"user"`
	Added  int    `json:"added"`
	Result string `json:"result"`
}

// printRestored fails if any user was left as is.
func (w *env) printRestored(c *cli.Command, results []operator.Restored) error {
	shown := []restored{}
	rows := [][]string{w.Head("command.column.user", "command.column.added", "command.column.result")}
	left, speak := 0, w.Answers(c)
	for _, r := range results {
		if r.Cause != nil {
			left++
		}
		shown = append(shown, restored{r.User, r.Added, becameOf(speak, r)})
		rows = append(rows, []string{r.User, strconv.Itoa(r.Added), becameOf(speak, r)})
	}
	if err := w.Print(c, shown, rows); err != nil || left == 0 {
		return err
	}
	return terminal.Failure(fmt.Sprintf("%d of %d users were left as they are", left, len(results)), store.ErrConflict)
}

// becameOf says what became of a user's authenticators.
func becameOf(v terminal.Voice, r operator.Restored) string {
	switch {
	case errors.Is(r.Cause, store.ErrNotFound):
		return v.Say("command.restore.nobody", nil)
	case errors.Is(r.Cause, operator.ErrTakenSince):
		return v.Say("command.restore.since", catalogue.Values{"why": r.Cause.Error()})
	case r.Cause != nil:
		return v.Say("command.restore.left", catalogue.Values{"why": r.Cause.Error()})
	case r.Added == 0:
		return v.Say("command.restore.there", nil)
	}
	return v.Say("command.restore.done", nil)
}
