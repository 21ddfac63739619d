package storage

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"vestibule/mfa"
	"vestibule/provider"
)

// guessTries is how often Guess looks again when somebody forgives between its two statements.
const guessTries = 5

// Guess counts a guess under key and commits before it returns, even inside an Atomic.
func (s *Store) Guess(ctx context.Context, key string, limit mfa.Limit, now time.Time) (mfa.Tally, error) {
	for range guessTries {
		tally, err := s.count(ctx, key, limit, now)
		if !errors.Is(err, provider.ErrNotFound) {
			return tally, err
		}
		tally, err = s.refusal(ctx, key, limit, now)
		if !errors.Is(err, provider.ErrNotFound) {
			return tally, err
		}
	}
	return mfa.Tally{}, fmt.Errorf("%w: guesses are counted and forgiven at once", provider.ErrUnavailable)
}

// count is one statement, so that any number of processes count right, and none that was refused
// writes. A window that was used up is over here, for else its lock would refuse.
// provider.ErrNotFound if the guess is refused.
func (s *Store) count(ctx context.Context, key string, limit mfa.Limit, now time.Time) (mfa.Tally, error) {
	until := micros(now.Add(limit.Lock))
	first := int64(0)
	if limit.Guesses <= 1 {
		first = until
	}
	scan := func(r row) (mfa.Tally, error) {
		var tries, row int
		err := r.Scan(&tries, &row)
		return mfa.Tally{Left: min(limit.Guesses-tries, inARow(limit)-row), InARow: row}, err
	}
	return one(ctx, s, scan, `INSERT INTO guess (budget, started_at, tries, in_a_row, locked_until, forget_at)
			VALUES ($1, $2, 1, 1, $3, $4)
		ON CONFLICT (budget) DO UPDATE SET
			started_at = CASE WHEN guess.tries >= $5 OR guess.started_at <= $6 THEN excluded.started_at ELSE guess.started_at END,
			tries = CASE WHEN guess.tries >= $5 OR guess.started_at <= $6 THEN 1 ELSE guess.tries + 1 END,
			in_a_row = guess.in_a_row + 1,
			locked_until = CASE WHEN guess.tries >= $5 OR guess.started_at <= $6 THEN excluded.locked_until
				WHEN guess.tries + 1 >= $5 THEN $7 ELSE 0 END,
			forget_at = excluded.forget_at
		WHERE guess.locked_until <= excluded.started_at AND guess.in_a_row < $8
		RETURNING tries, in_a_row`,
		key, micros(now), first, forgetAt(limit, now), limit.Guesses, micros(now.Add(-limit.Window)), until, inARow(limit))
}

func inARow(limit mfa.Limit) int {
	if limit.InARow == 0 {
		return math.MaxInt
	}
	return limit.InARow
}

// forgetAt is when Purge may take the row. A budget that counts in a row remembers for ever.
func forgetAt(limit mfa.Limit, now time.Time) int64 {
	if limit.InARow > 0 {
		return 0
	}
	return micros(now.Add(max(limit.Window, limit.Lock)))
}

// refusal says why a guess was refused: provider.ErrNotFound if in the meantime nothing refuses it.
func (s *Store) refusal(ctx context.Context, key string, limit mfa.Limit, now time.Time) (mfa.Tally, error) {
	scan := func(r row) (mfa.Tally, error) {
		var until int64
		var row int
		err := r.Scan(&until, &row)
		return mfa.Tally{LockedUntil: instant(until), Disabled: row >= inARow(limit)}, err
	}
	tally, err := one(ctx, s, scan, `SELECT locked_until, in_a_row FROM guess WHERE budget = $1`, key)
	switch {
	case err != nil:
		return mfa.Tally{}, err
	case tally.Disabled:
		return mfa.Tally{Disabled: true}, nil
	case !now.Before(tally.LockedUntil):
		return mfa.Tally{}, provider.ErrNotFound
	}
	return tally, nil
}

// Forgive forgets the guesses under the keys.
func (s *Store) Forgive(ctx context.Context, keys ...string) error {
	if len(keys) == 0 {
		return nil
	}
	var args []any
	var places []string
	for i, key := range keys {
		args = append(args, key)
		places = append(places, fmt.Sprintf("$%d", i+1))
	}
	return s.exec(ctx, nil, `DELETE FROM guess WHERE budget IN (`+strings.Join(places, ", ")+`)`, args...)
}

// Spend raises the authenticator's last step, or fails with mfa.ErrUsed.
func (s *Store) Spend(ctx context.Context, authenticator string, step int64, now time.Time) error {
	return s.exec(ctx, mfa.ErrUsed, `UPDATE authenticator SET last_step = $2, used_at = $3
		WHERE id = $1 AND last_step < $2`, authenticator, step, micros(now))
}

// Redeem marks a recovery code used, or fails with mfa.ErrCode.
func (s *Store) Redeem(ctx context.Context, set string, digest []byte, now time.Time) error {
	return s.exec(ctx, mfa.ErrCode, `UPDATE recovery_code SET used_at = $3
		WHERE set_id = $1 AND digest = $2 AND used_at = 0`, set, digest, micros(now))
}
