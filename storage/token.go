package storage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"vestibule/provider/client"
	"vestibule/provider/dpop"
	"vestibule/provider/store"
	"vestibule/provider/tokens"
)

// remember is how long a used code or refresh token is known as such beyond its use. The default
// absolute end of a family is as far away: a token that is used twice ends it at any time.
const remember = 90 * 24 * time.Hour

const codeColumns = `signature, family, client, subject, session, data, created_at, expires_at, used, revoked`

func scanCode(r row) (tokens.Code, error) {
	var c tokens.Code
	var created, expires, changed int64
	err := r.Scan(&c.Signature, &c.Family, &c.Client, &c.Subject, &c.Session, &c.Data, &created, &expires,
		&c.Used, &c.Revoked, &changed)
	c.Created, c.Expires, c.Changed = instant(created), instant(expires), instant(changed)
	return c, err
}

// SaveCode inserts a code, for the client as it was read. client.ErrChanged if it is registered otherwise by now;
// store.ErrConflict if the family has a code. It takes no lock on the client, whose row would be locked by each of its
// sign-ins: a code that is saved while the client goes names a registration that never comes back.
func (s *Store) SaveCode(ctx context.Context, c tokens.Code, of client.Client) error {
	return s.exec(ctx, client.ErrChanged, `INSERT INTO code (`+codeColumns+`, offline, registration)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, FALSE, FALSE, registration FROM client
		WHERE id = $3 AND registration = $10 AND updated_at = $11`,
		c.Signature, c.Family, c.Client, c.Subject, c.Session, c.Data, micros(c.Created), micros(c.Expires), c.Used,
		of.Registration, micros(of.Updated))
}

// SaveClientToken inserts an access token that the client has got for itself. client.ErrChanged if the client is registered
// otherwise by now. There was no code: the row in its place says what the token rests on, was used from the beginning, and has
// been over for so long that Purge deletes it when the token is gone.
func (s *Store) SaveClientToken(ctx context.Context, t tokens.Token, of client.Client) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.exec(ctx, client.ErrChanged, `INSERT INTO code (`+codeColumns+`, offline, registration)
			SELECT $1, $1, $2, $3, $3, NULL, $4, $5, TRUE, FALSE, FALSE, registration FROM client
			WHERE id = $2 AND registration = $6 AND updated_at = $7`,
			t.Family, t.Client, "", micros(t.Created), micros(t.Expires.Add(-remember)), of.Registration, micros(of.Updated))
		if err != nil {
			return err
		}
		return s.insertTokens(ctx, []tokens.Token{t})
	})
}

// registered is true of a code whose client still is the one that it was made for.
const registered = `EXISTS (SELECT 1 FROM client WHERE client.id = code.client AND client.registration = code.registration)`

// changed is a column: when the client of a code or token was last changed.
func changed(table string) string {
	return `, (SELECT c.updated_at FROM client c WHERE c.id = ` + table + `.client)`
}

// Code returns the code, used, revoked or expired or not, or store.ErrNotFound. One of a client that is gone is none.
func (s *Store) Code(ctx context.Context, signature string) (tokens.Code, error) {
	return one(ctx, s, scanCode, `SELECT `+codeColumns+changed(`code`)+` FROM code WHERE signature = $1 AND `+registered, signature)
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
	offline := slices.ContainsFunc(made, func(t tokens.Token) bool { return t.Kind == tokens.RefreshToken })
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.exec(ctx, store.ErrConflict, `UPDATE code SET used = TRUE, offline = $2
			WHERE signature = $1 AND used = FALSE AND revoked = FALSE AND `+registered, code, offline)
		if err != nil {
			return err
		}
		return s.insertTokens(ctx, made)
	})
}

const tokenColumns = `kind, signature, family, client, subject, session, data, created_at, expires_at, used_at, replay`

func scanToken(r row) (tokens.Token, error) {
	var t tokens.Token
	var created, expires, used, changed int64
	err := r.Scan(&t.Kind, &t.Signature, &t.Family, &t.Client, &t.Subject, &t.Session, &t.Data,
		&created, &expires, &used, &t.Replay, &changed)
	t.Created, t.Expires, t.UsedAt, t.Changed = instant(created), instant(expires), instant(used), instant(changed)
	return t, err
}

// alive is false for a token whose family was revoked, or whose client is not the one that it was made for. It holds by
// what is in the table when the token is used: on PostgreSQL a rotation under way while the family is deleted may leave
// a new token behind, which the deletion could not see yet. The code's row makes it as good as gone.
const alive = `EXISTS (SELECT 1 FROM code WHERE code.family = token.family AND code.revoked = FALSE AND ` + registered + `)`

// Token returns the token, used or expired or not, or store.ErrNotFound: one that was revoked is none.
func (s *Store) Token(ctx context.Context, kind, signature string) (tokens.Token, error) {
	return one(ctx, s, scanToken, `SELECT `+tokenColumns+changed(`token`)+` FROM token
		WHERE kind = $1 AND signature = $2 AND `+alive, kind, signature)
}

