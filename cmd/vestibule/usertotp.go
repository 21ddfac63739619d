package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"vestibule/cmd/vestibule/server"
	"vestibule/mfa"
	"vestibule/provider/account"
	"vestibule/provider/audit"
	"vestibule/provider/store"
	"vestibule/storage"
)

// codes is the service of a server, for a command.
func (v unsealed) codes() *mfa.Service {
	return &mfa.Service{
		Store: v.db, Attempts: v.db, Setups: v.db, Keys: v.keys, Atomic: v.db.Atomic,
		Issuer: v.config.Name, Limits: server.Limits(v.config), Kinds: server.Kinds(v.config),
	}
}

// shownFactor is how JSON shows an authenticator.
type shownFactor struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"`
	mfa.Kind           // flat
	Created  time.Time `json:"created"`
	LastUsed time.Time `json:"last_used,omitzero"`
}

// userTOTPList shows a user's authenticators, without what is secret about them.
func userTOTPList(f *flag.FlagSet) action {
	load := existing(databaseFlags(f))
	out := outputFlag(f)
	return func(ctx context.Context, w *env, args []string) error {
		return readStore(ctx, w, load, func(db *storage.Store) error {
			user, err := findUser(ctx, db, args[0])
			if err != nil {
				return err
			}
			status, err := (&mfa.Service{Store: db}).Status(ctx, user.Subject)
			if err != nil {
				return err
			}
			list := []shownFactor{}
			rows := [][]string{{"ID", "NAME", "KIND", "ADDED", "LAST USED"}}
			for _, a := range status.Authenticators {
				list = append(list, shownFactor{a.ID, a.Name, a.Kind, a.Created.UTC(), a.LastUsed.UTC()})
				rows = append(rows, []string{a.ID, a.Name, a.Kind.String(), moment(a.Created), moment(a.LastUsed)})
			}
			return out.print(w.stdout, list, rows)
		})
	}
}

// userTOTPRemove takes one of several authenticators away. The last one is for user totp reset, which asks for a reason.
func userTOTPRemove(f *flag.FlagSet) action {
	load := existing(databaseFlags(f))
	which := f.String("authenticator", "", "`name` or id of the authenticator, as user totp list shows them")
	return func(ctx context.Context, w *env, args []string) error {
		if *which == "" {
			return &usageError{"--authenticator is missing; `vestibule user totp list " + args[0] + "` shows which there are"}
		}
		return withStore(ctx, w, load, func(db *storage.Store) error {
			user, err := findUser(ctx, db, args[0])
			if err != nil {
				return err
			}
			open, err := liveSessions(ctx, db, user.Subject, time.Now())
			if err != nil {
				return err
			}
			removed, err := removeTOTP(ctx, db, user, *which)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(w.stdout, "removed %s of %s and signed the user out everywhere\n%s", printable(removed.Name), user.Username, ended(open))
			return err
		})
	}
}

// chosen is the authenticator with that id or else, as users may call theirs what they like, with that name.
func chosen(all []mfa.Info, which, username string) (mfa.Info, error) {
	if i := slices.IndexFunc(all, func(a mfa.Info) bool { return a.ID == which }); i >= 0 {
		return all[i], nil
	}
	var named []mfa.Info
	for _, a := range all {
		if strings.EqualFold(a.Name, which) {
			named = append(named, a)
		}
	}
	switch len(named) {
	case 0:
		return mfa.Info{}, &result{fmt.Sprintf("%s has no authenticator %s", username, printable(which)), store.ErrNotFound}
	case 1:
		return named[0], nil
	}
	return mfa.Info{}, &usageError{fmt.Sprintf("%s has several authenticators %s; give the id, as user totp list shows it", username, printable(which))}
}

func removeTOTP(ctx context.Context, db *storage.Store, user account.Account, which string) (mfa.Info, error) {
	codes := &mfa.Service{Store: db, Atomic: db.Atomic}
	status, err := codes.Status(ctx, user.Subject)
	if err != nil {
		return mfa.Info{}, err
	}
	found, err := chosen(status.Authenticators, which, user.Username)
	if err != nil {
		return mfa.Info{}, err
	}
	err = codes.RemoveSpare(ctx, user.Subject, found.ID, func(ctx context.Context) error {
		if err := db.EndAccess(ctx, user.Subject); err != nil { // whoever has it may be signed in
			return err
		}
		return commandAuditor(db, time.Now).Record(ctx, audit.Event{
			Kind: audit.EventFactorRemoved, Outcome: audit.OutcomeOK, Subject: user.Subject,
			Detail: map[string]string{"name": found.Name, "last": "no"},
		})
	})
	if errors.Is(err, mfa.ErrLast) {
		err = fmt.Errorf("it is the only authenticator of %s; `vestibule user totp reset` takes the whole second factor away", user.Username)
	}
	return found, err
}
