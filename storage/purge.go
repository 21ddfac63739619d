package storage

import (
	"context"
	"math"
	"strconv"
	"time"
)

// purgeBatch bounds how many rows one transaction locks, so that requests do not wait for the clean-up.
// The queries spell it out: the planner must know it.
const purgeBatch = 500

// tellExpired is how long a page that comes late can still say what has expired.
const tellExpired = 24 * time.Hour

// purgeRule is what goes when.
type purgeRule struct {
	keep      time.Duration
	verb      string
	table     string
	condition string // $1 is the time minus keep
	order     string // a column with an index, so that the oldest are found without looking at others; empty: any
}

// expired is the rule for rows that are deleted some time after their end.
func expired(table string, keep time.Duration) purgeRule {
	return purgeRule{keep, "DELETE FROM " + table, table, "expires_at < $1", "expires_at"}
}

// replaced is true of an access token whose family has had a refresh since.
const replaced = `generation < COALESCE((SELECT code.generation FROM code WHERE code.family = access_token.family), 0)`

var purges = []purgeRule{
	expired("interaction", tellExpired), // a page that comes late can still say what has expired, and where to go on
	expired("pushed_request", 0),        // one that was taken is gone already
	expired("session", 0),
	expired("device", 0), // that a device code of ours is not there any more says that it has expired
	expired("browser", 0),
	expired("used_proof", time.Minute), // the clocks of servers differ
	expired("setup", time.Hour),        // nothing of it counts once it is over; a late page can still say that it is
	// Guesses in a row are remembered however long ago they were, and so is that there was a lock. What is left after the first
	// rule leaves the index, lest each clean-up visits it.
	{0, "DELETE FROM guess", "guess", `forget_at <> 0 AND forget_at < $1
		AND (most_in_a_row = ` + strconv.FormatInt(anyInARow, 10) + ` OR in_a_row = 0 AND unlocked_at = 0 AND tries < most_tries)`, "forget_at"},
	{0, "UPDATE guess SET forget_at = 0", "guess", "forget_at <> 0 AND forget_at < $1", "forget_at"},
	// The answer to a refresh is given again for seconds only; then it is not worth its risk. Of a token that another refresh
	// has replaced nothing else is worth anything either. Few are by then: the others come first, lest each of them is looked at
	// for the few.
	{time.Minute, "UPDATE access_token SET replay = NULL", "access_token", "replay IS NOT NULL AND created_at < $1 AND NOT " + replaced, "created_at"},
	{time.Minute, "DELETE FROM access_token", "access_token", "replay IS NOT NULL AND created_at < $1 AND " + replaced, "created_at"},
	expired("access_token", 2*time.Minute), // longer than the answer that it has may be given again, however soon the token is over
	// After the tokens: a code's row is what says that its family was revoked. NOT EXISTS would be a join to PostgreSQL,
	// which can be made by reading all tokens.
	{0, "DELETE FROM code", "code",
		"keep_until < $1 AND (SELECT t.family FROM access_token t WHERE t.family = code.family LIMIT 1) IS NULL", "keep_until"},
	expired("client_assertion", time.Hour),    // longer than clocks of servers are apart: none is taken again
	expired("enrol_link", 7*24*time.Hour),     // a page can say for a week that a link was used or is over
	expired("initial_token", 30*24*time.Hour), // a list can tell for a month how often one was used
	{2 * time.Hour, "DELETE FROM registration_count", "registration_count", "started_at < $1", "started_at"},
	// Far longer than a commit takes that began before the client was removed: what it has written for the client is found
	// by this. purgeGone comes first.
	{time.Hour, "DELETE FROM gone_client", "gone_client", "gone_at < $1", "gone_at"},
	// A server that sends mail gives up before; this is for where none does.
	{4 * 24 * time.Hour, "DELETE FROM notice", "notice", "created_at < $1", "created_at"},
	// By then no session or token is left at Hydra that is as old, by its defaults; and where no Hydra is, nobody takes them.
	{30 * 24 * time.Hour, "DELETE FROM revocation", "revocation", "created_at < $1", "created_at"},
}