// TokenFor is Token for a client that asks about a token: store.ErrNotFound also if the asking client was removed.
func (s *Store) TokenFor(ctx context.Context, kind, signature string, asker client.Client) (tokens.Token, error) {
	return one(ctx, s, scanToken, `SELECT `+tokenColumns+changed(`token`)+` FROM token
		WHERE kind = $1 AND signature = $2 AND `+alive+`
			AND EXISTS (SELECT 1 FROM client asker WHERE asker.id = $3 AND asker.registration = $4)`,
		kind, signature, asker.ID, asker.Registration)
}

// Rotate marks the refresh token used with the answer to give again, if any, removes the access tokens of
// its family and inserts the new tokens, all or nothing. store.ErrConflict if it was used before
// or is gone.
func (s *Store) Rotate(ctx context.Context, signature string, at time.Time, replay []byte, made []tokens.Token) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.exec(ctx, store.ErrConflict, `UPDATE token SET used_at = $2, replay = $3, keep_until = $4
			WHERE kind = 'refresh' AND signature = $1 AND used_at = 0 AND `+alive,
			signature, micros(at), replay, micros(at.Add(remember)))
		if err != nil {
			return err
		}
		err = s.exec(ctx, nil, `DELETE FROM token WHERE kind = 'access' AND family =
			(SELECT family FROM token WHERE kind = 'refresh' AND signature = $1)`, signature)
		if err != nil {
			return err
		}
		return s.insertTokens(ctx, made)
	})
}

// Renew gives a live refresh token another end and inserts the new access tokens, all or nothing. store.ErrConflict if it was
// used before or is gone.
func (s *Store) Renew(ctx context.Context, signature string, expires time.Time, made []tokens.Token) error {
	return s.Atomic(ctx, func(ctx context.Context) error {
		err := s.exec(ctx, store.ErrConflict, `UPDATE token SET expires_at = $2, keep_until = $2
			WHERE kind = 'refresh' AND signature = $1 AND used_at = 0 AND `+alive, signature, micros(expires))
		if err != nil {
			return err
		}
		return s.insertTokens(ctx, made)
	})
}

// insertTokens is one statement for all of them.
func (s *Store) insertTokens(ctx context.Context, made []tokens.Token) error {
	if len(made) == 0 {
		return nil
	}
	var values []string
	var args []any
	for _, t := range made {
		row := []any{t.Kind, t.Signature, t.Family, t.Client, t.Subject, t.Session, t.Data, micros(t.Created),
			micros(t.Expires), micros(t.UsedAt), t.Replay, micros(t.Expires)}
		values = append(values, places(len(args), len(row)))
		args = append(args, row...)
	}
	return s.exec(ctx, store.ErrConflict, `INSERT INTO token (`+tokenColumns+`, keep_until) VALUES `+
		strings.Join(values, ", "), args...)
}

// places returns the n places for arguments that follow the given number of others: ($5, $6).
func places(others, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("$%d", others+i+1)
	}
	return "(" + strings.Join(list, ", ") + ")"
}

// UseProof uses up the proof of that id, and keeps that until then at least. dpop.ErrReplayed if it was used before.
func (s *Store) UseProof(ctx context.Context, id string, until time.Time) error {
	return s.exec(ctx, dpop.ErrReplayed, `INSERT INTO used_proof (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`,
		id, micros(until))
}

// RevokeFamily ends all tokens of a family for good: none can be added to it any more, not by a slow
// exchange of its code either. A family without tokens is no error.
func (s *Store) RevokeFamily(ctx context.Context, family string) error {
	return s.revoke(ctx, `family = $1`, family)
}

// RevokeAccessToken ends one access token and nothing else. One that is gone is no error.
func (s *Store) RevokeAccessToken(ctx context.Context, signature string) error {
	return s.exec(ctx, nil, `DELETE FROM token WHERE kind = 'access' AND signature = $1`, signature)
}

// revoke ends the families whose code fits the condition. The mark comes first: it waits for an
// exchange under way, whose tokens the deletion then sees. Refresh tokens go before access tokens,
// the order of Rotate, so that the two cannot lock each other out.
func (s *Store) revoke(ctx context.Context, condition string, args ...any) error {
	families := ` AND family IN (SELECT family FROM code WHERE ` + condition + `)`
	return s.Atomic(ctx, func(ctx context.Context) error {
		for _, query := range []string{
			`UPDATE code SET revoked = TRUE WHERE revoked = FALSE AND ` + condition,
			`DELETE FROM token WHERE kind = 'refresh'` + families,
			`DELETE FROM token WHERE kind = 'access'` + families,
		} {
			if err := s.exec(ctx, nil, query, args...); err != nil {
				return err
			}
		}
		return nil
	})
}
