package storage

import (
	"context"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"vestibule/provider/audit"
	"vestibule/provider/store"
)

// LinkBatch bounds how many events one commit links, or removes, so that others who write to a SQLite file do not
// wait for long.
const LinkBatch = 200

// AuditHead returns the end of the chain.
func (s *Store) AuditHead(ctx context.Context) (audit.Head, error) { return s.mark(ctx, chainLast) }

// Names of the marks of the chain.
const (
	chainFirst = "first" // the last event that was removed
	chainLast  = "last"  // the last event that was linked
)

// mark returns a mark of the chain; none is the start.
func (s *Store) mark(ctx context.Context, name string) (audit.Head, error) {
	h, err := one(ctx, s, func(r row) (h audit.Head, err error) {
		err = r.Scan(&h.Place, &h.Hash)
		return h, err
	}, `SELECT place, hash FROM audit_chain WHERE name = $1`, name)
	if errors.Is(err, store.ErrNotFound) {
		return audit.Start(), nil
	}
	return h, err
}

// setMark moves a mark; store.ErrConflict if it is not where it was.
func (s *Store) setMark(ctx context.Context, name string, from, to audit.Head) error {
	if from.Place == 0 {
		return s.exec(ctx, store.ErrConflict, `INSERT INTO audit_chain (name, place, hash) VALUES ($1, $2, $3)
			ON CONFLICT (name) DO NOTHING`, name, to.Place, to.Hash)
	}
	return s.exec(ctx, store.ErrConflict, `UPDATE audit_chain SET place = $2, hash = $3
		WHERE name = $1 AND place = $4 AND hash = $5`, name, to.Place, to.Hash, from.Place, from.Hash)
}

// LinkAudit links events that wait, oldest first, at most a batch, and returns how many; a full batch means that
// there may be more. The order of the chain is the order of linking: an event that is committed late comes behind
// newer ones. Any number of processes may call it: one wins, and for the others it is a store.ErrConflict.
func (s *Store) LinkAudit(ctx context.Context) (int, error) {
	for after := ""; ; {
		ids, last, err := s.waiting(ctx, after)
		if err != nil || len(ids) == 0 {
			return 0, err
		}
		found, err := s.eventsOf(ctx, ids)
		if err != nil {
			return 0, err
		}
		var events []audit.Recorded
		for _, id := range ids {
			if e, ok := found[id]; ok { // one that was removed while it waited stays here, for VerifyAudit to tell of
				events = append(events, e)
			}
		}
		if len(events) > 0 {
			return len(events), s.link(ctx, last, events)
		}
		after = ids[len(ids)-1]
	}
}

// link moves the mark before it touches an event, so that processes that link at once wait for each other there. The mark
// was there already when the events still waited: if it is there now, nobody has linked them.
func (s *Store) link(ctx context.Context, last audit.Head, events []audit.Recorded) error {
	var ids []string
	var hashes []byte
	end := last
	for _, e := range events {
		end = end.Next(e)
		ids, hashes = append(ids, e.ID), append(hashes, end.Hash...)
	}
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.setMark(ctx, chainLast, last, end); err != nil {
			return err
		}
		err := s.exec(ctx, store.ErrConflict, `INSERT INTO audit_link (place, newest, ids, hashes) VALUES ($1, $2, $3, $4)`,
			end.Place, slices.Max(ids), strings.Join(ids, " "), hashes)
		if err != nil {
			return err
		}
		return s.deleteIDs(ctx, "audit_waiting", ids)
	})
}

// deleteIDs deletes at most a LinkBatch of rows; store.ErrConflict if none is there.
func (s *Store) deleteIDs(ctx context.Context, table string, ids []string) error {
	args := padded(ids)
	return s.exec(ctx, store.ErrConflict, `DELETE FROM `+table+` WHERE id IN `+places(0, len(args)), args...)
}

// purgeTries is how many times in a row a purge may lose against a process that links or purges.
const purgeTries = 10

