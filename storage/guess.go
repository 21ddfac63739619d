package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"vestibule/mfa"
	"vestibule/provider/operator"
	"vestibule/provider/store"
)

// guessTries is how often Attempt looks again when somebody forgives between its two statements.
const guessTries = 5

// Attempt counts a guess under key and commits before it returns, even inside an Atomic.
func (s *Store) Attempt(ctx context.Context, key string, limit mfa.Limit, now time.Time) (mfa.AttemptCount, error) {
	return s.guess(ctx, key, limit, math.MaxInt64, now)
}

// AttemptSince counts a guess like Attempt, unless a lock of the key has ended after the time since.
func (s *Store) AttemptSince(ctx context.Context, key string, limit mfa.Limit, since, now time.Time) (mfa.AttemptCount, error) {
	return s.guess(ctx, key, limit, micros(since), now)
}

func (s *Store) guess(ctx context.Context, key string, limit mfa.Limit, since int64, now time.Time) (mfa.AttemptCount, error) {
	id := guessID()
	for range guessTries {
		tally, err := s.count(ctx, key, id, limit, since, now)
		if !errors.Is(err, store.ErrNotFound) {
			tally.ID = id
			return tally, err
		}
		tally, err = s.refusal(ctx, key, limit, since, now)
		if !errors.Is(err, store.ErrNotFound) {
			return tally, err
		}
	}
	return mfa.AttemptCount{}, fmt.Errorf("%w: guesses are counted and forgiven at once", store.ErrUnavailable)
}

// count is one statement, so that any number of processes count right, and none that was refused
// writes. A window that was used up is over here, for else its lock would refuse; when that ended is kept.
// store.ErrNotFound if the guess is refused.
func (s *Store) count(ctx context.Context, key, id string, limit mfa.Limit, since int64, now time.Time) (mfa.AttemptCount, error) {
	until := micros(now.Add(limit.Lock))
	first := int64(0)
	if limit.Guesses <= 1 {
		first = until
	}
	scan := func(r row) (mfa.AttemptCount, error) {
		var tries, row int
		err := r.Scan(&tries, &row)
		return mfa.AttemptCount{Left: min(limit.Guesses-tries, inARow(limit)-row), InARow: row}, err
	}
	return one(ctx, s, scan, `INSERT INTO guess (budget, started_at, tries, in_a_row, locked_until, unlocked_at, forget_at, owner, ids)
			VALUES ($1, $2, 1, 1, $3, 0, $4, $9, $11)
		ON CONFLICT (budget) DO UPDATE SET
			started_at = CASE WHEN guess.tries >= $5 OR guess.started_at <= $6 THEN excluded.started_at ELSE guess.started_at END,
			tries = CASE WHEN guess.tries >= $5 OR guess.started_at <= $6 THEN 1 ELSE guess.tries + 1 END,
			in_a_row = guess.in_a_row + 1,
			locked_until = CASE WHEN guess.tries >= $5 OR guess.started_at <= $6 THEN excluded.locked_until
				WHEN guess.tries + 1 >= $5 THEN $7 ELSE 0 END,
			unlocked_at = CASE WHEN guess.locked_until > guess.unlocked_at THEN guess.locked_until ELSE guess.unlocked_at END,
			forget_at = excluded.forget_at,
			ids = CASE WHEN guess.tries >= $5 OR guess.started_at <= $6 THEN excluded.ids
				WHEN length(guess.ids) >= $12 THEN substr(guess.ids, $13) || excluded.ids
				ELSE guess.ids || excluded.ids END
		WHERE guess.locked_until <= excluded.started_at AND guess.in_a_row < $8
			AND guess.locked_until <= $10 AND guess.unlocked_at <= $10
		RETURNING tries, in_a_row`,
		key, micros(now), first, forgetAt(limit, now), limit.Guesses, micros(now.Add(-limit.Window)), until, inARow(limit), ownerOf(key), since, id,
		mfa.Returnable*guessIDSize, guessIDSize+1)
}

// guessIDSize is how long each id is, so that the oldest one can be cut off.
const guessIDSize = 11

// guessID is what a guess can be taken back by. The ids of the last guesses of a window stand in one text, which each
// guess writes anew, so that each has an end, and none differs from another only in its case.
func guessID() string { return strings.ToLower(rand.Text()[:guessIDSize-1]) + " " }

