package storage

import (
	"context"
	"strings"

	"vestibule/provider/account"
)

// notEnrolled is true of an account a that is in use and has no authenticator of the kinds that $1 has from kindList.
const notEnrolled = `NOT a.disabled AND NOT EXISTS (SELECT 1 FROM authenticator f
	WHERE f.subject = a.subject AND ($1 = '*' OR $1 LIKE '% ' || f.kind || ' %'))`

// kindList is how notEnrolled takes kinds; nil: any.
func kindList(kinds []string) string {
	if kinds == nil {
		return "*"
	}
	return " " + strings.Join(kinds, " ") + " "
}

// AccountsWithoutFactor returns the accounts that are not disabled and have no authenticator of the kinds, nil being any,
// by user name.
func (s *Store) AccountsWithoutFactor(ctx context.Context, kinds []string) ([]account.Account, error) {
	scan := func(r row) (account.Account, error) {
		a, err := scanAccount(r)
		return a.Account, err
	}
	return all(ctx, s, scan, `SELECT `+accountColumns+` FROM account a WHERE `+notEnrolled+` ORDER BY username`, kindList(kinds))
}

// ActiveAccounts returns how many accounts are not disabled.
func (s *Store) ActiveAccounts(ctx context.Context) (int, error) {
	n, err := s.number(ctx, `SELECT count(*) FROM account WHERE NOT disabled`)
	return int(n), err
}

// ClientsWithoutFactor returns which clients the AccountsWithoutFactor use, by subject: those that they have allowed for
// good, and those that they signed in at in the last months.
func (s *Store) ClientsWithoutFactor(ctx context.Context, kinds []string) (map[string][]string, error) {
	used := map[string][]string{}
	_, err := all(ctx, s, func(r row) (struct{}, error) {
		var subject, client string
		err := r.Scan(&subject, &client)
		used[subject] = append(used[subject], client)
		return struct{}{}, err
	}, `SELECT u.subject, u.client FROM
			(SELECT subject, client FROM consent WHERE `+notGone+`
				UNION SELECT subject, client FROM code WHERE `+registered+`) u
			JOIN account a ON a.subject = u.subject
		WHERE `+notEnrolled+`
		ORDER BY u.subject, u.client`, kindList(kinds))
	return used, err
}
