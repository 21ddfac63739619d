package storage

import (
	"context"
	"time"

	"vestibule/provider/operator"
	"vestibule/provider/store"
)

// registrationHour is the time in which the registrations of a network are counted.
const registrationHour = time.Hour

// CountRegistration implements operator.Registrations. All registrations take the row of the empty network first, so that what
// is counted behind it is all that there is.
func (s *Store) CountRegistration(ctx context.Context, network string, l operator.RegistrationLimits, now time.Time) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.exec(ctx, nil, `INSERT INTO registration_count (network, started_at, clients) VALUES ('', $1, 0)
			ON CONFLICT (network) DO UPDATE SET started_at = excluded.started_at`, micros(now))
		if err != nil {
			return err
		}
		if network != "" {
			if err := s.countNetwork(ctx, network, l.PerHour, now); err != nil {
				return err
			}
		}
		return s.exec(ctx, operator.ErrFull, `SELECT 1 WHERE (SELECT count(*) FROM client WHERE strange = TRUE) < $1`, l.Total)
	})
}

// countNetwork begins a new hour with the first registration after the last one.
func (s *Store) countNetwork(ctx context.Context, network string, most int, now time.Time) error {
	return s.exec(ctx, operator.ErrManyRegistrations, `INSERT INTO registration_count (network, started_at, clients) VALUES ($1, $2, 1)
		ON CONFLICT (network) DO UPDATE SET
			clients = CASE WHEN registration_count.started_at <= $3 THEN 1 ELSE registration_count.clients + 1 END,
			started_at = CASE WHEN registration_count.started_at <= $3 THEN excluded.started_at ELSE registration_count.started_at END
		WHERE registration_count.started_at <= $3 OR registration_count.clients < $4`,
		network, micros(now), micros(now.Add(-registrationHour)), most)
}

const initialTokenColumns = `id, hash, uses, uses_left, created_at, expires_at`

func scanInitialToken(r row) (operator.InitialToken, error) {
	var t operator.InitialToken
	var created, expires int64
	err := r.Scan(&t.ID, &t.Hash, &t.Uses, &t.Left, &created, &expires)
	t.Created, t.Expires = instant(created), instant(expires)
	return t, err
}

// AddInitialToken implements operator.Registrations.
func (s *Store) AddInitialToken(ctx context.Context, t operator.InitialToken) error {
	return s.exec(ctx, store.ErrConflict, `INSERT INTO initial_token (`+initialTokenColumns+`) VALUES ($1, $2, $3, $4, $5, $6)`,
		t.ID, t.Hash, t.Uses, t.Left, micros(t.Created), micros(t.Expires))
}

// InitialTokens implements operator.Registrations.
func (s *Store) InitialTokens(ctx context.Context) ([]operator.InitialToken, error) {
	return all(ctx, s, scanInitialToken, `SELECT `+initialTokenColumns+` FROM initial_token ORDER BY created_at, id`)
}

// InitialToken implements operator.Registrations.
func (s *Store) InitialToken(ctx context.Context, hash string, now time.Time) (operator.InitialToken, error) {
	return one(ctx, s, scanInitialToken, `SELECT `+initialTokenColumns+` FROM initial_token
		WHERE hash = $1 AND uses_left > 0 AND expires_at > $2`, hash, micros(now))
}

// SpendInitialToken implements operator.Registrations.
func (s *Store) SpendInitialToken(ctx context.Context, hash string, now time.Time) error {
	return s.exec(ctx, store.ErrNotFound, `UPDATE initial_token SET uses_left = uses_left - 1
		WHERE hash = $1 AND uses_left > 0 AND expires_at > $2`, hash, micros(now))
}

// DeleteInitialToken implements operator.Registrations.
func (s *Store) DeleteInitialToken(ctx context.Context, id string) error {
	return s.exec(ctx, store.ErrNotFound, `DELETE FROM initial_token WHERE id = $1`, id)
}

// unused is true of a client that has registered itself and was not changed since $1. NOT EXISTS would be a join to PostgreSQL,
// which can be made by reading all codes.
const unused = `strange = TRUE AND updated_at < $1
	AND (SELECT code.client FROM code WHERE code.client = client.id AND code.registration = client.registration LIMIT 1) IS NULL
	AND (SELECT consent.client FROM consent WHERE consent.client = client.id AND consent.registration = client.registration LIMIT 1) IS NULL`

// UnusedClients implements operator.Registrations.
func (s *Store) UnusedClients(ctx context.Context, since time.Time, most int) ([]string, error) {
	return all(ctx, s, func(r row) (id string, err error) {
		err = r.Scan(&id)
		return id, err
	}, `SELECT id FROM client WHERE `+unused+` ORDER BY updated_at LIMIT $2`, micros(since), most)
}

// RequireUnused implements operator.Registrations.
func (s *Store) RequireUnused(ctx context.Context, id string, since time.Time) error {
	return s.exec(ctx, store.ErrConflict, `SELECT 1 FROM client WHERE `+unused+` AND id = $2`, micros(since), id)
}
