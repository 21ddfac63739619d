package operator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/jwks"
	"vestibule/provider/pairwise"
)

const (
	// resealBatch bounds how many rows one commit locks, so that no sign-in waits for long.
	resealBatch = 500
	// resealRest is as long as SQLite lets somebody sleep who waits for the lock.
	resealRest = 100 * time.Millisecond
	// resealPasses bounds how often rows are looked for that servers seal with an old key meanwhile.
	resealPasses = 3
	// resealFaults bounds how many rows that do not open are named.
	resealFaults = 10
)

// ErrInterrupted reports an operation that was told to end. What it has done stays, and it may be run again to go on.
var ErrInterrupted = errors.New("interrupted")

// Resealed is how many rows of each table (SealedAuthenticators and so on) are sealed with the newest key now.
type Resealed map[string]int

// Total is how many rows those are.
func (r Resealed) Total() int {
	n := 0
	for _, rows := range r {
		n += rows
	}
	return n
}

// Reseal seals with the newest of the Keys what older ones have sealed, while servers run. It is many commits: it may be
// killed at any time and run again, for a row is sealed with one key or the other, and the index by key finds those that
// are left. After each batch it tells progress how many rows of the table are done. What was done it records at the end,
// in one event, also when it fails or ctx ends.
func (o *Operator) Reseal(ctx context.Context, progress func(table string, rows int)) (Resealed, error) {
	r := &resealer{Operator: o, progress: progress, count: Resealed{}}
	err := r.run(ctx)
	return r.count, errors.Join(err, r.recordAll(context.WithoutCancel(ctx)))
}

// resealer works through the tables that hold sealed rows.
type resealer struct {
	*Operator
	progress func(table string, rows int)
	count    Resealed
	faults   []error
	broken   int // rows that do not open
}

func (r *resealer) run(ctx context.Context) error {
	for range resealPasses {
		left, err := r.pass(ctx)
		if err != nil {
			return err
		}
		if !left {
			break
		}
	}
	if r.broken > 0 {
		return fmt.Errorf("%d rows cannot be opened and stay as they are, the first of them:\n%w", r.broken, errors.Join(r.faults...))
	}
	ids, err := r.Sealed.KeyIDs(ctx)
	if err != nil {
		return err
	}
	if late := r.older(ids); len(late) > 0 {
		return fmt.Errorf("some server still seals with %s: put the new key first into its secret_keys, restart it, and run this again",
			strings.Join(late, ", "))
	}
	return nil
}

// pass goes once through all tables and reports whether there was anything to do.
func (r *resealer) pass(ctx context.Context) (found bool, err error) {
	ids, err := r.Sealed.KeyIDs(ctx)
	if err != nil {
		return false, err
	}
	r.faults, r.broken = nil, 0
	for _, table := range []string{SealedAuthenticators, SealedSetups, SealedSigningKeys, SealedPairwiseKeys} {
		for _, id := range ids[table] {
			if id == r.Keys.Newest() {
				continue
			}
			found = true
			if err := r.table(ctx, table, id); err != nil {
				return found, err
			}
		}
	}
	return found && r.broken == 0, nil
}

// table seals a table's rows of one key anew, batch by batch, with a rest after each: on SQLite, where only one may
// write, those who wait have their turn then.
func (r *resealer) table(ctx context.Context, table, id string) error {
	after := ""
	for {
		if ctx.Err() != nil {
			return fmt.Errorf("%w; what was done stays, run this again to go on", ErrInterrupted)
		}
		began := time.Now()
		rows, err := r.Sealed.SealedWith(context.WithoutCancel(ctx), table, id, after, resealBatch)
		if err != nil || len(rows) == 0 {
			return err
		}
		after = rows[len(rows)-1].ID
		for some := range slices.Chunk(rows, oneCommit(table)) {
			if err := r.batch(context.WithoutCancel(ctx), table, some); err != nil {
				return err
			}
		}
		r.progress(table, r.count[table])
		select {
		case <-ctx.Done():
		case <-time.After(min(time.Since(began), resealRest)):
		}
	}
}

// oneCommit is how many rows of a table one commit may hold. What deletes several set-ups locks them in no certain order,
// as a purge does, and whoever holds one alone waits for nobody; there are few.
func oneCommit(table string) int {
	if table == SealedSetups {
		return 1
	}
	return resealBatch
}

func (r *resealer) batch(ctx context.Context, table string, rows []SealedRow) error {
	done := 0
	err := r.Atomic(ctx, func(ctx context.Context) error {
		for _, old := range rows {
			fresh, err := r.reseal(table, old)
			if err != nil {
				r.broken++
				if len(r.faults) < resealFaults {
					r.faults = append(r.faults, fmt.Errorf("%s %s: %w", table, old.ID, err))
				}
				continue
			}
			done++
			if err := r.Sealed.Reseal(ctx, table, old, fresh); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		r.count[table] += done
	}
	return err
}

func (r *resealer) reseal(table string, row SealedRow) (SealedRow, error) {
	var aad string
	switch table {
	case SealedAuthenticators:
		aad = mfa.SecretAAD(mfa.Authenticator{ID: row.ID, Subject: row.Subject, Kind: row.Kind})
	case SealedSetups:
		aad = mfa.SetupAAD(mfa.Setup{Owner: row.ID, Subject: row.Subject})
	case SealedSigningKeys:
		aad = jwks.SealedKey{ID: row.ID}.AAD()
	case SealedPairwiseKeys:
		aad = pairwise.SealedKey{ID: row.ID}.AAD()
	}
	var err error
	row.KeyID, row.Sealed, err = r.Keys.Reseal(row.KeyID, row.Sealed, aad)
	return row, err
}

func (r *resealer) recordAll(ctx context.Context) error {
	if r.count.Total() == 0 {
		return nil
	}
	return r.record(ctx, audit.Event{
		Kind: audit.EventAdminReseal, Detail: map[string]string{"rows": strconv.Itoa(r.count.Total()), "key": r.Keys.Newest()},
	})
}

// older returns those of the ids that are not the newest key's.
func (r *resealer) older(ids map[string][]string) []string {
	var old []string
	for _, list := range ids {
		for _, id := range list {
			if id != r.Keys.Newest() && !slices.Contains(old, id) {
				old = append(old, id)
			}
		}
	}
	slices.Sort(old)
	return old
}
