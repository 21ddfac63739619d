package storage

import (
	"context"
	"math"

	"vestibule/provider/audit"
)

// EachAudit hands all events to f, a batch at a time: the chain in its order, and then what is not linked yet. What
// is recorded meanwhile may be left out.
func (s *Store) EachAudit(ctx context.Context, f func(audit.Recorded) error) error {
	place, err := s.eachLinked(ctx, 0, f)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	if err := s.eachWaiting(ctx, func(r audit.Recorded) error {
		seen[r.ID] = true
		return f(r)
	}); err != nil {
		return err
	}
	// What was linked between the two is here.
	_, err = s.eachLinked(ctx, place, func(r audit.Recorded) error {
		if seen[r.ID] {
			return nil
		}
		return f(r)
	})
	return err
}

// eachLinked hands over the events behind a place and returns the last place.
func (s *Store) eachLinked(ctx context.Context, after int64, f func(audit.Recorded) error) (int64, error) {
	for {
		rows, reached, err := s.linked(ctx, after, math.MaxInt64)
		if err != nil || reached == after {
			return after, err
		}
		for _, r := range rows {
			if err := f(r); err != nil {
				return after, err
			}
		}
		after = reached
	}
}

// eachWaiting hands over the events that are not linked.
func (s *Store) eachWaiting(ctx context.Context, f func(audit.Recorded) error) error {
	after := ""
	for {
		ids, _, err := s.waiting(ctx, after)
		if err != nil || len(ids) == 0 {
			return err
		}
		events, err := s.eventsOf(ctx, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if r, ok := events[id]; ok { // one that was purged meanwhile is not there
				if err := f(r); err != nil {
					return err
				}
			}
		}
		after = ids[len(ids)-1]
	}
}