// purgeText is the statement for one batch. The condition stands outside the subquery too, for a row that changes while
// its lock is waited for. With an order, $2 is where the batch before has ended, which is returned: what is not to go, and
// what PostgreSQL still has of rows that are gone, is not visited again for each batch.
func (s *Store) purgeText(p purgeRule) string {
	batch, from := " FROM "+p.table+" WHERE "+p.condition, "0"
	if p.order != "" {
		batch += " AND " + p.order + " >= $2 ORDER BY " + p.order
		from = p.order
	}
	return p.verb + " WHERE " + p.condition + " AND " + s.db.RowsOf(batch+" LIMIT 500") + " RETURNING " + from
}

// Purge deletes what nobody can need any more and returns how many rows that were. It never deletes
// what is live, nor what remembers that something was used while that could be tried again. Any
// number of processes may purge at once. It commits batch by batch; when it fails, what it had done stays.
func (s *Store) Purge(ctx context.Context, now time.Time) (int64, error) {
	total, err := s.purgeGone(ctx)
	if err != nil {
		return total, err
	}
	for _, p := range purges {
		n, err := s.purgeInOrder(ctx, s.purgeText(p), micros(now.Add(-p.keep)))
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// purgeInOrder runs the statement for one batch after the other until there is no whole one.
func (s *Store) purgeInOrder(ctx context.Context, query string, until int64) (total int64, err error) {
	for from := int64(math.MinInt64); ; {
		n, last, err := s.purgeBatch(ctx, query, until, from)
		total += n
		if err != nil || n < purgeBatch {
			return total, err
		}
		from = max(from, last)
	}
}

// purge runs the statement for one batch until there is no whole one.
func (s *Store) purge(ctx context.Context, query string, args ...any) (total int64, err error) {
	for {
		n, _, err := s.purgeBatch(ctx, query, args...)
		total += n
		if err != nil || n < purgeBatch {
			return total, err
		}
	}
}

// purgeBatch returns how many rows have gone, and the highest of what the statement returns.
func (s *Store) purgeBatch(ctx context.Context, query string, args ...any) (n, last int64, err error) {
	last = math.MinInt64
	err = s.query(ctx, query, args, func(r row) error {
		var at int64
		err := r.Scan(&at)
		n, last = n+1, max(last, at)
		return err
	})
	return n, last, err
}

// goneClient is a registration of a client that was removed. What was written for it nobody can use any more.
type goneClient struct{ id, registration string }

// purgeGone deletes the rows that were written for clients which were removed.
func (s *Store) purgeGone(ctx context.Context) (total int64, err error) {
	scan := func(r row) (g goneClient, err error) {
		err = r.Scan(&g.id, &g.registration)
		return g, err
	}
	gone, err := all(ctx, s, scan, `SELECT client, registration FROM gone_client ORDER BY gone_at`)
	if err != nil {
		return 0, err
	}
	for _, g := range gone {
		n, err := s.purgeFamilies(ctx, g)
		total += n
		if err != nil {
			return total, err
		}
		n, err = s.purge(ctx, s.goneConsents(), g.id, g.registration)
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// purgeFamilies deletes the codes of the client with their tokens, which go first: each may have some.
func (s *Store) purgeFamilies(ctx context.Context, g goneClient) (total int64, err error) {
	scan := func(r row) (family string, err error) {
		err = r.Scan(&family)
		return family, err
	}
	for {
		families, err := all(ctx, s, scan, goneFamilies, g.id, g.registration)
		if err != nil || len(families) == 0 {
			return total, err
		}
		for _, table := range []string{"access_token", "code"} {
			keys := padded(families)
			n, err := s.purge(ctx, s.ofFamilies(table, len(keys)), keys...)
			total += n
			if err != nil {
				return total, err
			}
		}
	}
}

const goneFamilies = `SELECT family FROM code WHERE client = $1 AND registration = $2 LIMIT 500`

// ofFamilies is the statement for one batch of the rows of so many families.
func (s *Store) ofFamilies(table string, families int) string {
	return s.purgeText(purgeRule{0, "DELETE FROM " + table, table, "family IN " + places(0, families), ""})
}

// goneConsents is the statement for one batch.
func (s *Store) goneConsents() string {
	return s.purgeText(purgeRule{0, "DELETE FROM consent", "consent", "client = $1 AND registration = $2", ""})
}
