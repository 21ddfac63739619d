package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os/user"
	"strings"

	"vestibule/mfa"
	"vestibule/provider"
	"vestibule/storage"
)

// userTOTPReset takes a user's second factor away, for one who has lost phone and recovery
// codes. Who that person is must have been checked before; the reason says how.
func userTOTPReset(f *flag.FlagSet) action {
	load := existing(databaseFlags(f))
	reason := f.String("reason", "", "`why`, and how the user's identity was checked; it is logged")
	return func(ctx context.Context, w *world, args []string) error {
		if strings.TrimSpace(*reason) == "" {
			return &usageError{"--reason is missing; say why, and how you know that the user asked for it"}
		}
		var account provider.Account
		var removed int
		err := withStore(ctx, w, load, func(db *storage.Store) (err error) {
			if account, err = findUser(ctx, db, args[0]); err != nil {
				return err
			}
			removed, err = resetTOTP(ctx, db, account)
			return err
		})
		if err != nil {
			return err
		}
		slog.New(slog.NewJSONHandler(w.stderr, nil)).InfoContext(ctx, "second factor reset by an operator",
			"event", "admin.totp.reset", "actor", actor(), "user_id", account.Subject, "authenticators", removed, "reason", *reason)
		_, err = fmt.Fprintf(w.stdout, "removed the second factor of %s (authenticators: %d) and signed the user out everywhere\n", account.Username, removed)
		return err
	}
}

// resetTOTP also ends what somebody with the lost phone may still have open: all of it, or nothing.
func resetTOTP(ctx context.Context, db *storage.Store, account provider.Account) (removed int, err error) {
	err = db.Atomic(ctx, func(ctx context.Context) (err error) {
		if removed, err = (&mfa.Service{Store: db}).Reset(ctx, account.Subject); err != nil {
			return err
		}
		if err := db.DeleteSessions(ctx, account.Subject, nil); err != nil {
			return err
		}
		return db.RevokeSubject(ctx, account.Subject)
	})
	if err != nil {
		return 0, fmt.Errorf("remove second factor: %w", err)
	}
	return removed, nil
}

// actor names who runs the command.
func actor() string {
	u, err := user.Current()
	if err != nil {
		return "cli"
	}
	return "cli:" + u.Uid
}
