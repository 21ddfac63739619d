package storage

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"slices"
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
	return s.AttemptSince(ctx, key, limit, time.UnixMicro(math.MaxInt64), now)
}

// AttemptSince counts a guess like Attempt, unless a lock of the key has ended after the time since.
func (s *Store) AttemptSince(ctx context.Context, key string, limit mfa.Limit, since, now time.Time) (mfa.AttemptCount, error) {
	found, err := s.guess(ctx, []mfa.Budget{{Key: key, Limit: limit}}, micros(since), now)
	return found[0], err
}

// AttemptAll counts a guess like Attempt in all of the budgets, or in none.
func (s *Store) AttemptAll(ctx context.Context, budgets []mfa.Budget, now time.Time) ([]mfa.AttemptCount, error) {
	return s.guess(ctx, budgets, math.MaxInt64, now)
}

func (s *Store) guess(ctx context.Context, budgets []mfa.Budget, since int64, now time.Time) ([]mfa.AttemptCount, error) {
	g := guess{id: guessID(), budgets: budgets, since: since, now: now}
	for range guessTries {
		found, err := s.count(ctx, g)
		if !errors.Is(err, store.ErrNotFound) {
			return found, err
		}
		found, err = s.refusals(ctx, g)
		if !errors.Is(err, store.ErrNotFound) {
			return found, err
		}
	}
	return g.counts(), fmt.Errorf("%w: guesses are counted and forgiven at once", store.ErrUnavailable)
}

// count is one statement, so that any number of processes count right, and none that was refused writes.
// store.ErrNotFound if the guess is refused.
func (s *Store) count(ctx context.Context, g guess) ([]mfa.AttemptCount, error) {
	query, args := g.statement()
	counted := map[string][2]int{}
	err := s.query(ctx, query, args, func(r row) error {
		var key string
		var n [2]int
		err := r.Scan(&key, &n[0], &n[1])
		counted[key] = n
		return err
	})
	found := g.counts()
	switch {
	case err != nil:
		return found, err
	case len(counted) == 0:
		return found, store.ErrNotFound
	case len(counted) < len(g.budgets): // another guess has locked one of them in that moment
		if err := s.RefundAll(ctx, g.keys(), g.id); err != nil {
			return found, err
		}
		return found, store.ErrNotFound
	}
	for i, b := range g.budgets {
		n := counted[b.Key]
		left := min(b.Limit.Guesses-n[0], inARow(b.Limit)-n[1])
		found[i].Left, found[i].InARow = max(left, 0), n[1] // fewer may be allowed than when the window began
	}
	return found, nil
}

// guessIDSize is how long each id is, so that the oldest ones can be cut off.
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

// anyInARow is in the row of a budget without an end to guesses in a row.
const anyInARow = int64(math.MaxInt64)

func mostInARow(limit mfa.Limit) int64 {
	if limit.InARow == 0 {
		return anyInARow
	}
	return int64(limit.InARow)
}

// keepReset is how long the row of a budget that counts in a row is kept where nothing is counted any more: most users come
// back, and need it again.
const keepReset = 24 * time.Hour

// forgetAt is when Purge may take the row, if that means nothing any more: the end of an hour.
func forgetAt(limit mfa.Limit, now time.Time) int64 {
	keep := max(limit.Window, limit.Lock)
	if limit.InARow > 0 {
		keep = max(keep, keepReset)
	}
	return micros(now.Add(keep + time.Hour).Truncate(time.Hour))
}

// lockedUntil is when the lock ends that the last guess began, over or not; 0: it began none.
const lockedUntil = `CASE WHEN tries < most_tries THEN 0 ELSE locked_until END`

// refusals says of each budget why a guess was refused, if by that: store.ErrNotFound if in the meantime nothing refuses it.
func (s *Store) refusals(ctx context.Context, g guess) ([]mfa.AttemptCount, error) {
	found := make([]mfa.AttemptCount, len(g.budgets))
	refused := false
	args := anys(g.keys())
	err := s.query(ctx, `SELECT budget, `+lockedUntil+`, unlocked_at, in_a_row FROM guess WHERE budget IN `+places(0, len(args)), args, func(r row) error {
		var key string
		var until, unlocked int64
		var row int
		if err := r.Scan(&key, &until, &unlocked, &row); err != nil {
			return err
		}
		i := slices.IndexFunc(g.budgets, func(b mfa.Budget) bool { return b.Key == key })
		switch last := max(until, unlocked); {
		case row >= inARow(g.budgets[i].Limit):
			found[i].Disabled = true
		case until > micros(g.now):
			found[i].LockedUntil = instant(until)
		case last > g.since:
			found[i].Stale = instant(last)
		}
		refused = refused || found[i] != mfa.AttemptCount{}
		return nil
	})
	if err == nil && !refused {
		err = store.ErrNotFound
	}
	return found, err
}

