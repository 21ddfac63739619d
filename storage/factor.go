package storage

import (
	"context"

	"vestibule/mfa"
)

const kindsQuery = `SELECT kind, params, MAX(used_at) FROM authenticator WHERE subject = $1 GROUP BY kind, params`

func scanKind(r row) (k mfa.KindParams, err error) {
	var used int64
	err = r.Scan(&k.Kind, &k.Params, &used)
	k.Used = instant(used)
	return k, err
}

// KindsOf implements mfa.Store.
func (s *Store) KindsOf(ctx context.Context, subject string) ([]mfa.KindParams, error) {
	return all(ctx, s, scanKind, kindsQuery, subject)
}

// KindsAlong implements mfa.Store.
func (s *Store) KindsAlong(ctx context.Context, subject string) (context.Context, func(context.Context) ([]mfa.KindParams, error)) {
	return along(ctx, s, scanKind, kindsQuery, subject)
}

func (s *Store) authenticatorIDs(ctx context.Context, subject string) ([]string, error) {
	return all(ctx, s, func(r row) (id string, err error) {
		err = r.Scan(&id)
		return id, err
	}, `SELECT id FROM authenticator WHERE subject = $1 ORDER BY id`, subject)
}

// factorRow is one line of the join in Factors: an authenticator, the recovery set, and one of its
// codes. What is not there is empty.
type factorRow struct {
	generation    int64
	authenticator mfa.Authenticator
	set           mfa.RecoverySet
	digest        []byte
}

func scanFactor(r row) (*factorRow, error) {
	f := new(factorRow)
	a, set := &f.authenticator, &f.set
	var created, used, made int64
	err := r.Scan(&f.generation, &a.ID, &a.Kind, &a.Name, &a.KeyID, &a.Secret, &a.Params, &a.Counter,
		&created, &used, &set.ID, &set.Salt, &set.Params, &set.Total, &made, &f.digest)
	a.Created, a.LastUsed, set.Created = instant(created), instant(used), instant(made)
	return f, err
}

// factorsQuery is one statement, for it is read with each code that is checked: each authenticator comes with each unused
// recovery code, a hundred short rows at most.
const factorsQuery = `SELECT e.generation,
		COALESCE(a.id, ''), COALESCE(a.kind, ''), COALESCE(a.name, ''), COALESCE(a.key_id, ''), a.secret,
		COALESCE(a.params, ''), COALESCE(a.counter, 0),
		COALESCE(a.created_at, 0), COALESCE(a.used_at, 0),
		COALESCE(r.id, ''), r.salt, COALESCE(r.params, ''), COALESCE(r.total, 0), COALESCE(r.created_at, 0), c.digest
	FROM enrolment e
		LEFT JOIN authenticator a ON a.subject = e.subject
		LEFT JOIN recovery_set r ON r.subject = e.subject
		LEFT JOIN recovery_code c ON c.set_id = r.id AND c.used_at = 0
	WHERE e.subject = $1
	ORDER BY a.created_at, a.id`

// Factors implements mfa.Store.
func (s *Store) Factors(ctx context.Context, subject string) (mfa.Factors, error) {
	rows, err := all(ctx, s, scanFactor, factorsQuery, subject)
	return factors(rows, subject), err
}

// FactorsAlong implements mfa.Store.
func (s *Store) FactorsAlong(ctx context.Context, subject string) (context.Context, func(context.Context) (mfa.Factors, error)) {
	ctx, found := along(ctx, s, scanFactor, factorsQuery, subject)
	return ctx, func(ctx context.Context) (mfa.Factors, error) {
		rows, err := found(ctx)
		return factors(rows, subject), err
	}
}

func factors(rows []*factorRow, subject string) mfa.Factors {
	if len(rows) == 0 {
		return mfa.Factors{}
	}
	return mfa.Factors{Generation: rows[0].generation, Authenticators: authenticators(rows, subject), Recovery: recoverySet(rows, subject)}
}

func authenticators(rows []*factorRow, subject string) []mfa.Authenticator {
	var found []mfa.Authenticator
	last := ""
	for _, r := range rows {
		if r.authenticator.ID != last {
			last = r.authenticator.ID
			r.authenticator.Subject = subject
			found = append(found, r.authenticator)
		}
	}
	return found
}

