package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"vestibule/provider/audit"
	"vestibule/storage"
)

// userUnlock forgets the wrong passwords and codes of a user, and so ends every lock. What proves who somebody is stays
// as it is.
func userUnlock(f *flag.FlagSet) action {
	load := existing(databaseFlags(f))
	return func(ctx context.Context, w *env, args []string) error {
		return withStore(ctx, w, load, func(db *storage.Store) error {
			user, err := findUser(ctx, db, args[0])
			if err != nil {
				return err
			}
			wrong, err := wrongGuesses(ctx, db, user.Subject, time.Now(), 0)
			if err != nil {
				return err
			}
			if err := unlock(ctx, db, user.Subject, wrong); err != nil {
				return fmt.Errorf("unlock %s: %w", user.Username, err)
			}
			_, err = fmt.Fprintf(w.stdout, "unlocked %s; forgot wrong guesses of: %s\n", user.Username, guessedAt(wrong))
			return err
		})
	}
}

func unlock(ctx context.Context, db *storage.Store, subject string, wrong []wrongGuess) error {
	return db.Atomic(ctx, func(ctx context.Context) error {
		if err := db.Unlock(ctx, subject); err != nil {
			return err
		}
		return commandAuditor(db, time.Now).Record(ctx, audit.Event{
			Kind: audit.EventAdminUnlocked, Outcome: audit.OutcomeOK, Subject: subject,
			Detail: map[string]string{"budgets": guessedAt(wrong)},
		})
	})
}

// wrongGuess is what was counted in one budget of a user.
type wrongGuess struct {
	At          string    `json:"at"`
	InARow      int       `json:"in_a_row"`
	LockedUntil time.Time `json:"locked_until,omitzero"`
	Disabled    bool      `json:"disabled"` // until the other kind is given, or until user unlock
}

// wrongGuesses returns what counts against a user now. inARow is the setting; 0: do not look.
func wrongGuesses(ctx context.Context, db *storage.Store, subject string, now time.Time, inARow int) ([]wrongGuess, error) {
	budgets, err := db.Budgets(ctx, subject, now)
	if err != nil {
		return nil, err
	}
	var found []wrongGuess
	for _, b := range budgets {
		g := wrongGuess{At: budgetName(b), InARow: b.InARow, LockedUntil: b.LockedUntil}
		if !now.Before(b.LockedUntil) {
			g.LockedUntil = time.Time{}
		}
		g.Disabled = inARow > 0 && (b.Kind == "totp" || b.Kind == "recovery") && b.InARow >= inARow
		found = append(found, g)
	}
	return found, nil
}

func budgetName(b storage.Budget) string {
	switch {
	case b.Kind == "pwd":
		return "passwords in unknown browsers"
	case b.Kind == "known":
		return "passwords in a known browser"
	case b.Kind == "totp":
		return "one-time codes"
	case b.Kind == "recovery":
		return "recovery codes"
	}
	return b.Kind
}

func guessedAt(wrong []wrongGuess) string {
	var names []string
	for _, g := range wrong {
		if !slices.Contains(names, g.At) { // each name has its budget
			names = append(names, g.At)
		}
	}
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}

func wrongRows(wrong []wrongGuess) [][]string {
	var rows [][]string
	for _, g := range wrong {
		state := fmt.Sprintf("%d wrong", g.InARow)
		switch {
		case g.Disabled:
			state += ", disabled until `user unlock`"
		case !g.LockedUntil.IsZero():
			state += ", locked until " + moment(g.LockedUntil)
		}
		rows = append(rows, []string{g.At, state})
	}
	return rows
}
