package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"vestibule/cmd/vestibule/terminal"
	"vestibule/provider/account"
	"vestibule/provider/claims"
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
			&cli.BoolFlag{Name: "email-verified", Usage: "the address is known to be the user's; apps are told"},
			&cli.StringFlag{Name: "name", Usage: "full `name` for display"},
			attributeFlag("`NAME=VALUE`, what else apps can learn, such as given_name=Ana or address.locality=Lisbon"),
			&cli.StringSliceFlag{Name: "group", Usage: "`group` that the user is in"},
			&cli.StringFlag{Name: "password-file", Usage: "`file` that holds the password, or - for standard input; required, but on a terminal, which asks", TakesFile: true},
			terminal.OutputFlag(),
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			attributes, twice := attributesOf(c)
			fresh := operator.NewUser{
				Username: c.Args().First(), Email: c.String("email"), Name: c.String("name"), Groups: c.StringSlice("group"),
				EmailVerified: c.Bool("email-verified"), Attributes: attributes,
			}
			path, err := w.passwordFile(c)
			if err := terminal.UsageErrors(terminal.AsFlags(fresh.Check()), twice, err); err != nil {
				return err
			}
			s, err := w.settings(c, "database", "password_min_length")
			if err != nil {
				return err
			}
			password, err := w.ReadNewSecret(ctx, "password-file", path)
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
			return w.Print(c, userView(user), [][]string{{w.Say("command.user.created", catalogue.Values{"user": user.Username})}})
		},
	}
}

// passwordFile is where the password is. Whoever says nothing is asked for it at the terminal.
func (w *env) passwordFile(c *cli.Command) (string, error) {
	switch path := c.String("password-file"); {
	case path != "":
		return path, nil
	case w.Attended():
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
	return terminal.Failure(fmt.Sprintf("%s is taken: another user signs in with it, as a user name or an e-mail address; choose another", taken.Name), err)
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

	Attributes  claims.Attributes `json:"attributes,omitempty"`
	Groups      []string          `json:"groups,omitempty"`
	LastSignIn  time.Time         `json:"last_sign_in,omitzero"`
	PasswordSet time.Time         `json:"password_set,omitzero"`
	Wrong       []wrongGuess      `json:"wrong_guesses,omitempty"`
}

func userView(a account.Account) shownUser {
	return shownUser{
		Subject: a.Subject, Username: a.Username, Name: a.Name, Email: a.Email, Verified: a.EmailVerified,
		Disabled: a.Disabled, Created: a.Created.UTC(), Attributes: a.Attributes, Groups: a.Groups, LastSignIn: a.SignedIn.UTC(), PasswordSet: a.PasswordSet.UTC(),
	}
}

func userList(w *env) *cli.Command {
	return &cli.Command{
		Name: "list", Usage: "list the users", Flags: databaseFlags(terminal.OutputFlag()),
		Action: listing[account.Account, shownUser]{
			columns: []string{"command.column.name", "command.column.email", "command.column.full_name", "command.column.disabled", "command.column.created"},
			read:    (*storage.Store).Accounts,
			view:    userView,
			row: func(a account.Account) []string {
				return []string{a.Username, a.Email, a.Name, w.YesNo(a.Disabled), w.Moment(a.Created)}
			},
		}.action(w),
	}
}

// findUser looks up an account by what the user types to sign in.
func findUser(ctx context.Context, o *operator.Operator, name string) (account.Account, error) {
	user, err := o.FindUser(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return account.Account{}, terminal.Failure(fmt.Sprintf("there is no user %s", terminal.Printable(name)), err)
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
				return w.Tell(w.Stdout, "command.user.unlocked", catalogue.Values{"user": user.Username, "guesses": w.guessed(guessedAt)})
			})
		},
	}
}

