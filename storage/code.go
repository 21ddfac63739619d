package storage

import (
	"context"
	"strings"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
)

// remember is how long a code is known as used, and its family with it, beyond its use. The default absolute end of a family
// is as far away: a code or a refresh token that is used twice ends it at any time.
const remember = 90 * 24 * time.Hour

const codeColumns = `signature, family, client, subject, session, allowed, data, created_at, expires_at, used, revoked`

func scanCode(r row) (tokens.Code, error) {
	var c tokens.Code
	var allowed string
	var created, expires, changed int64
	err := r.Scan(&c.Signature, &c.Family, &c.Client, &c.Subject, &c.Session, &allowed, &c.Data, &created, &expires,
		&c.Used, &c.Revoked, &changed)
	c.Allowed = wordsOf(allowed)
	c.Created, c.Expires, c.Changed = instant(created), instant(expires), instant(changed)
	return c, err
}

// SaveCode inserts a code, for the client as it was read. client.ErrChanged if it is registered otherwise by now;
// store.ErrConflict if the family has a code. It takes no lock on the client, whose row would be locked by each of its
// sign-ins: a code that is saved while the client goes names a registration that never comes back.
func (s *Store) SaveCode(ctx context.Context, c tokens.Code, of client.Client) error {
	return s.saveCode(ctx, c, c.Expires.Add(remember), of)
}

func (s *Store) saveCode(ctx context.Context, c tokens.Code, keep time.Time, of client.Client) error {
	return s.execApart(ctx, client.ErrChanged, `INSERT INTO code (`+codeColumns+`, offline, keep_until, registration)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, FALSE, FALSE, $11, registration FROM client
		WHERE id = $3 AND registration = $12 AND updated_at = $13`,
		c.Signature, c.Family, c.Client, c.Subject, c.Session, strings.Join(c.Allowed, " "), c.Data, micros(c.Created), micros(c.Expires), c.Used,
		micros(keep), of.Registration, micros(of.Updated))
}

// SaveClientToken inserts an access token that the client has got for itself. client.ErrChanged if the client is registered
// otherwise by now. There was no code: the row in its place says what the token rests on, was used from the beginning, and is
// kept no longer than the token.
func (s *Store) SaveClientToken(ctx context.Context, t tokens.Token, of client.Client) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		stands := tokens.Code{Signature: t.Family, Family: t.Family, Client: t.Client, Created: t.Created, Expires: t.Expires, Used: true}
		if err := s.saveCode(ctx, stands, t.Expires, of); err != nil {
			return err
		}
		return s.insertAccess(ctx, []tokens.Token{t}, 0, "", nil)
	})
}

// registered is true of a code whose client still is the one that it was made for.
const registered = `EXISTS (SELECT 1 FROM client WHERE client.id = code.client AND client.registration = code.registration)`

// Code returns the code, used, revoked or expired or not, or store.ErrNotFound. One of a client that is gone is none.
func (s *Store) Code(ctx context.Context, signature string) (tokens.Code, error) {
	return one(ctx, s, scanCode, `SELECT `+codeColumns+`, (SELECT c.updated_at FROM client c WHERE c.id = code.client)
		FROM code WHERE signature = $1 AND `+registered, signature)
}

// SessionClients returns the ids of the clients that have had an answer in the session, as they are registered now.
func (s *Store) SessionClients(ctx context.Context, session string) ([]string, error) {
	return all(ctx, s, func(r row) (id string, err error) {
		err = r.Scan(&id)
		return id, err
	}, `SELECT DISTINCT client FROM code WHERE session = $1 AND used = TRUE AND `+registered+` ORDER BY client`, session)
}

// Exchange marks the code used and inserts the tokens, all or nothing. store.ErrConflict if the code was used before, or it or
// its client is gone. It holds the code's row, which whoever revokes the family wants first.
func (s *Store) Exchange(ctx context.Context, code string, made []tokens.Token) error {
	access, refresh := split(made)
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.execOne(ctx, store.ErrConflict, `UPDATE code SET used = TRUE, offline = $2, `+setRefresh(3)+`
			WHERE signature = $1 AND used = FALSE AND revoked = FALSE AND `+registered,
			code, append([]any{refresh.Signature != ""}, refreshArgs(refresh)...)...)
		if err != nil {
			return err
		}
		return s.insertAccess(ctx, access, 0, "", nil)
	})
}
