package storage

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"

	"vestibule/provider/audit"
)

// auditLink is what the chain knows of the events that were linked in one commit, at most a LinkBatch.
type auditLink struct {
	place  int64 // of the last of them
	ids    []string
	hashes []byte
}

func scanLink(r row) (l auditLink, err error) {
	var ids string
	err = r.Scan(&l.place, &ids, &l.hashes)
	l.ids = strings.Split(ids, " ")
	return l, err
}

// at returns the place of the i-th event, and its hash; nil: somebody was there.
func (l auditLink) at(i int) (place int64, hash []byte) {
	if from := i * sha256.Size; from+sha256.Size <= len(l.hashes) {
		hash = l.hashes[from : from+sha256.Size]
	}
	return l.place - int64(len(l.ids)-1-i), hash
}

// linked returns the events behind a place, in their order, at most a batch and not beyond the end of the chain. It has
// looked up to the place reached, and one whose event is gone is left out; there is nothing behind after if that is it.
func (s *Store) linked(ctx context.Context, after, until int64) (rows []audit.Recorded, reached int64, err error) {
	// The first link may hold but one event that is wanted, and the next one as many as a link may.
	links, err := all(ctx, s, scanLink, `SELECT place, ids, hashes FROM audit_link
		WHERE place > $1 AND place <= $2 AND place < (SELECT min(place) FROM audit_link WHERE place > $1) + $3
		ORDER BY place`, after, until, 2*LinkBatch)
	if err != nil {
		return nil, after, err
	}
	reached = after
	var ids []string
	for _, l := range links {
		for i, id := range l.ids {
			place, hash := l.at(i)
			if place <= reached || len(rows) == LinkBatch {
				continue
			}
			rows, ids, reached = append(rows, audit.Recorded{Place: place, Hash: hash}), append(ids, id), place
		}
	}
	events, err := s.eventsOf(ctx, ids)
	found := rows[:0]
	for i, r := range rows {
		if e, ok := events[ids[i]]; ok {
			e.Place, e.Hash = r.Place, r.Hash
			found = append(found, e)
		}
	}
	return found, reached, err
}

// eventsOf returns the events that there are of at most a LinkBatch of ids, without their places.
func (s *Store) eventsOf(ctx context.Context, ids []string) (map[string]audit.Recorded, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	events := make(map[string]audit.Recorded, len(ids))
	args := padded(ids)
	err := s.query(ctx, `SELECT `+auditColumns+` FROM audit WHERE id IN `+places(0, len(args)), args, func(r row) error {
		e, err := scanRecorded(r)
		events[e.ID] = e
		return err
	})
	return events, err
}

// waiting returns the ids of events that are not linked, the lowest behind after, at most a batch, and the end of the chain
// at that moment.
func (s *Store) waiting(ctx context.Context, after string) (ids []string, last audit.Head, err error) {
	err = s.query(ctx, `SELECT id, COALESCE((SELECT place FROM audit_chain WHERE name = 'last'), 0),
			(SELECT hash FROM audit_chain WHERE name = 'last')
		FROM audit_waiting WHERE id > $1 ORDER BY id LIMIT $2`, []any{after, LinkBatch}, func(r row) error {
		var id string
		if err := r.Scan(&id, &last.Place, &last.Hash); err != nil {
			return err
		}
		ids = append(ids, id)
		return nil
	})
	if last.Place == 0 {
		last = audit.Start()
	}
	return ids, last, err
}

// findPlaces fills in where in the chain the events are. As a rule an event is in the first link that has a higher id, or
// its own; one that was linked late is in one behind that.
func (s *Store) findPlaces(ctx context.Context, events []audit.Recorded) error {
	known := map[string]audit.Head{}
	for i := len(events) - 1; i >= 0; i-- { // the oldest first
		e := &events[i]
		for from, seen := e.ID, ""; ; {
			if h, ok := known[e.ID]; ok {
				e.Place, e.Hash = h.Place, h.Hash
				break
			}
			newest, err := s.newerLinks(ctx, from, seen, known)
			if err != nil {
				return err
			}
			if newest == "" { // it waits
				break
			}
			from, seen = newest, newest
		}
	}
	return nil
}

// newerLinks adds the places of the first links whose highest id is not below from, nor that of the link seen, and returns
// that of the last; empty: there are none.
func (s *Store) newerLinks(ctx context.Context, from, seen string, known map[string]audit.Head) (newest string, err error) {
	links, err := all(ctx, s, scanLink, `SELECT place, ids, hashes FROM audit_link
		WHERE newest >= $1 AND newest <> $2 ORDER BY newest LIMIT 4`, from, seen)
	for _, l := range links {
		newest = slices.Max(l.ids)
		for i, id := range l.ids {
			place, hash := l.at(i)
			known[id] = audit.Head{Place: place, Hash: hash}
		}
	}
	return newest, err
}
