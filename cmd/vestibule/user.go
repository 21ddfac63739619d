package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/provider/account"
	"vestibule/provider/operator"
	"vestibule/provider/store"
	"vestibule/storage"
	"vestibule/web/catalogue"
)

// userCreate adds an account.
func userCreate(w *env) *cli.Command {
	return &cli.Command{
		Name: "create", ArgsUsage: "NAME", Usage: "add a user",
		Flags: databaseFlags(
			&cli.StringFlag{Name: "email", Usage: "e-mail `address`, with which the user may sign in too; required"},
			&cli.StringFlag{Name: "name", Usage: "full `name` for display"},
			&cli.StringSliceFlag{Name: "group", Usage: "`group` that the user is in"},
			&cli.StringFlag{Name: "password-file", Usage: "`file` that holds the password, or - for standard input; required, but on a terminal, which asks", TakesFile: true},
			outputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			fresh := operator.NewUser{Username: c.Args().First(), Email: c.String("email"), Name: c.String("name"), Groups: c.StringSlice("group")}
			path, err := w.passwordFile(c)
			if err := wrongUsage(asFlags(fresh.Check()), err); err != nil {
				return err
			}
			s, err := w.settings(c, "database")
			if err != nil {
				return err
			}
			password, err := w.readNewSecret(ctx, "password-file", path)
			if err != nil {
				return err
			}
			var user account.Account
			err = operateOn(ctx, s, func(o *operator.Operator) (err error) {
				user, err = o.CreateUser(ctx, fresh, password)
				return nameTaken(err)
			})
			if err != nil {
				return err
			}
			return w.print(c, userView(user), [][]string{{w.say("command.user.created", catalogue.Values{"user": user.Username})}})
		},
	}
}

// passwordFile is where the password is. Whoever says nothing is asked for it at the terminal.
func (w *env) passwordFile(c *cli.Command) (string, error) {
	switch path := c.String("password-file"); {
	case path != "":
		return path, nil
	case w.terminal() != nil:
		return "-", nil
	}
	return "", errors.New("--password-file is missing; passwords do not belong into a command line, where every user of this machine can read them")
}

// nameTaken says which name it is that another user signs in with.
func nameTaken(err error) error {
	var taken *account.NameTaken
	if !errors.As(err, &taken) {
		return err
	}
	return &result{fmt.Sprintf("%s is taken: another user signs in with it, as a user name or an e-mail address; choose another", taken.Name), err}
}

// shownUser is how JSON shows an account.
type shownUser struct {
	Subject  string    `json:"subject"`
	Username string    `json:"username"`
	Name     string    `json:"name"`
	Email    string    `json:"email"`
	Verified bool      `json:"email_verified"`
	Disabled bool      `json:"disabled"`
	Created  time.Time `json:"created"`
	TwoStep  *twoStep  `json:"two_step,omitempty"`

	Groups     []string     `json:"groups,omitempty"`
	LastSignIn time.Time    `json:"last_sign_in,omitzero"`
	Wrong      []wrongGuess `json:"wrong_guesses,omitempty"`
}

func userView(a account.Account) shownUser {
	return shownUser{
		Subject: a.Subject, Username: a.Username, Name: a.Name, Email: a.Email, Verified: a.EmailVerified,
		Disabled: a.Disabled, Created: a.Created.UTC(), Groups: a.Groups, LastSignIn: a.SignedIn.UTC(),
	}
}

func userList(w *env) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the users", Flags: databaseFlags(outputFlag()),
		Action: func(ctx context.Context, c *cli.Command) error {
			var all []account.Account
			err := w.read(ctx, c, func(db *storage.Store) (err error) {
				all, err = db.Accounts(ctx)
				return err
			})
			if err != nil {
				return err
			}
			users := []shownUser{}
			rows := [][]string{w.head("command.column.name", "command.column.email", "command.column.full_name", "command.column.disabled", "command.column.created")}
			for _, a := range all {
				users = append(users, userView(a))
				rows = append(rows, []string{a.Username, a.Email, a.Name, w.yesNo(a.Disabled), w.moment(a.Created)})
			}
			return w.print(c, users, rows)
		},
	}
}

// findUser looks up an account by what the user types to sign in.
func findUser(ctx context.Context, o *operator.Operator, name string) (account.Account, error) {
	user, err := o.FindUser(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return account.Account{}, &result{fmt.Sprintf("there is no user %s", printable(name)), err}
	}
	return user, err
}

// userUnlock forgets the wrong passwords and codes of a user, and so ends every lock.
func userUnlock(w *env) *cli.Command {
	return &cli.Command{
		Name: "unlock", ArgsUsage: "NAME", Usage: "forget a user's wrong passwords and codes", Flags: databaseFlags(),
		Action: func(ctx context.Context, c *cli.Command) error {
			return w.operate(ctx, c, func(o *operator.Operator) error {
				user, err := findUser(ctx, o, c.Args().First())
				if err != nil {
					return err
				}
				guessedAt, err := o.Unlock(ctx, user)
				if err != nil {
					return fmt.Errorf("unlock %s: %w", user.Username, err)
				}
				return w.tell(w.stdout, "command.user.unlocked", catalogue.Values{"user": user.Username, "guesses": w.guessed(guessedAt)})
			})
		},
	}
}