// PurgeAudit removes the oldest events of the chain, as far as they happened before the time, and remembers where
// it begins now, with an event in the same commit. It returns how many went. What is removed is checked first: a
// *ChainFault stops it, so that the clean-up cannot hide that somebody was there.
func (s *Store) PurgeAudit(ctx context.Context, before, now time.Time) (total int, err error) {
	for lost := 0; ; {
		n, err := s.purgeAudit(ctx, before, now)
		if errors.Is(err, store.ErrConflict) && lost < purgeTries {
			lost++
			continue
		}
		lost, total = 0, total+n
		if err != nil || n < LinkBatch {
			return total, err
		}
	}
}

func (s *Store) purgeAudit(ctx context.Context, before, now time.Time) (int, error) {
	first, err := s.mark(ctx, chainFirst)
	if err != nil {
		return 0, err
	}
	rows, _, err := s.linked(ctx, first.Place, math.MaxInt64)
	if err != nil {
		return 0, err
	}
	times, err := s.deciding(ctx, rows, now)
	if err != nil {
		return 0, err
	}
	end, worth := first, false
	for i, r := range rows {
		if !times[i].Before(before) {
			break
		}
		if err := end.LeadsTo(r); err != nil {
			return 0, s.faultBehind(ctx, first, err)
		}
		end = end.Next(r)
		worth = worth || r.Kind != audit.EventAuditPurged
	}
	n := int(end.Place - first.Place)
	if !worth && n < LinkBatch { // or an idle server would for ever record that it has removed such a record
		return 0, nil
	}
	if err := s.begin(ctx, first, end, rows[:n], now); err != nil {
		return 0, err
	}
	return n, nil
}

// deciding returns when the events of a batch happened, as far as that decides whether they go. One that claims to be
// of the future, because a clock was wrong, goes when the next one goes that does not.
func (s *Store) deciding(ctx context.Context, rows []audit.Recorded, now time.Time) ([]time.Time, error) {
	times := make([]time.Time, len(rows))
	var next time.Time
	for i, r := range slices.Backward(rows) {
		switch {
		case !r.Time.After(now):
			next = r.Time
		case i == len(rows)-1:
			var err error
			if next, err = s.timeBehind(ctx, r.Place, now); err != nil {
				return nil, err
			}
		}
		times[i] = next
	}
	return times, nil
}

// timeBehind returns the time of the first event behind the place that is not of the future, or now.
func (s *Store) timeBehind(ctx context.Context, place int64, now time.Time) (time.Time, error) {
	for {
		rows, reached, err := s.linked(ctx, place, math.MaxInt64)
		if err != nil || reached == place {
			return now, err
		}
		for _, r := range rows {
			if !r.Time.After(now) {
				return r.Time, nil
			}
		}
		place = reached
	}
}

// begin removes the events up to end, and the links that have no other. The event that says so is linked in the same commit, so
// that at no moment the chain begins where none of its events says that it does.
func (s *Store) begin(ctx context.Context, first, end audit.Head, old []audit.Recorded, now time.Time) error {
	last, err := s.mark(ctx, chainLast)
	if err != nil {
		return err
	}
	purged, err := s.complete(audit.Event{
		Time: now, Kind: audit.EventAuditPurged, Outcome: audit.OutcomeOK, Actor: "system",
		Detail: map[string]string{"place": strconv.FormatInt(end.Place, 10), "hash": hex.EncodeToString(end.Hash)},
	})
	if err != nil {
		return err
	}
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.setMark(ctx, chainFirst, first, end); err != nil {
			return err
		}
		if err := s.exec(ctx, nil, `DELETE FROM audit_link WHERE place > $1 AND place <= $2`, first.Place, end.Place); err != nil {
			return err
		}
		ids := make([]string, len(old))
		for i, r := range old {
			ids[i] = r.ID
		}
		if err := s.deleteIDs(ctx, "audit", ids); err != nil {
			return err
		}
		if err := s.insertEvent(ctx, purged); err != nil {
			return err
		}
		return s.link(ctx, last, []audit.Recorded{purged})
	})
}

// faultBehind is the fault that was found behind the beginning of the chain, or store.ErrConflict if another process
// has moved that meanwhile.
func (s *Store) faultBehind(ctx context.Context, first audit.Head, fault error) error {
	now, err := s.mark(ctx, chainFirst)
	switch {
	case err != nil:
		return err
	case !now.Equal(first):
		return store.ErrConflict
	}
	return fault
}
