package storage

import (
	"context"
	"time"

	"vestibule/mfa"
	"vestibule/provider/store"
)

const resetColumns = `id, subject, reason, actor, created_at, due_at`

func scanReset(r row) (mfa.PlannedReset, error) {
	var p mfa.PlannedReset
	var created, due int64
	err := r.Scan(&p.ID, &p.Subject, &p.Reason, &p.Actor, &created, &due)
	p.Created, p.Due = instant(created), instant(due)
	return p, err
}

// PlanReset keeps a reset until it is due. store.ErrConflict if one is planned for the subject already.
func (s *Store) PlanReset(ctx context.Context, p mfa.PlannedReset) error {
	return s.exec(ctx, store.ErrConflict, `INSERT INTO reset (`+resetColumns+`) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (subject) DO NOTHING`, p.ID, p.Subject, p.Reason, p.Actor, micros(p.Created), micros(p.Due))
}

// PlannedReset returns the reset with that ID, or store.ErrNotFound.
func (s *Store) PlannedReset(ctx context.Context, id string) (mfa.PlannedReset, error) {
	return one(ctx, s, scanReset, `SELECT `+resetColumns+` FROM reset WHERE id = $1`, id)
}

// ResetOf returns the reset that is planned for the subject, or store.ErrNotFound.
func (s *Store) ResetOf(ctx context.Context, subject string) (mfa.PlannedReset, error) {
	return one(ctx, s, scanReset, `SELECT `+resetColumns+` FROM reset WHERE subject = $1`, subject)
}

// DueResets returns resets whose time has come, a hundred at most.
func (s *Store) DueResets(ctx context.Context, now time.Time) ([]mfa.PlannedReset, error) {
	return all(ctx, s, scanReset, `SELECT `+resetColumns+` FROM reset WHERE due_at <= $1 ORDER BY due_at LIMIT 100`,
		micros(now))
}

// provedSince is true of a reset r whose user has proved a factor since it was announced: with a code, with a recovery
// code, or to get new ones of these.
const provedSince = `(EXISTS (SELECT 1 FROM authenticator a WHERE a.subject = r.subject AND a.used_at >= r.created_at)
	OR EXISTS (SELECT 1 FROM recovery_set s WHERE s.subject = r.subject AND (s.created_at >= r.created_at
		OR EXISTS (SELECT 1 FROM recovery_code c WHERE c.set_id = s.id AND c.used_at >= r.created_at))))`

// ProvedSince reports whether the user has proved a factor since the reset was announced: nothing is lost, then.
func (s *Store) ProvedSince(ctx context.Context, id string) (bool, error) {
	n, err := s.number(ctx, `SELECT count(*) FROM reset r WHERE r.id = $1 AND `+provedSince, id)
	return n > 0, err
}

// TakeReset is EndReset for whoever carries the reset out in the same commit: store.ErrNotFound also if the user has
// proved a factor meanwhile.
func (s *Store) TakeReset(ctx context.Context, id string) error {
	return s.exec(ctx, store.ErrNotFound, `DELETE FROM reset AS r WHERE r.id = $1 AND NOT `+provedSince, id)
}

// EndReset takes a planned reset out of the plan, because it is cancelled or because it takes place in the same
// commit. Of any number of processes that do so at once, one succeeds: store.ErrNotFound for the others.
func (s *Store) EndReset(ctx context.Context, id string) error {
	return s.exec(ctx, store.ErrNotFound, `DELETE FROM reset WHERE id = $1`, id)
}

// ResetFactors takes all factors of the subject away, ends all that the subject has open, as EndAccess does, and blocks
// enrolment: from then on only an enrolment link lets the user set up a factor. A reset that was planned for later is no
// longer needed. It reports how many authenticators there were.
func (s *Store) ResetFactors(ctx context.Context, subject string) (authenticators int, err error) {
	err = s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.exec(ctx, nil, `DELETE FROM reset WHERE subject = $1`, subject); err != nil {
			return err
		}
		if err := s.blockEnrolment(ctx, subject); err != nil {
			return err
		}
		if authenticators, err = s.Reset(ctx, subject); err != nil {
			return err
		}
		return s.EndAccess(ctx, subject)
	})
	return authenticators, err
}

// blockEnrolment raises the generation too, for a subject who never had a factor as well: what is being set up ends.
func (s *Store) blockEnrolment(ctx context.Context, subject string) error {
	return s.exec(ctx, nil, `INSERT INTO enrolment (subject, generation, blocked) VALUES ($1, 1, TRUE)
		ON CONFLICT (subject) DO UPDATE SET generation = enrolment.generation + 1, blocked = TRUE`, subject)
}

// EnrolmentBlocked reports whether the subject may set up a factor with a link only.
func (s *Store) EnrolmentBlocked(ctx context.Context, subject string) (bool, error) {
	n, err := s.number(ctx, `SELECT count(*) FROM enrolment WHERE subject = $1 AND blocked = TRUE`, subject)
	return n > 0, err
}
