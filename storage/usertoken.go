package storage

import (
	"context"
	"strings"

	"vestibule/provider/account"
	"vestibule/provider/tokens"
)

// userOfToken is the columns of the account a of a token.
var userOfToken = "a." + strings.Join(strings.Fields(accountColumns), " a.")

// UserToken is Token with the account of its subject, by one statement. store.ErrNotFound also if there is no such account.
func (s *Store) UserToken(ctx context.Context, k tokens.Key) (tokens.Token, account.Account, error) {
	f := find(k)
	type tokenOfUser struct {
		tokens.Token
		user accountRow
	}
	found, err := one(ctx, s, func(r row) (tokenOfUser, error) {
		t, a := newTokenScan(k), accountScan{}
		if err := r.Scan(append(t.dest(), a.dest()...)...); err != nil {
			return tokenOfUser{}, err
		}
		user, err := a.account()
		return tokenOfUser{t.token(), user}, err
	}, `SELECT `+f.columns+`, `+userOfToken+` FROM `+f.tables+` JOIN account a ON a.subject = code.subject WHERE `+f.condition, f.args...)
	return found.Token, found.user.Account, err
}
