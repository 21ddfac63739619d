package storage

import (
	"context"
	"encoding/json"
	"time"

	"vestibule/provider/store"
	"vestibule/web/notice"
)

// AddNotice implements notice.Outbox.
func (s *Store) AddNotice(ctx context.Context, n notice.Notice) error {
	detail, err := json.Marshal(n.Detail)
	if err != nil {
		return err
	}
	return s.exec(ctx, nil, `INSERT INTO notice
		(id, subject, kind, address, actor, detail, recipient, created_at, due_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		n.ID, n.Subject, n.Kind, n.Address, n.Actor, string(detail), n.Recipient, micros(n.Time), micros(n.Due))
}

// DueNotices implements notice.Outbox.
func (s *Store) DueNotices(ctx context.Context, now time.Time, limit int) ([]notice.Notice, error) {
	return all(ctx, s, scanNotice, `SELECT id, subject, kind, address, actor, detail, recipient, created_at, due_at
		FROM notice WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2`, micros(now), limit)
}

func scanNotice(r row) (notice.Notice, error) {
	var n notice.Notice
	var detail string
	var created, due int64
	err := r.Scan(&n.ID, &n.Subject, &n.Kind, &n.Address, &n.Actor, &detail, &n.Recipient, &created, &due)
	if err == nil {
		err = json.Unmarshal([]byte(detail), &n.Detail)
	}
	n.Time, n.Due = instant(created), instant(due)
	return n, err
}

// NoticeWaits reports whether a notice of that kind, for the subject, from that time or after it, was not sent yet.
func (s *Store) NoticeWaits(ctx context.Context, subject, kind string, since time.Time) (bool, error) {
	n, err := s.number(ctx, `SELECT count(*) FROM notice WHERE subject = $1 AND kind = $2 AND created_at >= $3`, subject, kind, micros(since))
	return n > 0, err
}

// MoveNotice implements notice.Outbox.
func (s *Store) MoveNotice(ctx context.Context, id string, from, to time.Time) error {
	return s.exec(ctx, store.ErrConflict, `UPDATE notice SET due_at = $3
		WHERE id = $1 AND due_at = $2`, id, micros(from), micros(to))
}

// DeleteNotice implements notice.Outbox.
func (s *Store) DeleteNotice(ctx context.Context, id string) error {
	return s.exec(ctx, nil, `DELETE FROM notice WHERE id = $1`, id)
}