// userUpdate changes an account. All changes are one commit, with the record of them.
func userUpdate(w *env) *cli.Command {
	return &cli.Command{
		Name: "update", ArgsUsage: "NAME", Usage: "change a user's names, address, attributes, groups or password, or shut the user out",
		Flags: databaseFlags(
			&cli.StringFlag{Name: "email", Usage: "new e-mail `address`, not verified unless --email-verified says so; empty: none"},
			&cli.BoolFlag{Name: "email-verified", Usage: "the address is known to be the user's; --email-verified=false: it is not"},
			&cli.StringFlag{Name: "name", Usage: "new full `name` for display; empty: none"},
			attributeFlag("`NAME=VALUE`, what else apps can learn, such as given_name=Ana; an empty VALUE takes it away, the others stay"),
			&cli.StringSliceFlag{Name: "group", Usage: "`group` that the user is in, in place of all others"},
			&cli.BoolFlag{Name: "no-groups", Usage: "take the user out of all groups"},
			&cli.BoolFlag{Name: "disable", Usage: "shut the user out, and sign the user out everywhere"},
			&cli.BoolFlag{Name: "enable", Usage: "let a disabled user in again"},
			&cli.StringFlag{Name: "password-file", Usage: "`file` that holds a new password, or - for standard input; the user is signed out everywhere", TakesFile: true},
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			change, err := userChange(c)
			if err != nil {
				return err
			}
			s, err := w.existing(c, "database", "password_min_length")
			if err != nil {
				return err
			}
			if path := c.String("password-file"); path != "" {
				password, err := w.ReadNewSecret(ctx, "password-file", path)
				if err != nil {
					return err
				}
				change.Password = &password
			}
			return operateOn(ctx, s, func(o *operator.Operator) error { return w.update(ctx, o, c.Args().First(), change) })
		},
	}
}

// userChange is what the flags ask for; the password, which is not read yet, is empty. All that is wrong with them is said
// at once.
func userChange(c *cli.Command) (operator.UserChange, error) {
	var change operator.UserChange
	if email := c.String("email"); c.IsSet("email") {
		change.Email = &email
	}
	if name := c.String("name"); c.IsSet("name") {
		change.Name = &name
	}
	if verified := c.Bool("email-verified"); c.IsSet("email-verified") {
		change.EmailVerified = &verified
	}
	attributes, twice := attributesOf(c)
	if c.IsSet("attribute") {
		change.Attributes = &attributes
	}
	groups := c.StringSlice("group")
	if c.IsSet("group") || c.IsSet("no-groups") {
		change.Groups = &groups
	}
	if disable := c.Bool("disable"); c.IsSet("disable") || c.IsSet("enable") {
		change.Disabled = &disable
	}
	if empty := ""; c.String("password-file") != "" {
		change.Password = &empty
	}
	return change, terminal.UsageErrors(
		terminal.Exclude(c.Bool("disable") && c.Bool("enable"), "--disable and --enable exclude each other"),
		terminal.Exclude(c.Bool("no-groups") && len(groups) > 0, "--group and --no-groups exclude each other"),
		twice,
		terminal.AsFlags(change.Check()),
	)
}

func (w *env) update(ctx context.Context, o *operator.Operator, name string, change operator.UserChange) error {
	user, err := findUser(ctx, o, name)
	if err != nil {
		return err
	}
	err = o.UpdateUser(ctx, user, change)
	var taken *account.NameTaken
	var wrong *operator.Invalid
	switch {
	case errors.As(err, &taken):
		return nameTaken(err)
	case errors.As(err, &wrong):
		return terminal.AsFlags(err)
	case err != nil:
		return fmt.Errorf("update %s: %w", user.Username, err)
	}
	return w.Tell(w.Stdout, "command.user.updated", catalogue.Values{"user": user.Username})
}

// attributeFlag is a flag whose values are NAME=VALUE.
func attributeFlag(usage string) cli.Flag {
	return pairsFlag("attribute", usage, errors.New("it should be NAME=VALUE, such as given_name=Ana"))
}

// attributesOf are the values of the flag, and what is wrong if two are of one name.
func attributesOf(c *cli.Command) (claims.Attributes, error) {
	all := claims.Attributes{}
	for _, value := range c.StringSlice("attribute") {
		name, value, _ := strings.Cut(value, "=")
		if _, twice := all[name]; twice {
			return all, fmt.Errorf("--attribute gives %s twice", terminal.Printable(name))
		}
		all[name] = value
	}
	return all, nil
}
