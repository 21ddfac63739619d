package operator

import (
	"context"
	"slices"
	"strings"
	"time"

	"vestibule/provider/account"
	"vestibule/provider/audit"
)

// WrongGuesses is what was counted in one budget of a user.
type WrongGuesses struct {
	At          string // what was guessed at, in words
	InARow      int
	LockedUntil time.Time // zero: not locked now
	Disabled    bool      // until the other kind of code is given, or until Unlock
}

// WrongGuesses returns what counts against a user now. inARow is how many disable a kind of code (mfa.Limit.InARow);
// 0: none do.
func (o *Operator) WrongGuesses(ctx context.Context, subject string, inARow int) ([]WrongGuesses, error) {
	now := o.now()
	budgets, err := o.Attempts.Budgets(ctx, subject, now)
	if err != nil {
		return nil, err
	}
	var found []WrongGuesses
	for _, b := range budgets {
		g := WrongGuesses{At: b.name(), InARow: b.InARow, LockedUntil: b.LockedUntil}
		if !now.Before(b.LockedUntil) {
			g.LockedUntil = time.Time{}
		}
		g.Disabled = inARow > 0 && b.ofCode() && b.InARow >= inARow
		found = append(found, g)
	}
	return found, nil
}

// ofCode reports whether the guesses are at a second factor: no number in a row disables anything else.
func (b Budget) ofCode() bool { return !slices.Contains([]string{"pwd", "known", "device"}, b.Kind) }

// name is what the guesses are at.
func (b Budget) name() string {
	switch b.Kind {
	case "pwd":
		return "passwords in unknown browsers"
	case "known":
		return "passwords in a known browser"
	case "totp":
		return "one-time codes"
	case "device":
		return "user codes of devices"
	case "recovery":
		return "recovery codes"
	}
	return b.Kind
}

// Unlock forgets the wrong passwords and codes of a user, and so ends every lock. What proves who somebody is stays as it
// is. It says what was guessed at, or "nothing".
func (o *Operator) Unlock(ctx context.Context, user account.Account) (guessedAt string, err error) {
	wrong, err := o.WrongGuesses(ctx, user.Subject, 0)
	if err != nil {
		return "", err
	}
	guessedAt = names(wrong)
	e := audit.Event{Kind: audit.EventAdminUnlocked, Subject: user.Subject, Detail: map[string]string{"budgets": guessedAt}}
	return guessedAt, o.commit(ctx, e, func(ctx context.Context) error { return o.Attempts.Unlock(ctx, user.Subject) })
}

func names(wrong []WrongGuesses) string {
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
