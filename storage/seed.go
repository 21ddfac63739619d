package storage

import (
	"context"
	"strings"

	"vestibule/mfa"
	"vestibule/provider/operator"
	"vestibule/provider/store"
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

// AddSeeded inserts accounts with that password hash, and an authenticator for each, with one statement a table: all, or
// store.ErrConflict if one of the subjects or user names is taken.
func (s *Store) AddSeeded(ctx context.Context, hash string, all []operator.SeededAccount) error {
	var accounts, names, enrolments, factors rows
	for _, a := range all {
		f := a.Factor
		accounts.add(a.Subject, a.Username, a.Name, "", false, "", "", false, hash, micros(a.Created), micros(a.Updated), 0)
		names.add(a.Username, a.Subject)
		enrolments.add(a.Subject, 1)
		factors.add(f.ID, f.Subject, f.Kind, f.Name, mfa.NameKey(f.Name), f.KeyID, f.Secret, f.Params, f.Counter, micros(f.Created), 0)
	}
	return s.Atomic(ctx, func(ctx context.Context) error {
		for _, t := range []struct {
			into string
			rows rows
		}{
			{`account (subject, username, name, email, email_verified, attributes, groups, disabled, password_hash, created_at,
				updated_at, signed_in_at)`, accounts},
			{`account_name (name, subject)`, names},
			{`enrolment (subject, generation)`, enrolments},
			{`authenticator (id, subject, kind, name, name_key, key_id, secret, params, counter, created_at, used_at)`, factors},
		} {
			if err := s.exec(ctx, store.ErrConflict, `INSERT INTO `+t.into+` VALUES `+strings.Join(t.rows.places, ", "), t.rows.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// rows are the values of one INSERT.
type rows struct {
	places []string
	args   []any
}

func (r *rows) add(values ...any) {
	r.places = append(r.places, places(len(r.args), len(values)))
	r.args = append(r.args, values...)
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
		if err := s.end(ctx, theirs, theirs, args...); err != nil {
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
