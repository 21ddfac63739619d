package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vestibule/provider/store"
	"vestibule/storage"
)

// lostEverything is what an operator has begun for a user who has lost everything, as `user get` shows it.
type lostEverything struct {
	Held        bool        `json:"held"` // enrols with a link only
	Reset       *plannedFor `json:"planned_reset,omitempty"`
	LinkExpires time.Time   `json:"enrol_link_expires,omitzero"` // of a link that was not used
}

type plannedFor struct {
	Due     time.Time `json:"due"`
	Planned time.Time `json:"planned"`
	Actor   string    `json:"actor"`
	Reason  string    `json:"reason"`
}

func readLost(ctx context.Context, db *storage.Store, subject string, now time.Time) (lostEverything, error) {
	var l lostEverything
	held, err := db.Held(ctx, subject)
	if err != nil {
		return l, err
	}
	l.Held = held
	switch plan, err := db.ResetOf(ctx, subject); {
	case err == nil:
		l.Reset = &plannedFor{plan.Due.UTC(), plan.Created.UTC(), plan.Actor, plan.Reason}
	case !errors.Is(err, store.ErrNotFound):
		return l, err
	}
	link, err := db.EnrolLinkOf(ctx, subject, now)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return l, err
	}
	l.LinkExpires = link.Expires
	return l, nil
}

func (l lostEverything) rows() [][]string {
	var rows [][]string
	if l.Held {
		rows = append(rows, []string{"set-up", "only with a link from user enrol-link"})
	}
	if l.Reset != nil {
		rows = append(rows, []string{"reset planned", fmt.Sprintf("for %s by %s: %s", moment(l.Reset.Due), l.Reset.Actor, l.Reset.Reason)})
	}
	if !l.LinkExpires.IsZero() {
		rows = append(rows, []string{"enrolment link", "not used, until " + moment(l.LinkExpires)})
	}
	return rows
}
