package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"vestibule/mfa"
	"vestibule/provider/audit"
	"vestibule/provider/jwks"
	"vestibule/storage"
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

var errInterrupted = errors.New("interrupted")

// secretKeyRotate seals with the newest key what older ones have sealed, while servers run.
func secretKeyRotate(f *flag.FlagSet) action {
	load := vaultFlags(f)
	return func(ctx context.Context, w *env, _ []string) error {
		return withVault(ctx, w, load, func(v unsealed) error {
			r := &resealer{unsealed: v, progress: w.stderr, count: map[string]int{}}
			err := r.run(ctx)
			if recorded := r.record(context.WithoutCancel(ctx)); recorded != nil {
				return errors.Join(err, recorded)
			}
			if err != nil {
				return err
			}
			return r.report(w.stdout)
		})
	}
}

// resealer works through the tables that hold sealed rows. It may be killed at any time and run again: a row is sealed
// with one key or the other, and the index by key finds those that are left.
type resealer struct {
	unsealed
	progress io.Writer
	told     time.Time // when there was progress to see
	count    map[string]int
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
	ids, err := r.db.KeyIDs(ctx)
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
	ids, err := r.db.KeyIDs(ctx)
	if err != nil {
		return false, err
	}
	r.faults, r.broken = nil, 0
	for _, table := range []string{storage.SealedAuthenticators, storage.SealedSetups, storage.SealedSigningKeys} {
		for _, id := range ids[table] {
			if id == r.keys.Newest() {
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
			return fmt.Errorf("%w; what was done stays, run this again to go on", errInterrupted)
		}
		began := time.Now()
		rows, err := r.db.SealedWith(context.WithoutCancel(ctx), table, id, after, resealBatch)
		if err != nil || len(rows) == 0 {
			return err
		}
		after = rows[len(rows)-1].ID
		for some := range slices.Chunk(rows, oneCommit(table)) {
			if err := r.batch(context.WithoutCancel(ctx), table, some); err != nil {
				return err
			}
		}
		r.tell(table)
		select {
		case <-ctx.Done():
		case <-time.After(min(time.Since(began), resealRest)):
		}
	}
}

// oneCommit is how many rows of a table one commit may hold. What deletes several set-ups locks them in no certain order,
// as a purge does, and whoever holds one alone waits for nobody; there are few.
func oneCommit(table string) int {
	if table == storage.SealedSetups {
		return 1
	}
	return resealBatch
}

func (r *resealer) batch(ctx context.Context, table string, rows []storage.SealedRow) error {
	done := 0
	err := r.db.Atomic(ctx, func(ctx context.Context) error {
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
			if err := r.db.Reseal(ctx, table, old, fresh); err != nil {
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

func (r *resealer) reseal(table string, row storage.SealedRow) (storage.SealedRow, error) {
	var aad string
	switch table {
	case storage.SealedAuthenticators:
		aad = mfa.SecretAAD(mfa.Authenticator{ID: row.ID, Subject: row.Subject, Kind: row.Kind})
	case storage.SealedSetups:
		aad = mfa.SetupAAD(mfa.Setup{Owner: row.ID, Subject: row.Subject})
	case storage.SealedSigningKeys:
		aad = jwks.SealedKey{ID: row.ID}.AAD()
	}
	var err error
	row.KeyID, row.Sealed, err = r.keys.Reseal(row.KeyID, row.Sealed, aad)
	return row, err
}

// tell shows progress, about once a second.
func (r *resealer) tell(table string) {
	if time.Since(r.told) >= time.Second {
		r.told = time.Now()
		fmt.Fprintf(r.progress, "%s: %d rows sealed with %s\n", table, r.count[table], r.keys.Newest())
	}
}

func (r *resealer) total() int {
	n := 0
	for _, rows := range r.count {
		n += rows
	}
	return n
}

func (r *resealer) record(ctx context.Context) error {
	if r.total() == 0 {
		return nil
	}
	return commandAuditor(r.db, time.Now).Record(ctx, audit.Event{
		Kind: audit.EventAdminReseal, Outcome: audit.OutcomeOK,
		Detail: map[string]string{"rows": strconv.Itoa(r.total()), "key": r.keys.Newest()},
	})
}

// older returns those of the ids that are not the newest key's.
func (r *resealer) older(ids map[string][]string) []string {
	var old []string
	for _, list := range ids {
		for _, id := range list {
			if id != r.keys.Newest() && !slices.Contains(old, id) {
				old = append(old, id)
			}
		}
	}
	slices.Sort(old)
	return old
}

// report says what was done, and what still hangs on the old keys of the settings.
func (r *resealer) report(to io.Writer) error {
	fmt.Fprintf(to, "sealed with %s: %d authenticators, %d set-ups, %d signing keys\n", r.keys.Newest(),
		r.count[storage.SealedAuthenticators], r.count[storage.SealedSetups], r.count[storage.SealedSigningKeys])
	old := r.keys.IDs()[1:]
	if len(old) == 0 {
		_, err := fmt.Fprintln(to, "the settings have no other key")
		return err
	}
	_, err := fmt.Fprintf(to, `no row needs these keys any more: %s
Keep them in secret_keys for a while all the same: tokens and sign-ins that were made while one of them was the first
are checked with it. That is over %s after the last server put the new key first; whoever takes an old key out before
then has users sign in again, and apps lose their refresh tokens. Links that cancel a planned reset are checked with it
until the reset is due. The cookies by which browsers are known last for 365 days: without the key of its cookie a
browser is an unknown one, and nothing else.
`, strings.Join(old, ", "), span(r.config.RefreshTokenLifetime))
	return err
}

// span is a duration in whole hours or, if it is none, in minutes, rounded up.
func span(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%d hours", d/time.Hour)
	}
	return fmt.Sprintf("%d minutes", (d+time.Minute-1)/time.Minute)
}