// RefundAttempt takes a guess back, once. A later window does not have its id.
func (s *Store) RefundAttempt(ctx context.Context, key, id string) error {
	return s.RefundAll(ctx, []string{key}, id)
}

// RefundAll takes a guess back in all budgets that it was counted in. The text of several is an INSERT, for that takes the rows
// in the order that it names: an UPDATE takes them in an order of its own, and two commits, or a guess that is counted in the
// same ones, would wait for each other. A row that it makes has never been guessed at, and is of no use to anybody.
// What was locked by the guess is not any more, also where the limit was lowered since.
func (s *Store) RefundAll(ctx context.Context, keys []string, id string) error {
	const taken = `tries = CASE WHEN guess.tries > guess.most_tries THEN guess.most_tries ELSE guess.tries END - 1,
			in_a_row = guess.in_a_row - 1, ids = replace(guess.ids, $1, '')`
	args := []any{id, "%" + id + "%"}
	if len(keys) == 1 {
		return s.execApart(ctx, nil, `UPDATE guess SET `+strings.ReplaceAll(taken, "guess.", "")+` WHERE budget = $3 AND ids LIKE $2`, append(args, keys[0])...)
	}
	var rows []string
	for _, key := range keys {
		args = append(args, key, ownerOf(key))
		rows = append(rows, fmt.Sprintf("($%d, $%d, 0, 0, 1, 0, 0, 0, 0, 1, '')", len(args)-1, len(args)))
	}
	return s.execApart(ctx, nil, `INSERT INTO guess (`+guessColumns+`)
		VALUES `+strings.Join(rows, ", ")+`
		ON CONFLICT (budget) DO UPDATE SET `+taken+` WHERE guess.ids LIKE $2`, args...)
}

// LockedUntil returns when the lock of the key ends; zero: none holds at that time.
func (s *Store) LockedUntil(ctx context.Context, key string, now time.Time) (time.Time, error) {
	until, err := s.number(ctx, `SELECT locked_until FROM guess WHERE budget = $1 AND tries >= most_tries AND locked_until > $2`, key, micros(now))
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
	return all(ctx, s, scan, `SELECT budget, in_a_row, `+lockedUntil+` FROM guess
		WHERE owner = $1 AND (in_a_row > 0 AND (ends_at > $2 OR most_in_a_row < $3) OR tries >= most_tries AND locked_until > $2)
		ORDER BY budget`, owner, micros(now), anyInARow)
}

// Unlock forgets all that was counted of the owner's guesses.
func (s *Store) Unlock(ctx context.Context, owner string) error {
	return s.exec(ctx, nil, `DELETE FROM guess WHERE owner = $1`, owner)
}

// ResetAttempts forgets the guesses under the key and ends its lock, and has the guesses in a row under the others begin anew
// where there were too many. Of a budget that was ever locked the row stays, for it knows when that ended. What it changes of
// the others is so rare that no two commits wait for each other.
func (s *Store) ResetAttempts(ctx context.Context, key string, now time.Time, others ...mfa.Budget) error {
	args := []any{key, micros(now)}
	keys, fits := `$1`, `budget = $1`
	for _, b := range others {
		args = append(args, b.Key, inARow(b.Limit))
		keys += fmt.Sprintf(`, $%d`, len(args)-1)
		fits += fmt.Sprintf(` OR budget = $%d AND in_a_row >= $%d`, len(args)-1, len(args))
	}
	return s.execApart(ctx, nil, `UPDATE guess SET in_a_row = 0, ids = '',
			ends_at = CASE WHEN budget = $1 THEN 0 ELSE ends_at END,
			tries = CASE WHEN budget = $1 THEN 0 ELSE tries END,
			unlocked_at = CASE WHEN budget <> $1 OR tries < most_tries THEN unlocked_at WHEN locked_until > $2 THEN $2 ELSE locked_until END
		WHERE budget IN (`+keys+`) AND (`+fits+`)`, args...)
}

// Spend raises the authenticator's counter and keeps its params, or fails with mfa.ErrUsed. One that does not count stays
// at 0.
func (s *Store) Spend(ctx context.Context, authenticator string, counter int64, params string, now time.Time) error {
	return s.execApart(ctx, mfa.ErrUsed, `UPDATE authenticator SET counter = $2, params = $3, used_at = $4
		WHERE id = $1 AND (counter < $2 OR counter = 0 AND $2 = 0)`, authenticator, counter, params, micros(now))
}

// Redeem marks a recovery code used, or fails with mfa.ErrCode.
func (s *Store) Redeem(ctx context.Context, set string, digest []byte, now time.Time) error {
	return s.execApart(ctx, mfa.ErrCode, `UPDATE recovery_code SET used_at = $3
		WHERE set_id = $1 AND digest = $2 AND used_at = 0`, set, digest, micros(now))
}