// recoverySet collects the digests that come with the first authenticator: with the others the
// same ones come again.
func recoverySet(rows []*factorRow, subject string) *mfa.RecoverySet {
	set := rows[0].set
	if set.ID == "" {
		return nil
	}
	set.Subject = subject
	for _, r := range rows {
		if r.authenticator.ID == rows[0].authenticator.ID && r.digest != nil {
			set.Digests = append(set.Digests, r.digest)
		}
	}
	return &set
}

// Activate makes the authenticator and the recovery set live, or fails with mfa.ErrChanged.
func (s *Store) Activate(ctx context.Context, subject, owner string, basis int64, a *mfa.Authenticator, r *mfa.RecoverySet) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		for _, step := range []func() error{
			func() error {
				return s.exec(ctx, nil, `INSERT INTO enrolment (subject, generation) VALUES ($1, 0)
					ON CONFLICT (subject) DO NOTHING`, subject)
			},
			func() error {
				// Who is blocked sets up nothing, unless a link has ended that in this commit.
				return s.exec(ctx, mfa.ErrChanged, `UPDATE enrolment SET generation = generation + 1
					WHERE subject = $1 AND generation = $2 AND blocked = FALSE`, subject, basis)
			},
			func() error {
				return s.exec(ctx, mfa.ErrChanged, `DELETE FROM setup WHERE owner = $1 AND subject = $2`, owner, subject)
			},
			func() error { return s.addAuthenticator(ctx, a) },
			func() error { return s.replaceRecovery(ctx, r) },
		} {
			if err := step(); err != nil {
				return err
			}
		}
		return nil
	})
}

// Add makes the authenticator live without a set-up, or fails with mfa.ErrChanged.
func (s *Store) Add(ctx context.Context, basis int64, a mfa.Authenticator) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.exec(ctx, nil, `INSERT INTO enrolment (subject, generation) VALUES ($1, 0) ON CONFLICT (subject) DO NOTHING`, a.Subject)
		if err != nil {
			return err
		}
		// The operator who adds it vouches for the user: the block after a reset ends.
		err = s.exec(ctx, mfa.ErrChanged, `UPDATE enrolment SET generation = generation + 1, blocked = FALSE
			WHERE subject = $1 AND generation = $2`, a.Subject, basis)
		if err != nil {
			return err
		}
		return s.addAuthenticator(ctx, &a)
	})
}

// Rename gives the authenticator another name. It holds the row of the enrolment, so that no change of the factors
// passes between the check of the name and this.
func (s *Store) Rename(ctx context.Context, subject, id string, basis int64, name string) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.exec(ctx, mfa.ErrChanged, `UPDATE enrolment SET generation = generation WHERE subject = $1 AND generation = $2`,
			subject, basis)
		if err != nil {
			return err
		}
		err = s.exec(ctx, mfa.ErrNotEnrolled, `UPDATE authenticator SET name = $3, name_key = $4 WHERE id = $1 AND subject = $2`, id, subject, name, mfa.NameKey(name))
		if err != nil {
			return err
		}
		return s.exec(ctx, nil, `DELETE FROM setup WHERE subject = $1 AND name_key = $2 AND confirmed AND authenticator <> ''`, subject, mfa.NameKey(name))
	})
}

