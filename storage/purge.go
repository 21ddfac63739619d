package storage

import (
	"context"
	"time"
)

// purgeBatch bounds how many rows one transaction locks, so that requests do not wait for the clean-up.
// The queries spell it out: the planner must know it.
const purgeBatch = 500

// purges are what goes when. In each, $1 is the time minus keep. The condition stands outside the
// subquery too, for a row that changes while its lock is waited for.
var purges = []struct {
	keep  time.Duration
	query string
}{
	// A page that comes late can still say what has expired, and where to go on.
	{24 * time.Hour, `DELETE FROM interaction WHERE expires_at < $1 AND id IN
		(SELECT id FROM interaction WHERE expires_at < $1 ORDER BY expires_at LIMIT 500) RETURNING 1`},
	{0, `DELETE FROM session WHERE expires_at < $1 AND id IN
		(SELECT id FROM session WHERE expires_at < $1 ORDER BY expires_at LIMIT 500) RETURNING 1`},
	{0, `DELETE FROM browser WHERE expires_at < $1 AND id IN
		(SELECT id FROM browser WHERE expires_at < $1 ORDER BY expires_at LIMIT 500) RETURNING 1`},
	// Nothing that is shown in a set-up counts once it is over; a late page can still say that it is.
	{time.Hour, `DELETE FROM setup WHERE expires_at < $1 AND owner IN
		(SELECT owner FROM setup WHERE expires_at < $1 ORDER BY expires_at LIMIT 500) RETURNING 1`},
	{0, `DELETE FROM guess WHERE forget_at > 0 AND forget_at < $1 AND budget IN
		(SELECT budget FROM guess WHERE forget_at > 0 AND forget_at < $1 ORDER BY forget_at LIMIT 500) RETURNING 1`},
	{0, `DELETE FROM token WHERE keep_until < $1 AND (kind, signature) IN
		(SELECT kind, signature FROM token WHERE keep_until < $1 ORDER BY keep_until LIMIT 500) RETURNING 1`},
	// After the tokens: a code's row is what says that its family was revoked.
	{remember, `DELETE FROM code WHERE expires_at < $1
		AND NOT EXISTS (SELECT 1 FROM token WHERE token.family = code.family) AND signature IN
		(SELECT signature FROM code WHERE expires_at < $1
			AND NOT EXISTS (SELECT 1 FROM token WHERE token.family = code.family)
			ORDER BY expires_at LIMIT 500) RETURNING 1`},
	// A page can say for a week that a link was used or is over.
	{7 * 24 * time.Hour, `DELETE FROM enrol_link WHERE expires_at < $1 AND id IN
		(SELECT id FROM enrol_link WHERE expires_at < $1 ORDER BY expires_at LIMIT 500) RETURNING 1`},
	// A server that sends mail gives up before; this is for where none does.
	{4 * 24 * time.Hour, `DELETE FROM notice WHERE created_at < $1 AND id IN
		(SELECT id FROM notice WHERE created_at < $1 ORDER BY created_at LIMIT 500) RETURNING 1`},
	// The answer to a refresh is given again for seconds only; then it is not worth its risk.
	{time.Minute, `UPDATE token SET replay = NULL WHERE replay IS NOT NULL AND used_at < $1 AND (kind, signature) IN
		(SELECT kind, signature FROM token WHERE replay IS NOT NULL AND used_at < $1 ORDER BY used_at LIMIT 500)
		RETURNING 1`},
}

// Purge deletes what nobody can need any more and returns how many rows that were. It never deletes
// what is live, nor what remembers that something was used while that could be tried again. Any
// number of processes may purge at once. It commits batch by batch; when it fails, what it had done stays.
func (s *Store) Purge(ctx context.Context, now time.Time) (int64, error) {
	var total int64
	for _, p := range purges {
		n, err := s.purge(ctx, p.query, now.Add(-p.keep))
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

func (s *Store) purge(ctx context.Context, query string, before time.Time) (total int64, err error) {
	for {
		var n int64
		err := s.query(ctx, query, []any{micros(before)}, func(row) error {
			n++
			return nil
		})
		total += n
		if err != nil || n < purgeBatch {
			return total, err
		}
	}
}
