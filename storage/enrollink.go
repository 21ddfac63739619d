package storage

import (
	"context"
	"time"

	"vestibule/mfa"
)

const linkColumns = `id, subject, created_at, expires_at, used_at`

func scanEnrolLink(r row) (mfa.EnrolLink, error) {
	var l mfa.EnrolLink
	var created, expires, used int64
	err := r.Scan(&l.ID, &l.Subject, &created, &expires, &used)
	l.Created, l.Expires, l.Used = instant(created), instant(expires), instant(used)
	return l, err
}

// SaveEnrolLink inserts the link. The subject's links from before it are over, if they were not used: of links that are
// made at once too, one is left.
func (s *Store) SaveEnrolLink(ctx context.Context, l mfa.EnrolLink) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		// First the enrolment, as in all that changes links: on PostgreSQL, whoever has its row has all links to see.
		if err := s.exec(ctx, nil, `INSERT INTO enrolment (subject, generation) VALUES ($1, 0)
			ON CONFLICT (subject) DO UPDATE SET generation = enrolment.generation`, l.Subject); err != nil {
			return err
		}
		if err := s.endEnrolLinks(ctx, l.Subject, l.Created); err != nil {
			return err
		}
		return s.exec(ctx, nil, `INSERT INTO enrol_link (`+linkColumns+`) VALUES ($1, $2, $3, $4, 0)`,
			l.ID, l.Subject, micros(l.Created), micros(l.Expires))
	})
}

func (s *Store) endEnrolLinks(ctx context.Context, subject string, now time.Time) error {
	return s.exec(ctx, nil, `UPDATE enrol_link SET expires_at = $2
		WHERE subject = $1 AND used_at = 0 AND expires_at > $2`, subject, micros(now))
}

// EnrolLink returns the link, used or over or not, or store.ErrNotFound.
func (s *Store) EnrolLink(ctx context.Context, id []byte) (mfa.EnrolLink, error) {
	return one(ctx, s, scanEnrolLink, `SELECT `+linkColumns+` FROM enrol_link WHERE id = $1`, id)
}

// EnrolLinkOf returns the subject's link that is neither used nor over, or store.ErrNotFound.
func (s *Store) EnrolLinkOf(ctx context.Context, subject string, now time.Time) (mfa.EnrolLink, error) {
	return one(ctx, s, scanEnrolLink, `SELECT `+linkColumns+` FROM enrol_link
		WHERE subject = $1 AND used_at = 0 AND expires_at > $2
		ORDER BY created_at DESC LIMIT 1`, subject, micros(now))
}

// UseEnrolLink uses the link up and ends the block. In the commit of an Activate it comes first. mfa.ErrLink if the
// link is used, over or not the subject's.
func (s *Store) UseEnrolLink(ctx context.Context, id []byte, subject string, now time.Time) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.exec(ctx, nil, `UPDATE enrolment SET blocked = FALSE WHERE subject = $1`, subject); err != nil {
			return err
		}
		return s.exec(ctx, mfa.ErrLink, `UPDATE enrol_link SET used_at = $3
			WHERE id = $1 AND subject = $2 AND used_at = 0 AND expires_at > $3`, id, subject, micros(now))
	})
}