func (s *Store) addAuthenticator(ctx context.Context, a *mfa.Authenticator) error {
	if a == nil {
		return nil
	}
	return s.exec(ctx, nil, `INSERT INTO authenticator (id, subject, kind, name, name_key, key_id, secret, params, counter,
			created_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		a.ID, a.Subject, a.Kind, a.Name, mfa.NameKey(a.Name), a.KeyID, a.Secret, a.Params, a.Counter,
		micros(a.Created), micros(a.LastUsed))
}

func (s *Store) replaceRecovery(ctx context.Context, r *mfa.RecoverySet) error {
	if r == nil {
		return nil
	}
	if err := s.exec(ctx, nil, `DELETE FROM recovery_set WHERE subject = $1`, r.Subject); err != nil {
		return err
	}
	err := s.exec(ctx, nil, `INSERT INTO recovery_set (id, subject, salt, params, total, created_at)
		VALUES ($1, $2, $3, $4, $5, $6)`, r.ID, r.Subject, r.Salt, r.Params, len(r.Digests), micros(r.Created))
	for _, digest := range r.Digests {
		if err == nil {
			err = s.insert(ctx, `INSERT INTO recovery_code (set_id, digest, used_at)`, r.ID, digest, 0)
		}
	}
	return err
}

// RequireFactors makes the commit of ctx rest on the generation: mfa.ErrChanged if it is another one.
func (s *Store) RequireFactors(ctx context.Context, subject string, basis int64) error {
	return s.exec(ctx, mfa.ErrChanged, `UPDATE enrolment SET generation = generation WHERE subject = $1 AND generation = $2`, subject, basis)
}

// RequireNoFactor makes the commit of ctx rest on the subject's having no authenticator: mfa.ErrChanged, and nothing of the commit, if
// there is one. The commit must have changed the account by then, which whoever adds the first one rests on.
func (s *Store) RequireNoFactor(ctx context.Context, subject string) error {
	return s.lock(ctx, accountRank, mfa.ErrChanged, `SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM authenticator WHERE subject = $1)`, subject)
}

// Remove deletes the authenticator, with what would spare the subject a code or give another, and all else of the subject
// if it was the last. A set-up under way ends by the generation.
// mfa.ErrNotEnrolled if it is gone.
func (s *Store) Remove(ctx context.Context, subject, id string) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.raise(ctx, subject); err != nil {
			return err
		}
		err := s.exec(ctx, mfa.ErrNotEnrolled, `DELETE FROM authenticator WHERE id = $1 AND subject = $2`, id, subject)
		if err != nil {
			return err
		}
		if err := s.endFavours(ctx, subject); err != nil {
			return err
		}
		return s.forget(ctx, subject)
	})
}

// RemoveSpare deletes the authenticator if the subject has another; else mfa.ErrLast.
func (s *Store) RemoveSpare(ctx context.Context, subject, id string) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.raise(ctx, subject); err != nil {
			return err
		}
		err := s.exec(ctx, mfa.ErrLast, `DELETE FROM authenticator WHERE id = $1 AND subject = $2
			AND EXISTS (SELECT 1 FROM authenticator other WHERE other.subject = $2 AND other.id <> $1)`, id, subject)
		if err != nil {
			return err
		}
		return s.endFavours(ctx, subject)
	})
}

// Reset deletes all factors of the subject and reports how many authenticators there were.
func (s *Store) Reset(ctx context.Context, subject string) (int, error) {
	ids, err := s.authenticatorIDs(ctx, subject)
	if err != nil {
		return 0, err
	}
	return len(ids), s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.raise(ctx, subject); err != nil {
			return err
		}
		for _, id := range ids { // in the order in which a rotation of the secret keys locks them
			if err := s.exec(ctx, nil, `DELETE FROM authenticator WHERE id = $1`, id); err != nil {
				return err
			}
		}
		if err := s.exec(ctx, nil, `DELETE FROM authenticator WHERE subject = $1`, subject); err != nil { // what came since
			return err
		}
		return s.forget(ctx, subject)
	})
}

// raise comes first in each change. On PostgreSQL it holds the row, so that the statements after it
// see what the change before this one has left.
func (s *Store) raise(ctx context.Context, subject string) error {
	return s.exec(ctx, nil, `UPDATE enrolment SET generation = generation + 1 WHERE subject = $1`, subject)
}

// forget deletes what means nothing without an authenticator, if there is none.
func (s *Store) forget(ctx context.Context, subject string) error {
	const without = ` AND NOT EXISTS (SELECT 1 FROM authenticator WHERE subject = $1)`
	if err := s.exec(ctx, nil, `DELETE FROM recovery_set WHERE subject = $1`+without, subject); err != nil {
		return err
	}
	if err := s.exec(ctx, nil, `DELETE FROM setup WHERE subject = $1`+without, subject); err != nil {
		return err
	}
	// Those at the password are no guesses at a factor. What may be guessed at meanwhile waits for the rows above.
	return s.exec(ctx, nil, `DELETE FROM guess WHERE owner = $1 AND budget NOT LIKE 'pwd:%'`+without, subject)
}
