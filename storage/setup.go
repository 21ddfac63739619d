package storage

import (
	"context"
	"errors"
	"time"

	"vestibule/mfa"
	"vestibule/provider/store"
)

func scanSetup(r row) (mfa.Setup, error) {
	var p mfa.Setup
	var created, expires int64
	err := r.Scan(&p.Owner, &p.Subject, &p.ID, &p.Kind, &p.Basis, &p.KeyID, &p.Sealed, &p.Confirmed, &p.Name, &created, &expires)
	p.Created, p.Expires = instant(created), instant(expires)
	return p, err
}

// Setup returns the owner's set-up, expired or not, or mfa.ErrNoSetup.
func (s *Store) Setup(ctx context.Context, owner string) (mfa.Setup, error) {
	p, err := one(ctx, s, scanSetup, `SELECT owner, subject, authenticator, kind, basis, key_id, sealed, confirmed, name,
		created_at, expires_at FROM setup WHERE owner = $1`, owner)
	if errors.Is(err, store.ErrNotFound) {
		err = mfa.ErrNoSetup
	}
	return p, err
}

// SaveSetup inserts or replaces the owner's set-up.
func (s *Store) SaveSetup(ctx context.Context, p mfa.Setup) error {
	return s.exec(ctx, nil, `INSERT INTO setup (owner, subject, authenticator, kind, basis, key_id, sealed, confirmed, name,
			created_at, expires_at, name_key) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (owner) DO UPDATE SET subject = excluded.subject, authenticator = excluded.authenticator, kind = excluded.kind,
			basis = excluded.basis, key_id = excluded.key_id, sealed = excluded.sealed, confirmed = excluded.confirmed,
			name = excluded.name, name_key = excluded.name_key, created_at = excluded.created_at, expires_at = excluded.expires_at`,
		p.Owner, p.Subject, p.ID, p.Kind, p.Basis, p.KeyID, p.Sealed, p.Confirmed, p.Name, micros(p.Created), micros(p.Expires),
		mfa.NameKey(p.Name))
}

// ConfirmSetup replaces the owner's set-up by what a right answer has made of it. mfa.ErrNoSetup if it is gone, or
// another: cancelled meanwhile, say, in another tab.
func (s *Store) ConfirmSetup(ctx context.Context, p mfa.Setup) error {
	return s.exec(ctx, mfa.ErrNoSetup, `UPDATE setup SET key_id = $4, sealed = $5, confirmed = $6, name = $7, name_key = $8
		WHERE owner = $1 AND subject = $2 AND authenticator = $3`,
		p.Owner, p.Subject, p.ID, p.KeyID, p.Sealed, p.Confirmed, p.Name, mfa.NameKey(p.Name))
}

// DeleteSetup removes the owner's set-up; none is no error.
func (s *Store) DeleteSetup(ctx context.Context, owner string) error {
	return s.exec(ctx, nil, `DELETE FROM setup WHERE owner = $1`, owner)
}

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
