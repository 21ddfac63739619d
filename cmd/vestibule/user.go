package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/storage"
)

// userCreate adds an account.
func userCreate(f *flag.FlagSet) action {
	load := databaseFlags(f)
	out := outputFlag(f)
	email := f.String("email", "", "e-mail `address`, with which the user may sign in too")
	name := f.String("name", "", "full `name` for display")
	var groups list
	f.Var(&groups, "group", "`group` that the user is in; may be repeated")
	passwordFile := f.String("password-file", "", "`file` that holds the password, or - for standard input")
	return func(ctx context.Context, w *env, args []string) error {
		user, err := newAccount(args[0], *email, *name, time.Now())
		user.Groups = canonicalGroups(groups)
		err = errors.Join(err, checkGroups(groups))
		if *passwordFile == "" {
			err = errors.Join(err, errors.New("--password-file is missing; passwords do not belong into a command line, where every user of this machine can read them"))
		}
		if err != nil {
			return wrongUsage(err)
		}
		password, err := readInput(w, "password-file", *passwordFile)
		if err != nil {
			return err
		}
		err = withStore(ctx, w, load, func(db *storage.Store) error {
			return addUser(ctx, db, &account.Hasher{}, user, password)
		})
		if err != nil {
			return err
		}
		return out.print(w.stdout, userView(user), [][]string{{"created user " + user.Username}})
	}
}

// newAccount says all that is wrong with the names at once.
func newAccount(username, email, name string, now time.Time) (account.Account, error) {
	canonical, err := account.CanonicalName(username)
	faults := []error{err}
	if email == "" {
		faults = append(faults, errors.New("--email is missing"))
	} else {
		faults = append(faults, checkEmail(email))
	}
	faults = append(faults, checkFullName(name))
	return account.Account{
		Subject:  rand.Text(),
		Username: canonical,
		Name:     strings.TrimSpace(name),
		Email:    strings.TrimSpace(email),
		Created:  now,
		Updated:  now,
	}, errors.Join(faults...)
}

// addUser stores an account with a password.
func addUser(ctx context.Context, db *storage.Store, hasher *account.Hasher, user account.Account, password string) error {
	if err := account.CheckNewPassword(password); err != nil {
		return err
	}
	hash, err := hasher.Hash(ctx, password)
	if err != nil {
		return err
	}
	err = db.Atomic(ctx, func(ctx context.Context) error {
		if err := db.CreateAccount(ctx, user, hash); err != nil {
			return err
		}
		return commandAuditor(db, time.Now).Record(ctx, audit.Event{
			Kind: audit.EventAdminUserCreated, Outcome: audit.OutcomeOK, Subject: user.Subject,
		})
	})
	return nameTaken(err)
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

type twoStep struct {
	On                bool            `json:"on"`
	Authenticators    []authenticator `json:"authenticators"`
	RecoveryCodesLeft int             `json:"recovery_codes_left"`
	RecoveryCodes     int             `json:"recovery_codes"`
	lostEverything
}

type authenticator struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	Created  time.Time `json:"created"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

func userView(a account.Account) shownUser {
	return shownUser{
		Subject: a.Subject, Username: a.Username, Name: a.Name, Email: a.Email, Verified: a.EmailVerified, Disabled: a.Disabled,
		Created: a.Created.UTC(), Groups: a.Groups, LastSignIn: a.SignedIn.UTC(),
	}
}

func userList(f *flag.FlagSet) action {
	load := existing(databaseFlags(f))
	out := outputFlag(f)
	return func(ctx context.Context, w *env, _ []string) error {
		var accounts []account.Account
		err := readStore(ctx, w, load, func(db *storage.Store) (err error) {
			accounts, err = db.Accounts(ctx)
			return err
		})
		if err != nil {
			return err
		}
		users := []shownUser{} // an empty list is [] in JSON, not null
		rows := [][]string{{"NAME", "E-MAIL", "FULL NAME", "DISABLED", "CREATED"}}
		for _, a := range accounts {
			users = append(users, userView(a))
			rows = append(rows, []string{a.Username, a.Email, a.Name, yesNo(a.Disabled), moment(a.Created)})
		}
		return out.print(w.stdout, users, rows)
	}
}

func userGet(f *flag.FlagSet) action {
	load := existing(databaseFlags(f, "totp_in_a_row"))
	out := outputFlag(f)
	return func(ctx context.Context, w *env, args []string) error {
		c, err := load(w)
		if err != nil {
			return err
		}
		return readStore(ctx, w, load, func(db *storage.Store) error {
			user, err := findUser(ctx, db, args[0])
			if err != nil {
				return err
			}
			status, err := (&mfa.Service{Store: db}).Status(ctx, user.Subject)
			if err != nil {
				return err
			}
			view := userView(user)
			view.TwoStep = twoStepView(status)
			if view.TwoStep.lostEverything, err = readLost(ctx, db, user.Subject, time.Now()); err != nil {
				return err
			}
			if view.Wrong, err = wrongGuesses(ctx, db, user.Subject, time.Now(), c.TOTPInARow); err != nil {
				return err
			}
			return out.print(w.stdout, view, userRows(view))
		})
	}
}

func twoStepView(s mfa.Status) *twoStep {
	view := &twoStep{
		On: len(s.Authenticators) > 0, Authenticators: []authenticator{},
		RecoveryCodesLeft: s.CodesLeft, RecoveryCodes: s.CodesTotal,
	}
	for _, a := range s.Authenticators {
		view.Authenticators = append(view.Authenticators, authenticator{a.ID, a.Name, a.Created.UTC(), a.LastUsed.UTC()})
	}
	return view
}

func userRows(u shownUser) [][]string {
	rows := [][]string{
		{"name", u.Username},
		{"full name", u.Name},
		{"e-mail", u.Email},
		{"subject", u.Subject},
		{"disabled", yesNo(u.Disabled)},
		{"created", moment(u.Created)},
		{"last sign-in", moment(u.LastSignIn)},
		{"groups", strings.Join(u.Groups, " ")},
		{"two-step verification", onOff(u.TwoStep.On)},
	}
	for _, a := range u.TwoStep.Authenticators {
		rows = append(rows, []string{"authenticator", fmt.Sprintf("%s, added %s, last used %s", a.Name, moment(a.Created), moment(a.LastUsed))})
	}
	if u.TwoStep.On {
		rows = append(rows, []string{"recovery codes left", strconv.Itoa(u.TwoStep.RecoveryCodesLeft) + " of " + strconv.Itoa(u.TwoStep.RecoveryCodes)})
	}
	rows = append(rows, u.TwoStep.lostEverything.rows()...)
	return append(rows, wrongRows(u.Wrong)...)
}

// findUser looks up an account by what the user types to sign in.
func findUser(ctx context.Context, db *storage.Store, name string) (account.Account, error) {
	canonical, err := account.CanonicalName(name)
	if err != nil {
		return account.Account{}, wrongUsage(err)
	}
	user, _, err := db.AccountByName(ctx, canonical)
	if errors.Is(err, store.ErrNotFound) {
		return account.Account{}, &result{fmt.Sprintf("there is no user %s", printable(name)), err}
	}
	return user, err
}
