package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/storage"
)

// userChange is what the flags of user update ask for. What is nil stays as it is.
type userChange struct {
	email, name  *string
	groups       *[]string
	disabled     *bool
	passwordFile string
}

// userUpdate changes an account. All changes are one commit, with the record of them.
func userUpdate(f *flag.FlagSet) action {
	load := existing(databaseFlags(f))
	email := f.String("email", "", "new e-mail `address`; empty: none")
	name := f.String("name", "", "new full `name` for display; empty: none")
	var groups list
	f.Var(&groups, "group", "`group` that the user is in, in place of all others; may be repeated")
	noGroups := f.Bool("no-groups", false, "take the user out of all groups")
	disable := f.Bool("disable", false, "shut the user out, and sign the user out everywhere")
	enable := f.Bool("enable", false, "let a disabled user in again")
	passwordFile := f.String("password-file", "", "`file` that holds a new password, or - for standard input; the user is signed out everywhere")
	return func(ctx context.Context, w *env, args []string) error {
		change := userChange{passwordFile: *passwordFile}
		f.Visit(func(one *flag.Flag) {
			switch one.Name {
			case "email":
				change.email = email
			case "name":
				change.name = name
			case "group", "no-groups":
				change.groups = (*[]string)(&groups)
			case "disable", "enable":
				change.disabled = disable
			}
		})
		if err := wrongUsage(change.check(*noGroups, *disable && *enable)); err != nil {
			return err
		}
		return updateUser(ctx, w, load, args[0], change)
	}
}

// check says all that is wrong with the flags at once.
func (c userChange) check(noGroups, both bool) error {
	var faults []error
	fault := func(broken bool, text string) {
		if broken {
			faults = append(faults, errors.New(text))
		}
	}
	fault(c.email == nil && c.name == nil && c.groups == nil && c.disabled == nil && c.passwordFile == "", "say what to change")
	fault(both, "--disable and --enable exclude each other")
	fault(noGroups && len(*c.groups) > 0, "--group and --no-groups exclude each other")
	if c.email != nil && *c.email != "" {
		faults = append(faults, checkEmail(*c.email))
	}
	if c.name != nil {
		faults = append(faults, checkFullName(*c.name))
	}
	if c.groups != nil {
		faults = append(faults, checkGroups(*c.groups))
	}
	return errors.Join(faults...)
}

func checkEmail(email string) error {
	address, err := mail.ParseAddress(email)
	if err != nil || address.Address != strings.TrimSpace(email) {
		return fmt.Errorf("--email: %q is not an e-mail address", email)
	}
	if _, err := account.CanonicalName(email); err != nil { // users sign in with it
		return fmt.Errorf("--email: %w", err)
	}
	return nil
}

func checkFullName(name string) error {
	if strings.ContainsFunc(name, func(r rune) bool { return printable(string(r)) != string(r) }) || len(name) > 200 {
		return errors.New("--name must be at most 200 bytes, without control characters")
	}
	return nil
}

func checkGroups(groups []string) error {
	var faults []error
	for _, group := range groups {
		if err := account.CheckGroup(group); err != nil {
			faults = append(faults, fmt.Errorf("--group: %w", err))
		}
	}
	return errors.Join(faults...)
}

// canonicalGroups is how the groups of an account are kept: each once, in order.
func canonicalGroups(groups []string) []string {
	groups = slices.Clone(groups)
	slices.Sort(groups)
	return slices.Compact(groups)
}

func updateUser(ctx context.Context, w *env, load loadSettings, name string, change userChange) error {
	password, err := change.password(w)
	if err != nil {
		return err
	}
	return withStore(ctx, w, load, func(db *storage.Store) error {
		user, err := findUser(ctx, db, name)
		if err != nil {
			return err
		}
		hash := ""
		if change.passwordFile != "" {
			if hash, err = (&account.Hasher{}).Hash(ctx, password); err != nil {
				return err
			}
		}
		err = db.Atomic(ctx, func(ctx context.Context) error { return change.apply(ctx, db, user, hash, time.Now()) })
		if errors.Is(err, store.ErrConflict) {
			return nameTaken(err)
		}
		if err != nil {
			return fmt.Errorf("update %s: %w", user.Username, err)
		}
		_, err = fmt.Fprintf(w.stdout, "updated user %s\n", user.Username)
		return err
	})
}

// password reads the new password, if there is one.
func (c userChange) password(w *env) (string, error) {
	if c.passwordFile == "" {
		return "", nil
	}
	password, err := readInput(w, "password-file", c.passwordFile)
	if err != nil {
		return "", err
	}
	return password, account.CheckNewPassword(password)
}

// apply runs in one commit.
func (c userChange) apply(ctx context.Context, db *storage.Store, user account.Account, hash string, now time.Time) error {
	events := commandAuditor(db, func() time.Time { return now })
	record := func(kind string, detail map[string]string) error {
		return events.Record(ctx, audit.Event{Kind: kind, Outcome: audit.OutcomeOK, Subject: user.Subject, Detail: detail})
	}
	if detail := c.edit(&user, now); len(detail) > 0 {
		if err := record(audit.EventAdminUserUpdated, detail); err != nil {
			return err
		}
		if err := db.UpdateAccount(ctx, user); err != nil {
			return err
		}
	}
	if c.disabled != nil {
		set := db.EnableAccount
		if *c.disabled {
			set = db.DisableAccount
		}
		if err := set(ctx, user.Subject, now); err != nil {
			return err
		}
	}
	if hash == "" {
		return nil
	}
	if err := record(audit.EventPasswordChanged, nil); err != nil {
		return err
	}
	return db.ChangePassword(ctx, user.Subject, hash, now)
}

// edit changes the account as it is in memory and says what it has changed.
func (c userChange) edit(a *account.Account, now time.Time) map[string]string {
	detail := map[string]string{}
	if c.email != nil && strings.TrimSpace(*c.email) != a.Email {
		a.Email, a.EmailVerified, detail["email"] = strings.TrimSpace(*c.email), false, "changed"
	}
	if c.name != nil && strings.TrimSpace(*c.name) != a.Name {
		a.Name, detail["name"] = strings.TrimSpace(*c.name), "changed"
	}
	if c.groups != nil {
		a.Groups = canonicalGroups(*c.groups)
		detail["groups"] = strings.Join(a.Groups, " ")
	}
	if c.disabled != nil {
		detail["disabled"] = yesNo(*c.disabled)
	}
	a.Updated = now
	return detail
}
