package storage

import (
	"context"

	"vestibule/mfa"
	"vestibule/provider/operator"
)

// SeededAccounts returns the subjects of all accounts that were made to measure with, and how many others there are.
func (s *Store) SeededAccounts(ctx context.Context) (subjects []string, others int64, err error) {
	const seeded = `substr(subject, 1, length($1)) = $1` // a range of texts would go by the language of the database
	subjects, err = all(ctx, s, func(r row) (subject string, err error) {
		err = r.Scan(&subject)
		return subject, err
	}, `SELECT subject FROM account WHERE `+seeded+` ORDER BY username`, operator.SeedPrefix)
	if err != nil {
		return nil, 0, err
	}
	others, err = s.number(ctx, `SELECT count(*) FROM account WHERE NOT `+seeded, operator.SeedPrefix)
	return subjects, others, err
}

// AddSeeded inserts accounts with that password hash, and an authenticator for each: all, or store.ErrConflict if one of the
// subjects or user names is taken.
func (s *Store) AddSeeded(ctx context.Context, hash string, all []operator.SeededAccount) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		for _, a := range all {
			if err := s.addSeeded(ctx, hash, a); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) addSeeded(ctx context.Context, hash string, a operator.SeededAccount) error {
	f := a.Factor
	for _, r := range []struct {
		into   string
		values []any
	}{
		{`INSERT INTO account (subject, username, name, email, email_verified, attributes, groups, disabled, password_hash,
			created_at, updated_at, signed_in_at)`, []any{a.Subject, a.Username, a.Name, "", false, "", "", false, hash,
			micros(a.Created), micros(a.Updated), 0}},
		{`INSERT INTO account_name (name, subject)`, []any{a.Username, a.Subject}},
		{`INSERT INTO enrolment (subject, generation)`, []any{a.Subject, 1}},
		{`INSERT INTO authenticator (id, subject, kind, name, name_key, key_id, secret, params, counter, created_at, used_at)`,
			[]any{f.ID, f.Subject, f.Kind, f.Name, mfa.NameKey(f.Name), f.KeyID, f.Secret, f.Params, f.Counter, micros(f.Created), 0}},
	} {
		if err := s.insert(ctx, r.into, r.values...); err != nil {
			return err
		}
	}
	return nil
}

// DeleteAccounts removes accounts with all that is theirs, in one commit. What they have open ends first, as with
// EndAccess: whoever is being given something at that moment finds the account gone, or is found. Rows of codes that are
// worth nothing any more follow with Purge, and what happened stays in the audit log.
func (s *Store) DeleteAccounts(ctx context.Context, subjects []string) error {
	theirs, args := `subject IN `+places(0, len(subjects)), anys(subjects)
	return s.Atomic(ctx, func(ctx context.Context) error {
		if err := s.lock(ctx, accountRank, nil, `UPDATE account SET epoch = epoch + 1 WHERE `+theirs, args...); err != nil {
			return err
		}
		if err := s.end(ctx, nil, theirs, theirs, args...); err != nil {
			return err
		}
		for _, query := range []string{
			`DELETE FROM enrolment WHERE `, // first, as with each change of factors
			`DELETE FROM authenticator WHERE `, `DELETE FROM recovery_set WHERE `, `DELETE FROM setup WHERE `,
			`DELETE FROM browser WHERE `, `DELETE FROM enrol_link WHERE `, `DELETE FROM reset WHERE `, `DELETE FROM consent WHERE `,
			`DELETE FROM notice WHERE `, `DELETE FROM revocation WHERE `,
			`DELETE FROM account WHERE `, // its names go with it
		} {
			if err := s.exec(ctx, nil, query+theirs, args...); err != nil {
				return err
			}
		}
		return s.exec(ctx, nil, `DELETE FROM guess WHERE owner IN `+places(0, len(subjects)), args...)
	})
}