// ownerOf is whose budget the key is for.
func ownerOf(key string) string {
	_, owner, _ := strings.Cut(key, ":")
	owner, _, _ = strings.Cut(owner, "|")
	return owner
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

// refusal says why a guess was refused: store.ErrNotFound if in the meantime nothing refuses it.
func (s *Store) refusal(ctx context.Context, key string, limit mfa.Limit, since int64, now time.Time) (mfa.AttemptCount, error) {
	type kept struct {
		until, unlocked int64
		row             int
	}
	scan := func(r row) (k kept, err error) {
		err = r.Scan(&k.until, &k.unlocked, &k.row)
		return k, err
	}
	k, err := one(ctx, s, scan, `SELECT locked_until, unlocked_at, in_a_row FROM guess WHERE budget = $1`, key)
	switch last := max(k.until, k.unlocked); {
	case err != nil:
		return mfa.AttemptCount{}, err
	case k.row >= inARow(limit):
		return mfa.AttemptCount{Disabled: true}, nil
	case k.until > micros(now):
		return mfa.AttemptCount{LockedUntil: instant(k.until)}, nil
	case last > since:
		return mfa.AttemptCount{Stale: instant(last)}, nil
	}
	return mfa.AttemptCount{}, store.ErrNotFound
}

// RefundAttempt takes a guess back, once. A later window does not have its id.
func (s *Store) RefundAttempt(ctx context.Context, key, id string) error {
	return s.exec(ctx, nil, `UPDATE guess SET tries = tries - 1, in_a_row = in_a_row - 1, locked_until = 0, ids = replace(ids, $2, '')
		WHERE budget = $1 AND ids LIKE '%' || $2 || '%'`, key, id)
}

// LockedUntil returns when the lock of the key ends; zero: none holds at that time.
func (s *Store) LockedUntil(ctx context.Context, key string, now time.Time) (time.Time, error) {
	until, err := s.number(ctx, `SELECT locked_until FROM guess WHERE budget = $1 AND locked_until > $2`, key, micros(now))
	if errors.Is(err, store.ErrNotFound) {
		return time.Time{}, nil
	}
	return instant(until), err
}

// Budgets returns what was counted of the owner's guesses and is not over, by kind.
func (s *Store) Budgets(ctx context.Context, owner string, now time.Time) ([]operator.Budget, error) {
	scan := func(r row) (operator.Budget, error) {
		var b operator.Budget
		var key string
		var until int64
		err := r.Scan(&key, &b.InARow, &until)
		b.Kind, key, _ = strings.Cut(key, ":")
		_, b.Part, _ = strings.Cut(key, "|")
		b.LockedUntil = instant(until)
		return b, err
	}
	return all(ctx, s, scan, `SELECT budget, in_a_row, locked_until FROM guess
		WHERE owner = $1 AND (in_a_row > 0 OR locked_until > $2) AND (forget_at = 0 OR forget_at > $2) ORDER BY budget`, owner, micros(now))
}

// Unlock forgets all that was counted of the owner's guesses.
func (s *Store) Unlock(ctx context.Context, owner string) error {
	return s.exec(ctx, nil, `DELETE FROM guess WHERE owner = $1`, owner)
}

// ResetAttempts forgets the guesses under the key and ends its lock. Of a budget that was ever locked the row stays,
// for it knows when that ended.
func (s *Store) ResetAttempts(ctx context.Context, key string, now time.Time) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.exec(ctx, nil, `DELETE FROM guess WHERE budget = $1 AND locked_until = 0 AND unlocked_at = 0`, key)
		if err != nil {
			return err
		}
		return s.exec(ctx, nil, `UPDATE guess SET started_at = 0, tries = 0, in_a_row = 0, ids = '', locked_until = 0, unlocked_at =
			CASE WHEN locked_until > $2 THEN $2 WHEN locked_until > unlocked_at THEN locked_until ELSE unlocked_at END
			WHERE budget = $1`, key, micros(now))
	})
}

// Enable has the guesses in a row begin anew if there were so many. The window and the lock stay.
func (s *Store) Enable(ctx context.Context, key string, inARow int) error {
	return s.exec(ctx, nil, `UPDATE guess SET in_a_row = 0, ids = '' WHERE budget = $1 AND in_a_row >= $2`, key, inARow)
}

// Spend raises the authenticator's counter and keeps its params, or fails with mfa.ErrUsed. One that does not count stays
// at 0.
func (s *Store) Spend(ctx context.Context, authenticator string, counter int64, params string, now time.Time) error {
	return s.exec(ctx, mfa.ErrUsed, `UPDATE authenticator SET counter = $2, params = $3, used_at = $4
		WHERE id = $1 AND (counter < $2 OR counter = 0 AND $2 = 0)`, authenticator, counter, params, micros(now))
}

// Redeem marks a recovery code used, or fails with mfa.ErrCode.
func (s *Store) Redeem(ctx context.Context, set string, digest []byte, now time.Time) error {
	return s.exec(ctx, mfa.ErrCode, `UPDATE recovery_code SET used_at = $3
		WHERE set_id = $1 AND digest = $2 AND used_at = 0`, set, digest, micros(now))
}
